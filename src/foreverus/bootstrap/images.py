"""Who sees images, or reads them, where the deployment's Images is on."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypedDict

from foreverus.bootstrap import aws, containers, shared

if TYPE_CHECKING:
    from foreverus.abilities.read_image.bedrock import BedrockSight
    from foreverus.backends.images import PromptImage
    from foreverus.backends.sights import SeeingModel
    from foreverus.conversations.images import MessageImages
    from foreverus.conversations.reading import ImageTexts
    from foreverus.costs.prices import TokenPrice
    from foreverus.sessions.backends_now import BackendsLook
    from foreverus.settings.api import ApiSettings

CALLS = 32  # in flight at once; a thread is made when it is needed


@cache
def sight(model_id: str, calls: int = CALLS) -> "BedrockSight":
    """Who sees images."""
    from foreverus.abilities.read_image.bedrock import BedrockSight
    from foreverus.backends.bedrock import SILENCE_TIMEOUT_S, config

    return BedrockSight(aws.client("bedrock-runtime", own=config(calls, SILENCE_TIMEOUT_S)), model_id, calls)


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
