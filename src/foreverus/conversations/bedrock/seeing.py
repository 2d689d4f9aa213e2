"""The images of a conversation whose answer is made by a model that sees: as many of the newest as one call takes."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from foreverus.abilities.read_image.stored import ImageLoader, Readable
from foreverus.aws.s3 import Objects
from foreverus.backends.images import PromptImage
from foreverus.backends.port import Backend, Message, Prompt
from foreverus.concurrency import RunBlocking
from foreverus.conversations.passages import records as quoting
from foreverus.conversations.prompt import Thread
from foreverus.conversations.shown import ShownImage, noted
from foreverus.costs.prices import TokenPrice
from foreverus.errors import ImagesNotFetched
from foreverus.files.records import object_key

MOST_IMAGES = 8  # of one prompt: a message's four, and as many of those before it
MOST_TOKENS = 60_000  # of them together, at most; US$ 0.0036 with Amazon Nova Lite
MOST_BYTES = 15_000_000  # Nova takes 25 MB, and base64 makes 4 of 3
TRIES, AGAIN_S = 3, 0.5  # to read them; the second pause is twice as long
NOT_FETCHED = "The images of this conversation could not be fetched just now. Ask again."

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Seeing:
    """`objects`: where people's files are."""

    backend: Backend
    price: TokenPrice
    objects: Objects

    async def seen(self, prompt: Prompt, thread: Thread, run_blocking: RunBlocking) -> Prompt:
        """The prompt of a thread with the images that its questions show. One that is gone is left out, and its words
        say so. Raises ImagesNotFetched where S3 does not give one in three tries."""
        pause = AGAIN_S
        for attempt in range(1, TRIES):
            try:
                return await run_blocking(shown_in, prompt, thread, self.objects, _fitting)
            except ImagesNotFetched:
                log.warning("try %d to read a conversation's images", attempt, exc_info=True)
                await asyncio.sleep(pause)
                pause *= 2
        return await run_blocking(shown_in, prompt, thread, self.objects, _fitting)


Fitting = Callable[[Sequence[Sequence[ShownImage]]], Iterable[ShownImage]]


def shown_in(prompt: Prompt, thread: Thread, objects: Readable, fitting: Fitting) -> Prompt:
    """`fitting`: those to be shown, of what each question of the prompt has. Raises ImagesNotFetched."""
    question = thread.question
    if question is None:
        return prompt
    last = len(prompt.messages) - (2 if prompt.continues else 1)
    kept = (last - 1) // 2  # turns before the question, and their answers
    earlier = thread.earlier[len(thread.earlier) - kept :]
    shown = [(1 + 2 * at, one.question, one.images) for at, one in enumerate(earlier)]
    said = prompt.messages[last].content
    passages = said.removesuffix(quoting.without(said))
    shown.append((last, passages + question.content, question.images))
    wanted = {one: _unread(question.user_id, one) for one in fitting([images for _, _, images in shown])}
    loaded = ImageLoader(objects)(wanted.values())
    there = {one: loaded.get(image.object_key) for one, image in wanted.items()}
    messages = list(prompt.messages)
    for at, words, images in shown:
        if images:
            messages[at] = _with(messages[at], words, images, there)
    return replace(prompt, messages=tuple(messages))


def _unread(user_id: str, image: ShownImage) -> PromptImage:
    return PromptImage(image.kind, image.width, image.height, b"", object_key(user_id, image.file_id))


def _fitting(shown: Sequence[Sequence[ShownImage]]) -> Iterator[ShownImage]:
    """The newest that one call takes."""
    count, tokens, size = 0, 0, 0
    for one in (one for images in reversed(shown) for one in images):
        count, tokens, size = count + 1, tokens + one.tokens, size + one.bytes
        if count > MOST_IMAGES or size > MOST_BYTES or (tokens > MOST_TOKENS and count > 4):
            return
        yield one


def _with(
    message: Message, words: str, images: Sequence[ShownImage], loaded: dict[ShownImage, PromptImage | None]
) -> Message:
    there = tuple(image for one in images if (image := loaded.get(one)))
    return replace(message, content=noted(words, [one for one in images if not loaded.get(one)]), images=there)
