"""The engine's slots, shared by chat and batch: chat first. Pure but for asyncio's futures."""

import asyncio
from enum import IntEnum


class Priority(IntEnum):
    CHAT = 0
    BATCH = 1


class Slots:
    """Counts claims on `total` slots. A claim beyond them waits its turn, chat before batch."""

    def __init__(self, total: int):
        self.total = total
        self._holding: set[Claim] = set()
        self._waiting: list[Claim] = []
        self._changed = asyncio.Event()

    @property
    def claimed(self) -> int:
        return len(self._holding) + len(self._waiting)

    def free(self, priority: Priority) -> int:
        """Slots that this priority may fill now: a batch leaves one for the next person who says something."""
        kept = 1 if priority is Priority.BATCH and self.total > 1 else 0
        return max(0, self.total - kept - self.claimed)

    async def wait_until_free(self, priority: Priority) -> int:
        """Returns how many are free, at least one."""
        while not (free := self.free(priority)):
            self._changed.clear()
            await self._changed.wait()
        return free

    def claim(self, priority: Priority) -> "Claim":
        """Takes a slot, or a place in the line for one. Release it in any case."""
        claim = Claim(self, priority)
        if len(self._holding) < self.total:
            self._holding.add(claim)
            claim.granted.set()
        else:
            self._waiting.append(claim)
        return claim

    def _release(self, claim: "Claim") -> None:
        self._holding.discard(claim)
        if claim in self._waiting:
            self._waiting.remove(claim)
        while self._waiting and len(self._holding) < self.total:
            first = min(self._waiting, key=lambda waiting: waiting.priority)  # min keeps the order of arrival
            self._waiting.remove(first)
            self._holding.add(first)
            first.granted.set()
        self._changed.set()


class Claim:
    def __init__(self, slots: Slots, priority: Priority):
        self.priority = priority
        self.granted = asyncio.Event()
        self._slots = slots

    def release(self) -> None:
        """Safe to call twice."""
        self._slots._release(self)
