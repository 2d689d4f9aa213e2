"""A stream that boto3 reads in a thread, heard in a loop: its events, and its end."""

import asyncio
import threading
from typing import Generic, TypeVar

Event = TypeVar("Event")


class StreamEvents(Generic[Event]):
    """From a thread that reads to the loop that listens."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self.cancelled = threading.Event()
        self._loop = loop
        self._queue: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()

    def put(self, event: Event | BaseException | None) -> None:
        """None: the end."""
        try:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, event)
        except RuntimeError:  # the loop is closed: nobody listens
            self.cancelled.set()

    async def next(self) -> Event | None:
        event = await self._queue.get()
        if isinstance(event, BaseException):
            raise event
        return event
