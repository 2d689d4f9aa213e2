"""An answer in a task of its own: who waits for it may go at any moment, and its end is kept all the same.

A response's task may be cancelled at each of its awaits, and what stands in its `finally` with it. So the answer is
written in a task that only `stop` cancels, once: it then counts what was used, as at any other end.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any, Generic, TypeVar

from foreverus.errors import RequestRejected

Event = TypeVar("Event")
_running: set["asyncio.Task[None]"] = set()  # a task that nobody holds may be collected in the middle


class ClientGone(RequestRejected):
    """Its answer reaches nobody."""

    status = 499  # nginx's word for it

    def __init__(self) -> None:
        super().__init__("The client has gone.")


class Running(Generic[Event]):
    """Begins at once. `next` gives its events one after the other, then None; it raises what the answer raises. `gone`
    returns when nobody waits for it any more: the answer is stopped then, and `next` raises ClientGone."""

    def __init__(self, events: AsyncGenerator[Event, None], gone: Coroutine[Any, Any, None]):
        self._events: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._run(events))
        self._gone = asyncio.create_task(gone)
        _running.add(self._task)
        self._task.add_done_callback(self._over)
        self._gone.add_done_callback(lambda _: self.stop())

    @property
    def has_more(self) -> bool:
        """`next` has something at once: an event, the end, or what it raises."""
        return not self._events.empty()

    async def next(self) -> Event | None:
        event = await self._events.get()
        if isinstance(event, BaseException):
            raise event
        return event

    def stop(self) -> None:
        """Nobody waits for it any more. It ends by itself, soon."""
        if not self._task.cancelling():  # a second time would cut off what its end counts
            self._task.cancel()

    def _over(self, task: "asyncio.Task[None]") -> None:
        _running.discard(task)
        self._gone.cancel()

    async def _run(self, events: AsyncGenerator[Event, None]) -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    self._events.put_nowait(event)
            self._events.put_nowait(None)
        except asyncio.CancelledError:  # by `stop`
            self._events.put_nowait(ClientGone())
        except Exception as err:
            self._events.put_nowait(err)


async def all_over() -> None:
    """Until every answer that is being written or stopped just now has ended."""
    while _running:
        await asyncio.wait(list(_running))
