"""Who sees images, or reads them, where the deployment's Images is on."""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Protocol, TypedDict

from foreverus.bootstrap import aws, containers, shared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foreverus.abilities.read_image.bedrock import BedrockSight
    from foreverus.backends.images import PromptImage
    from foreverus.backends.sights import SeeingModel
    from foreverus.batches.input.images import ImageRules
    from foreverus.conversations.images import MessageImages
    from foreverus.conversations.reading import ImageTexts
    from foreverus.costs.prices import TokenPrice
    from foreverus.sessions.backends_now import BackendsLook
    from foreverus.settings.api import ApiSettings

OFF = "off"  # what Images is set to
KNOWN_LINES = 4096  # lines of a batch that name the same images
CALLS = 32  # in flight at once; a thread is made when it is needed


@cache
def sight(model_id: str, calls: int = CALLS, read_timeout_s: float = 0.0) -> "BedrockSight":
    """Who sees images. `read_timeout_s`: 0 for that of streams."""
    from foreverus.abilities.read_image.bedrock import BedrockSight
    from foreverus.backends.bedrock import SILENCE_TIMEOUT_S, config

    return BedrockSight(
        aws.client("bedrock-runtime", own=config(calls, read_timeout_s or SILENCE_TIMEOUT_S)), model_id, calls
    )


def look(env: "ApiSettings") -> "Callable[[bytes], PromptImage] | None":
    """At an image before it is kept. None: nobody sees or reads them."""
    from foreverus.abilities.read_image.checking import accepted

    def about_to_be_read(data: bytes) -> "PromptImage":
        image = accepted(data)
        containers.begin(env)  # who adds an image is about to send it
        return image

    if reads(env):
        return about_to_be_read
    return accepted if env.images_model_id or env.gpu_model_sees else None


def look_at_backends(env: "ApiSettings") -> "BackendsLook":
    """For who chooses between them, or quotes."""
    from foreverus.backends.sights import seeing_model

    gpu_sees = seeing_model(env.model_id, env.gpu_model_sees)
    return shared.backends_look(env, bool(env.answer_conversation_function), env.images_model_id, gpu_sees)


def of_messages(env: "ApiSettings") -> "MessageImages":
    from foreverus.conversations.images import MessageImages

    return MessageImages(aws.items(env.table_name), bool(env.images_model_id or env.gpu_model_sees), texts(env))


class RulesSettings(Protocol):
    @property
    def table_name(self) -> str: ...
    @property
    def bedrock_model_id(self) -> str: ...
    @property
    def images(self) -> str: ...
    @property
    def images_model_id(self) -> str: ...
    @property
    def gpu_model_sees(self) -> str: ...


def line_rules(env: RulesSettings, user_id: str) -> "ImageRules":
    """Of the lines of somebody's batch. What is found is known for the next line that names the same."""
    from foreverus.abilities.read_image.port import Sight
    from foreverus.backends.sights import SIGHTS
    from foreverus.batches.input.images import ImageRules
    from foreverus.files.images import PersonsImages

    find = PersonsImages(aws.items(env.table_name))

    @lru_cache(KNOWN_LINES)
    def found(file_ids: tuple[str, ...]) -> "Mapping[str, PromptImage]":
        return find(user_id, file_ids, aws.clock())

    sight = Sight.READ if env.images == containers.CONTAINER else None if env.images == OFF else Sight.SEEN
    there = bool(env.bedrock_model_id) and (sight is Sight.READ or bool(env.images_model_id))
    gpu = SIGHTS[env.gpu_model_sees] if env.gpu_model_sees else None
    return ImageRules(sight=sight, own=lambda ids: found(tuple(ids)), bedrock=there, gpu=gpu)


def in_words(env: RulesSettings) -> str:
    """What becomes of the images of a batch's lines on Bedrock; empty: nobody is there for them. Switched off since it
    was begun, they are their lines' errors."""
    by = {containers.CONTAINER: "read by our own container", OFF: "taken in no more, Images is off"}
    return f"seen by {env.images_model_id}" if env.images_model_id else by.get(env.images, "")


class Quoted(TypedDict):
    """What a quote says of images (spending/quotes.py)."""

    sees: "TokenPrice | None"
    reads: bool
    gpu_sees: "SeeingModel | None"


def quoted(env: "ApiSettings") -> Quoted:
    from foreverus.backends.sights import seeing_model
    from foreverus.costs.prices import bedrock_price

    price = bedrock_price(env.images_model_id, aws.region()) if env.images_model_id else None
    return {"sees": price, "reads": reads(env), "gpu_sees": seeing_model(env.model_id, env.gpu_model_sees)}


def reads(env: "ApiSettings") -> bool:
    return env.images == containers.CONTAINER


def texts(env: "ApiSettings") -> "ImageTexts | None":
    """In the images of a message, where they are read."""
    from foreverus.conversations.reading import ImageTexts

    if not reads(env):
        return None
    objects, items = aws.objects(env.data_bucket), aws.items(env.table_name)
    return ImageTexts(items=items, objects=objects, reader=lambda: containers.reader(env, short=True))
