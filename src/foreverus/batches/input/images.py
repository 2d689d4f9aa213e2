"""The images of a batch's lines: whether they are taken in here, by whom, and what they are reckoned with. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from foreverus.abilities.read_image.parts import has_images, images_of, named_images, with_images
from foreverus.abilities.read_image.port import MOST_CHARACTERS, READ_TOKENS, Sight
from foreverus.backends.images import PromptImage, stored_image
from foreverus.backends.port import BackendName, Prompt
from foreverus.backends.sights import ModelSight
from foreverus.backends.tokens import image_tokens_of, least_tokens, texts_of
from foreverus.choice.abilities import BLIND, TOO_LONG, PromptLength, cannot
from foreverus.choice.request import images_off
from foreverus.errors import InvalidRequest
from foreverus.files.records import object_key

BODY = "body."  # where a line's request stands
# Those of these ids that are images of the batch's person, still to be read.
OwnImages: TypeAlias = Callable[[Sequence[str]], Mapping[str, PromptImage]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRules:
    """`sight`: how images are taken in on Bedrock; None: not at all here, and the deployment's parameter says so. `own`
    None: nobody looks here whose the named ones are. `bedrock`: such lines are answered there; False: the deployment
    has no Bedrock, or the GPU's model alone sees. `gpu`: how that does; None: it does not."""

    sight: Sight | None = Sight.SEEN
    own: OwnImages | None = None
    bedrock: bool = True
    gpu: ModelSight | None = None

    def shown(self, prompt: Prompt, body: Mapping[str, Any]) -> Prompt:
        """A line's prompt with its images. `body` fits its schema. Raises InvalidRequest."""
        if has_images(body) and self.sight is None:
            raise images_off(f"{BODY}messages")
        named = named_images(body, BODY)
        own = {one: stored_image("") for one in named} if self.own is None else self.own(named) if named else {}
        return with_images(prompt, images_of(body, own, BODY))

    def who(
        self, prompt: Prompt, allowed: frozenset[BackendName], context_tokens: int | None
    ) -> frozenset[BackendName]:
        """Which of the allowed backends take in the images of a line. Where our own container reads, the GPU's model
        sees those of a batch that names the GPU. Raises InvalidRequest where none does."""
        on_bedrock = self.bedrock and BackendName.BEDROCK in allowed
        able = {BackendName.BEDROCK} if on_bedrock else set()
        lacks = None
        if BackendName.GPU in allowed and not (on_bedrock and self.sight is Sight.READ):
            least = sum(map(least_tokens, texts_of(prompt)))
            limits = PromptLength(context_tokens, least) if context_tokens else None
            lacks = cannot(BackendName.GPU, prompt, limits, self.gpu)
            able |= set() if lacks else {BackendName.GPU}
        if able:
            return frozenset(able)
        if lacks and lacks.code == TOO_LONG:
            raise InvalidRequest(lacks.message, param=f"{BODY}messages", code=TOO_LONG)
        raise _not_answered(self._why(allowed))

    def _why(self, allowed: frozenset[BackendName]) -> str:
        if BackendName.GPU not in allowed and self.gpu:
            return "This batch allows Bedrock alone (metadata.backend), and the GPU's model alone sees here"
        if self.bedrock:
            return "This batch allows the GPU alone (metadata.backend), whose model sees none"
        return "This deployment has nobody for them (see its Images, GpuModelSees and BedrockModelId)"

    def tokens(self, prompt: Prompt) -> tuple[int, int]:
        """(What its images are reckoned with, the most that they may be), by whoever takes them in on Bedrock; where
        nobody does, by the GPU's model."""
        if self.sight is Sight.READ and self.bedrock:
            return len(prompt.images) * READ_TOKENS, len(prompt.images) * MOST_CHARACTERS
        count = image_tokens_of(prompt) if self.bedrock or not self.gpu else self.gpu.all_tokens(prompt.images)
        return count, count

    @property
    def seen_on_bedrock(self) -> bool:
        """By a model that has a price of its own."""
        return self.bedrock and self.sight is Sight.SEEN


ANY_IMAGES = ImageRules()  # where nobody knows the deployment: what fits its form


def _not_answered(why: str) -> InvalidRequest:
    message = f"Nobody sees the images of this line. {why}: leave them out."
    return InvalidRequest(message, param=f"{BODY}messages", code=BLIND)


def stored_images(user_id: str, body: Mapping[str, Any]) -> dict[str, PromptImage]:
    """The images that a line names which passed its check, by their ids: each is read when the line is asked."""
    return {one: stored_image(object_key(user_id, one)) for one in named_images(body)}
