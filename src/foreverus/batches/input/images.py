"""The images of a batch's lines: whether they are taken in here, how, and what they are reckoned with. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from foreverus.abilities.read_image.parts import has_images, images_of, named_images, with_images
from foreverus.abilities.read_image.port import MOST_CHARACTERS, READ_TOKENS, Sight
from foreverus.backends.images import PromptImage, stored_image
from foreverus.backends.port import Prompt
from foreverus.backends.tokens import image_tokens_of
from foreverus.choice.abilities import BLIND
from foreverus.choice.request import images_off
from foreverus.errors import InvalidRequest
from foreverus.files.records import object_key

BODY = "body."  # where a line's request stands
# Those of these ids that are images of the batch's person, still to be read.
OwnImages: TypeAlias = Callable[[Sequence[str]], Mapping[str, PromptImage]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRules:
    """`sight`: how images are taken in; None: not at all, and the deployment's parameter says so. `own` None: nobody
    looks here whose the named ones are. `bedrock`: such lines are answered there; False: the
    deployment has no Bedrock, or the GPU's model alone sees."""

    sight: Sight | None = Sight.SEEN
    own: OwnImages | None = None
    bedrock: bool = True

    def shown(self, prompt: Prompt, body: Mapping[str, Any]) -> Prompt:
        """A line's prompt with its images. `body` fits its schema. Raises InvalidRequest."""
        if has_images(body) and self.sight is None:
            raise images_off(f"{BODY}messages")
        if has_images(body) and not self.bedrock:
            raise not_answered("This deployment has nobody there for them (see its Images and BedrockModelId)")
        named = named_images(body, BODY)
        own = {one: stored_image("") for one in named} if self.own is None else self.own(named) if named else {}
        return with_images(prompt, images_of(body, own, BODY))

    def tokens(self, prompt: Prompt) -> tuple[int, int]:
        """(What its images are reckoned with, the most that they may be.)"""
        if self.sight is Sight.READ:
            return len(prompt.images) * READ_TOKENS, len(prompt.images) * MOST_CHARACTERS
        return image_tokens_of(prompt), image_tokens_of(prompt)


ANY_IMAGES = ImageRules()  # where nobody knows the deployment: what fits its form


def not_answered(why: str) -> InvalidRequest:
    message = f"A line with images is answered on Bedrock. {why}: leave the images out."
    return InvalidRequest(message, param=f"{BODY}messages", code=BLIND)


def stored_images(user_id: str, body: Mapping[str, Any]) -> dict[str, PromptImage]:
    """The images that a line names which passed its check, by their ids: each is read when the line is asked."""
    return {one: stored_image(object_key(user_id, one)) for one in named_images(body)}
