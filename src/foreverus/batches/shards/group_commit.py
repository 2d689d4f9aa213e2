"""Natural group commit: what finishes while a write is under way goes into the next write, whatever its size."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)

RETRY_S = 1.0


class Backlog:
    """Finished lines that are not in the table yet: of every shard in hand, because they share the engine's slots."""

    def __init__(self) -> None:
        self.lines = 0
        self.failing: set[GroupCommit[Any]] = set()
        self.changed = asyncio.Event()


class GroupCommit(Generic[T]):
    """Writes finished lines, one write at a time. Nothing that was `put` is dropped: a failed write is repeated.

    A slot takes its next line as soon as its finished one is here, so the engine does not wait for the table. A lost
    instance still costs about one line a slot: a line is here for two writes at most (the one that was under way when
    it came, and its own), so a slot whose finished line is lost has worked on the next one for those milliseconds only.
    That holds while writes succeed; where they do not, or more lines wait than there are slots, `keeps_up` waits
    and no slot takes a line: never more than two lines a slot can be lost, the one here and the one in the engine.
    The lines of other shards count too, through the `backlog` that they share.
    """

    def __init__(
        self,
        write: Callable[[list[T]], Awaitable[None]],
        most_unwritten: int,
        backlog: Backlog | None = None,
    ):
        self.unwritten = 0
        self._write = write
        self._most_unwritten = most_unwritten
        self._backlog = backlog or Backlog()
        self._waiting: list[T] = []
        self._some = asyncio.Event()

    def put(self, result: T) -> None:
        self._waiting.append(result)
        self._count(1)
        self._some.set()

    async def keeps_up(self) -> None:
        """Returns when a line may be started."""
        while self._backlog.failing or self._backlog.lines > self._most_unwritten:
            await self._change()

    async def flush(self) -> None:
        """Returns when everything is written."""
        while self.unwritten:
            await self._change()

    def close(self) -> None:
        """What is not written by now is given up, and nobody waits for it."""
        self._backlog.failing.discard(self)
        self._count(-self.unwritten)

    async def _change(self) -> None:
        self._backlog.changed.clear()
        await self._backlog.changed.wait()

    def _count(self, lines: int) -> None:
        self.unwritten += lines
        self._backlog.lines += lines
        self._backlog.changed.set()

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
            self._backlog.failing.discard(self)
            self._count(-len(group))

    def _take(self) -> list[T]:
        group, self._waiting = self._waiting, []
        return group

    async def _try(self, group: list[T]) -> bool:
        try:
            await self._write(group)
        except Exception as err:
            self._backlog.failing.add(self)
            log.warning("%d finished lines could not be written: %r", len(group), err)
            return False
        return True
