"""How many lines a worker has ready: enough to keep the slots full across a shard's end, and no more, because what one
worker has in hand no other GPU can take. Pure but for asyncio's clock."""

import asyncio
import math
from collections import deque
from collections.abc import Iterable

SHARD_LINES = 100  # of a shard that has been taken and not been read yet: what `validation.py` puts in at most
TURNS = 2  # lines ready for each slot
# And as many as start in that time: taking a shard means a receive, three reads, and a busy laptop. They are counted
# over all of it: lines of one length end, and others start, in the same moment, which is no rate.
AHEAD_S = 1.0


class LookAhead:
    def __init__(self, slots: int):
        self.slots = slots
        self._shards: set[Ahead] = set()
        self._starts: deque[float] = deque()  # of the last AHEAD_S
        self._changed = asyncio.Event()

    @property
    def ready(self) -> int:
        """Lines in hand that have not started."""
        return sum(shard.ready for shard in self._shards)

    @property
    def wanted(self) -> int:
        """Lines that should be ready."""
        before = asyncio.get_running_loop().time() - AHEAD_S
        while self._starts and self._starts[0] <= before:
            self._starts.popleft()
        return max(TURNS * self.slots, len(self._starts))

    async def wait_until_free(self) -> int:
        """Waits until shards should be taken; returns how many, at least one."""
        while (missing := self.wanted - self.ready) <= 0:
            self._changed.clear()
            await self._changed.wait()
        return math.ceil(missing / SHARD_LINES)

    def reserve(self) -> "Ahead":
        """A shard is taken. Release it in any case."""
        shard = Ahead(self)
        self._shards.add(shard)
        return shard

    def _started(self) -> None:
        self._starts.append(asyncio.get_running_loop().time())
        self._changed.set()

    def _release(self, shard: "Ahead") -> None:
        self._shards.discard(shard)
        self._changed.set()


class Ahead:
    """One shard's lines that have not started."""

    def __init__(self, look: LookAhead):
        self._look = look
        self._waiting: set[int] | None = None  # by their numbers; None: the shard has not been read

    @property
    def ready(self) -> int:
        return SHARD_LINES if self._waiting is None else len(self._waiting)

    def holds(self, lines: Iterable[int]) -> None:
        """The shard has been read: these lines are to be answered."""
        self._waiting = set(lines)
        self._look._changed.set()

    def started(self, line: int) -> None:
        """That line has a slot. One that has to begin again is not started twice."""
        if self._waiting and line in self._waiting:
            self._waiting.remove(line)
            self._look._started()

    def release(self) -> None:
        """Safe to call twice."""
        self._look._release(self)
