"""A request whose images are read: the text in each stands in its place, and the request is as any other from then on.

As listening is, reading is a request of its own under its person's limits, and costs nothing beside its run.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from foreverus import ids
from foreverus.abilities.read_image.port import ReadText, read_all
from foreverus.abilities.read_image.words import before
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
        images = [image for one in request.prompt.messages for image in one.images]
        if not images or await asyncio.to_thread(self.seen, request):
            return request
        name = ids.new_id("req", self.desk.clock())
        place = await self.desk.enter(name, Owner.CONTAINER, 0.0, caller)
        used = False
        try:
            texts = iter(await read_all(self.reader(), images))
            used = True
        except PromptRejected as err:
            code = "invalid_image" if err.reason == "prompt_rejected" else err.reason
            raise InvalidRequest(str(err), param="messages", code=code) from err
        finally:
            await place.leave(0.0, used=used)
        messages = tuple(
            replace(one, content=before(one.content, [next(texts) for _ in one.images]), images=())
            for one in request.prompt.messages
        )
        return replace(request, prompt=replace(request.prompt, messages=messages))
