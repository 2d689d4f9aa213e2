"""Our own GPU's model where it sees: images that stand in a prompt as addresses are fetched before the engine is asked,
for that has no network of its own, and go to it as `image_url` parts with their bytes (backends/messages.py).
"""

import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from http.client import HTTPException

from foreverus.abilities.read_image.port import Sight
from foreverus.backends.images import PromptImage
from foreverus.backends.port import Backend, Completion, Delta, Finished, Message, Prompt
from foreverus.concurrency import RunBlocking
from foreverus.errors import ImagesNotFetched, PromptRejected

MOST_BYTES = 4_000_000  # of one: more than any that we keep
FETCH_S = 10.0
LENT_S = 120  # an address that a worker fetches at once
GONE = "An image of this request was deleted before it was shown. Send the request again without it."

Fetch = Callable[[str], bytes | None]


def fetch(url: str) -> bytes | None:
    """The bytes at an address that our own functions have made; None where nothing is there any more. Blocks. Raises
    OSError."""
    try:
        with urllib.request.urlopen(url, timeout=FETCH_S) as answer:  # noqa: S310  # presigned by us
            data: bytes = answer.read(MOST_BYTES + 1)
            left = answer.length  # of what the answer said that it has: it may break off without an error
    except urllib.error.HTTPError as err:
        if err.code == 404:
            return None
        raise
    except HTTPException as err:
        raise OSError(f"the answer broke off: {type(err).__name__}") from err
    if len(data) > MOST_BYTES:
        raise OSError("an image is larger than any that is kept")
    if left:
        raise OSError(f"{left} bytes of an image are missing")
    return data


@dataclass(frozen=True)
class GpuSight:
    """`ReadImage` over an engine. Raises PromptRejected too, where an image is gone, and ImagesNotFetched where one
    could not be fetched just now: never is a prompt sent without an image that it has."""

    backend: Backend
    model_id: str
    fetch: Fetch = fetch
    run_blocking: RunBlocking = asyncio.to_thread

    @property
    def sight(self) -> Sight:
        return Sight.SEEN

    async def complete(self, prompt: Prompt) -> Completion:
        return await self.backend.complete(await self._whole(prompt))

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        async with aclosing(self.backend.stream(await self._whole(prompt))) as events:
            async for event in events:
                yield event

    async def _whole(self, prompt: Prompt) -> Prompt:
        if not any(image.url for image in prompt.images):
            return prompt
        return replace(prompt, messages=tuple([await self._with(one) for one in prompt.messages]))

    async def _with(self, message: Message) -> Message:
        fetched = [await self._fetched(one) for one in message.images]
        return replace(message, images=tuple(fetched)) if fetched else message

    async def _fetched(self, image: PromptImage) -> PromptImage:
        try:
            data = await self.run_blocking(self.fetch, image.url) if image.url else image.data
        except OSError as err:
            raise ImagesNotFetched("An image could not be fetched just now. Send it again.") from err
        if data is None:
            raise PromptRejected(GONE, "image_not_found")
        return replace(image, data=data, url="")
