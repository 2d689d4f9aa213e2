"""A request's images on their way to a GPU: the request itself has room for addresses alone, and so has its worker's
role no right to any image. Each address is of one image, for as long as the request may wait."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from foreverus.aws.s3 import Objects
from foreverus.backends.images import PromptImage
from foreverus.backends.port import Backend, Completion, Delta, Finished, Prompt
from foreverus.concurrency import RunBlocking
from foreverus.relay.records import KEPT

PREFIX = "shown"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LentImages:
    """`Backend` over the GPU's relay, for one request. `objects`: the data bucket, where people's files are, and where
    what came with the request itself lies until it is answered."""

    backend: Backend
    objects: Objects
    request_id: str
    run_blocking: RunBlocking = asyncio.to_thread
    _put: list[str] = field(default_factory=list, init=False)

    async def complete(self, prompt: Prompt) -> Completion:
        try:
            return await self.backend.complete(await self.run_blocking(self._lent, prompt))
        finally:
            await asyncio.shield(self.run_blocking(self._forget))

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        try:
            async with aclosing(self.backend.stream(await self.run_blocking(self._lent, prompt))) as events:
                async for event in events:
                    yield event
        finally:
            await asyncio.shield(self.run_blocking(self._forget))

    def _lent(self, prompt: Prompt) -> Prompt:
        messages = tuple(
            replace(one, images=tuple(map(self._address, one.images))) if one.images else one for one in prompt.messages
        )
        return replace(prompt, messages=messages)

    def _address(self, image: PromptImage) -> PromptImage:
        place = image.object_key
        if not place:
            place = f"{PREFIX}/{self.request_id}/{len(self._put)}"
            self._put.append(place)
            self.objects.put(place, image.data, f"image/{image.kind.value}")
        url = self.objects.presigned_get(place, seconds=int(KEPT.total_seconds()))
        return replace(image, data=b"", object_key="", url=url)

    def _forget(self) -> None:
        """What fails here goes with the bucket's rule, in a day."""
        try:
            for place in self._put:
                self.objects.delete(place)
        except Exception:
            log.exception("an image could not be deleted")
