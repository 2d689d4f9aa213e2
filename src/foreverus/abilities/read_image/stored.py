"""Images that are files are read when they are shown: who chooses, reckons and lets in needs no bytes."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from foreverus.abilities.read_image.checking import MOST_BYTES, NotTaken, checked
from foreverus.abilities.read_image.port import ReadText
from foreverus.aws.s3 import ObjectNotThere, Objects
from foreverus.backends.images import PromptImage
from foreverus.backends.port import Backend, Completion, Delta, Finished, Message, Prompt
from foreverus.concurrency import Room, RunBlocking
from foreverus.errors import ImagesNotFetched, PromptRejected

LOADS = 4  # at once
NOT_FETCHED = "An image could not be read just now. Send it again."


class Readable(Protocol):
    def read(self, key: str, start: int, end: int) -> bytes:
        """Raises ObjectNotThere."""


@dataclass(frozen=True)
class ImageLoader:
    """`objects`: where people's files are."""

    objects: Readable

    def __call__(self, images: Iterable[PromptImage]) -> dict[str, PromptImage]:
        """Those that are still to be read, by their places, each read once; one that is gone is missing. Blocks. Raises
        ImagesNotFetched, and PromptRejected for one of which nothing was known, and that is none."""
        wanted = {image.object_key: image for image in images if image.object_key}
        if not wanted:
            return {}
        with ThreadPoolExecutor(LOADS) as threads:
            found = zip(wanted, threads.map(self._load, wanted.values()), strict=True)
            return {place: image for place, image in found if image}

    def _load(self, image: PromptImage) -> PromptImage | None:
        try:
            data = self.objects.read(image.object_key, 0, MOST_BYTES)
        except ObjectNotThere:
            return None
        except (ClientError, BotoCoreError) as err:
            raise ImagesNotFetched(NOT_FETCHED) from err
        if image.width:
            return replace(image, data=data)
        try:
            return replace(checked(data), object_key=image.object_key)
        except NotTaken as err:
            raise PromptRejected(str(err), "invalid_image") from err


@dataclass(frozen=True)
class StoredImages:
    """`Backend` over one that sees. `room`: bytes of images that may be in prompts at once; None: no matter how many.
    Raises PromptRejected too, where an image was deleted since it was looked up, and ImagesNotFetched."""

    backend: Backend
    objects: Objects
    run_blocking: RunBlocking = asyncio.to_thread
    room: Room | None = None

    async def complete(self, prompt: Prompt) -> Completion:
        async with self._shown(prompt) as whole:
            return await self.backend.complete(whole)

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        async with self._shown(prompt) as whole, aclosing(self.backend.stream(whole)) as events:
            async for event in events:
                yield event

    @asynccontextmanager
    async def _shown(self, prompt: Prompt) -> AsyncGenerator[Prompt, None]:
        stored = any(image.object_key for image in prompt.images)
        whole = await self.run_blocking(_read, self.objects, prompt) if stored else prompt
        size = sum(len(image.data) for image in whole.images)
        async with self.room.take(size) if self.room and size else nullcontext():
            yield whole


@dataclass(frozen=True)
class StoredTexts:
    """Likewise `ReadText` over one that reads."""

    reader: ReadText
    objects: Objects
    run_blocking: RunBlocking = asyncio.to_thread

    async def read(self, image: PromptImage) -> str:
        if image.object_key:
            found = await self.run_blocking(ImageLoader(self.objects), [image])
            image = _there(image, found)
        return await self.reader.read(image)


def _read(objects: Objects, prompt: Prompt) -> Prompt:
    """Each once, however often it is shown."""
    found = ImageLoader(objects)(prompt.images)
    return replace(prompt, messages=tuple(_with(one, found) for one in prompt.messages))


def _with(message: Message, found: dict[str, PromptImage]) -> Message:
    return replace(message, images=tuple(_there(one, found) if one.object_key else one for one in message.images))


def _there(image: PromptImage, found: dict[str, PromptImage]) -> PromptImage:
    if image.object_key not in found:
        said = "An image of this request was deleted before it was shown. Send the request again without it."
        raise PromptRejected(said, "image_not_found")
    return found[image.object_key]
