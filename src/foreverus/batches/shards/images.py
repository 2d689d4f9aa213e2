"""Lines with images on Bedrock: a model that sees answers them, or the text in them is read and put in their place."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

from foreverus.abilities.read_image.port import ReadImage, ReadText, read_all, unreadable
from foreverus.abilities.read_image.stored import StoredImages
from foreverus.abilities.read_image.words import with_texts
from foreverus.aws.s3 import Objects
from foreverus.backends.port import Backend, Completion, Delta, Finished, Prompt
from foreverus.batches.records import LineResult
from foreverus.choice.request import READER, images_off
from foreverus.concurrency import Room, RunBlocking
from foreverus.costs.allowance import Allowance
from foreverus.costs.paid_backend import PaidBackend
from foreverus.costs.prices import NO_PRICE, TokenPrice
from foreverus.errors import ContainerCannotStart, ContainerStarting, EngineBusy, InvalidRequest, PromptRejected

# Of images in calls at once, beside what lines in hand hold: as base64 in a request they take some five times as much.
MOST_BYTES = 48_000_000
READS_AT_ONCE = 4  # lines: the container does as many pictures beside each other, and each waits for its own


class LineBackends(Protocol):
    """How lines are answered on Bedrock, with what is reserved for them."""

    @property
    def sight(self) -> TokenPrice:
        """Of lines whose images are seen."""

    def within(self, text: Backend, price: TokenPrice, allowance: Allowance) -> Backend:
        """`text`: who answers the other lines."""

    def said_of(self, result: LineResult) -> LineResult:
        """What became of a line with images, and who took them in."""


@dataclass(frozen=True)
class NoImages:
    """Images are off. Lines that show some have an error: the batch was begun before."""

    sight = NO_PRICE

    def within(self, text: Backend, price: TokenPrice, allowance: Allowance) -> Backend:
        return PaidBackend(_BySight(text, _Nobody()), price, allowance)

    def said_of(self, result: LineResult) -> LineResult:
        return result


NO_IMAGES = NoImages()


@dataclass(frozen=True, kw_only=True)
class SeenImages:
    """`objects`: where people's files are."""

    seer: ReadImage
    sight: TokenPrice
    objects: Objects
    run_blocking: RunBlocking = asyncio.to_thread

    def within(self, text: Backend, price: TokenPrice, allowance: Allowance) -> Backend:
        paid = PaidBackend(_BySight(text, self.seer), price, allowance, self.sight)
        return StoredImages(paid, self.objects, self.run_blocking, Room(MOST_BYTES))

    def said_of(self, result: LineResult) -> LineResult:
        return replace(result, images_seen_by=self.seer.model_id)


@dataclass(frozen=True, kw_only=True)
class ReadImages:
    """`reader`: made when a round begins."""

    reader: Callable[[], ReadText]
    sight = NO_PRICE

    def within(self, text: Backend, price: TokenPrice, allowance: Allowance) -> Backend:
        return _ReadFirst(PaidBackend(text, price, allowance), self.reader(), Room(READS_AT_ONCE))

    def said_of(self, result: LineResult) -> LineResult:
        return replace(result, images_read_by=READER)


@dataclass(frozen=True)
class _BySight:
    """`Backend`: prompts with images are the one's that sees."""

    text: Backend
    seer: Backend

    async def complete(self, prompt: Prompt) -> Completion:
        return await (self.seer if prompt.images else self.text).complete(prompt)

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        async with aclosing((self.seer if prompt.images else self.text).stream(prompt)) as events:
            async for event in events:
                yield event


@dataclass(frozen=True)
class _Nobody:
    """Sees."""

    async def complete(self, prompt: Prompt) -> Completion:
        raise _off()

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        raise _off()
        yield


def _off() -> PromptRejected:
    off = images_off()
    return PromptRejected(str(off), str(off.reason))


@dataclass(frozen=True)
class _ReadFirst:
    """`Backend` whose prompts have texts in their images' places. While the container starts, or cannot, it is busy."""

    backend: Backend
    reader: ReadText
    room: Room

    async def complete(self, prompt: Prompt) -> Completion:
        return await self.backend.complete(await self._read(prompt))

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        async with aclosing(self.backend.stream(await self._read(prompt))) as events:
            async for event in events:
                yield event

    async def _read(self, prompt: Prompt) -> Prompt:
        if not prompt.images:
            return prompt
        async with self.room.take(1):
            try:
                return with_texts(prompt, await read_all(self.reader, prompt.images))
            except (ContainerStarting, ContainerCannotStart) as err:  # another time it may
                raise EngineBusy(str(err)) from err
            except PromptRejected as err:
                raise PromptRejected(str(err), unreadable(err)) from err
            except InvalidRequest as err:  # a deployment has switched it off
                raise PromptRejected(str(err), str(err.reason)) from err
