"""An answer in a task of its own: who waits for it may go at any moment, and its end is kept all the same.

A response's task may be cancelled at each of its awaits, and what stands in its `finally` with it. So the answer is
written in a task that only `stop` cancels, once: it then counts what was used, as at any other end.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Generic, TypeVar

Event = TypeVar("Event")
_running: set["asyncio.Task[None]"] = set()  # a task that nobody holds may be collected in the middle


class Running(Generic[Event]):
    """Begins at once. `next` gives its events one after the other, then None; it raises what the answer raises."""

    def __init__(self, events: AsyncGenerator[Event, None]):
        self._events: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._run(events))
        _running.add(self._task)
        self._task.add_done_callback(_running.discard)

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
        self._task.cancel()

    async def _run(self, events: AsyncGenerator[Event, None]) -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    self._events.put_nowait(event)
            self._events.put_nowait(None)
        except asyncio.CancelledError:
            pass  # by `stop`: nobody listens
        except Exception as err:
            self._events.put_nowait(err)


async def all_over() -> None:
    """Until every answer that is being written or stopped just now has ended."""
    while _running:
        await asyncio.wait(list(_running))
