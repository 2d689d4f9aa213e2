"""A request whose images are read: the text in each stands in its place, and the request is as any other from then on.

As listening is, reading is a request of its own under its person's limits, and costs nothing beside its run.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from foreverus import ids
from foreverus.abilities.read_image.port import ReadText, read_all, unreadable
from foreverus.abilities.read_image.words import with_texts
from foreverus.access.records import Caller
from foreverus.costs.reservations import Owner
from foreverus.errors import InvalidRequest, PromptRejected
from foreverus.openai_api.desk import Desk
from foreverus.openai_api.records import CompletionRequest


@dataclass(frozen=True, kw_only=True)
class ReadingDesk:
    """`reader`: made when somebody shows an image. `seen`: the GPU sees those of this request. Blocks."""

    reader: Callable[[], ReadText]
    desk: Desk
    seen: Callable[[CompletionRequest], bool] = lambda _: False

    async def read(self, request: CompletionRequest, caller: Caller) -> CompletionRequest:
        """Raises what `Desk.enter` and `ReadText.read` raise, and InvalidRequest."""
        images = request.prompt.images
        if not images or await asyncio.to_thread(self.seen, request):
            return request
        name = ids.new_id("req", self.desk.clock())
        place = await self.desk.enter(name, Owner.CONTAINER, 0.0, caller)
        used = False
        try:
            texts = await read_all(self.reader(), images)
            used = True
        except PromptRejected as err:
            raise InvalidRequest(str(err), param="messages", code=unreadable(err)) from err
        finally:
            await place.leave(0.0, used=used)
        return replace(request, prompt=with_texts(request.prompt, texts))
