"""Natural group commit: what finishes while a write is under way goes into the next write, whatever its size."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

Item = dict[str, Any]

log = logging.getLogger(__name__)

RETRY_S = 1.0


class GroupCommit:
    """Writes settled lines, one write at a time. Nothing that was `put` is dropped: a failed write is repeated.

    A slot takes its next line as soon as its finished one is here, so the engine does not wait for the table. A lost
    instance still costs about one line a slot: a line is here for two writes at most (the one that was under way when
    it came, and its own), so a slot whose finished line is lost has worked on the next one for those milliseconds only.
    That holds while writes succeed; where they do not, or as many lines wait as there are slots, `keeps_up` waits
    and no slot takes a line: never more than two lines a slot can be lost, the one here and the one in the engine.
    """

    def __init__(self, write: Callable[[list[Item]], Awaitable[None]], most_unwritten: int):
        self.unwritten = 0
        self._write = write
        self._most_unwritten = most_unwritten
        self._waiting: list[Item] = []
        self._some = asyncio.Event()
        self._failing = False
        self._written = asyncio.Condition()

    def put(self, item: Item) -> None:
        self._waiting.append(item)
        self.unwritten += 1
        self._some.set()

    async def keeps_up(self) -> None:
        """Returns when a line may be started."""
        if self._failing or self.unwritten >= self._most_unwritten:
            async with self._written:
                await self._written.wait_for(lambda: not self._failing and self.unwritten < self._most_unwritten)

    async def flush(self) -> None:
        """Returns when everything is written."""
        async with self._written:
            await self._written.wait_for(lambda: not self.unwritten)

    async def run(self) -> None:
        """Writes, for ever."""
        while True:
            await self._some.wait()
            self._some.clear()
            if not (group := self._take()):
                continue
            while not await self._try(group):
                await asyncio.sleep(RETRY_S)
                group += self._take()
            async with self._written:
                self._failing = False
                self.unwritten -= len(group)
                self._written.notify_all()

    def _take(self) -> list[Item]:
        group, self._waiting = self._waiting, []
        return group

    async def _try(self, group: list[Item]) -> bool:
        try:
            await self._write(group)
        except Exception as err:
            self._failing = True
            log.warning("%d settled lines could not be written: %r", len(group), err)
            return False
        return True
