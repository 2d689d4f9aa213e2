"""Images that are files are read when they are shown: who chooses, reckons and lets in needs no bytes."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, replace

from foreverus.abilities.read_image.checking import MOST_BYTES
from foreverus.abilities.read_image.port import ReadText
from foreverus.aws.s3 import ObjectNotThere, Objects
from foreverus.backends.images import PromptImage
from foreverus.backends.port import Backend, Completion, Delta, Finished, Message, Prompt
from foreverus.concurrency import RunBlocking
from foreverus.errors import PromptRejected

LOADS = 4  # at once


@dataclass(frozen=True)
class StoredImages:
    """`Backend` over one that sees. Raises PromptRejected too, where an image was deleted since it was looked up."""

    backend: Backend
    objects: Objects
    run_blocking: RunBlocking = asyncio.to_thread

    async def complete(self, prompt: Prompt) -> Completion:
        return await self.backend.complete(await self._whole(prompt))

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        async with aclosing(self.backend.stream(await self._whole(prompt))) as events:
            async for event in events:
                yield event

    async def _whole(self, prompt: Prompt) -> Prompt:
        wanted = {image.object_key for image in prompt.images if image.object_key}
        return await self.run_blocking(self._read, prompt, sorted(wanted)) if wanted else prompt

    def _read(self, prompt: Prompt, wanted: list[str]) -> Prompt:
        """Each once, however often it is shown."""
        with ThreadPoolExecutor(LOADS) as threads:
            found = dict(zip(wanted, threads.map(self._load, wanted), strict=True))
        return replace(prompt, messages=tuple(_with(one, found) for one in prompt.messages))

    def _load(self, object_key: str) -> bytes:
        return _bytes_of(self.objects, object_key)


@dataclass(frozen=True)
class StoredTexts:
    """Likewise `ReadText` over one that reads."""

    reader: ReadText
    objects: Objects
    run_blocking: RunBlocking = asyncio.to_thread

    async def read(self, image: PromptImage) -> str:
        if not image.object_key:
            return await self.reader.read(image)
        data = await self.run_blocking(_bytes_of, self.objects, image.object_key)
        return await self.reader.read(replace(image, data=data))


def _bytes_of(objects: Objects, object_key: str) -> bytes:
    try:
        return objects.read(object_key, 0, MOST_BYTES)
    except ObjectNotThere as err:
        said = "An image of this request was deleted before it was shown. Send the request again without it."
        raise PromptRejected(said, "image_not_found") from err


def _with(message: Message, found: dict[str, bytes]) -> Message:
    return replace(message, images=tuple(_read_of(one, found) for one in message.images))


def _read_of(image: PromptImage, found: dict[str, bytes]) -> PromptImage:
    return replace(image, data=found[image.object_key]) if image.object_key else image
