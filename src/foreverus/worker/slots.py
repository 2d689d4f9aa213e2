"""The engine's slots, shared by chat and batch: chat first. Pure but for asyncio's futures.

While nobody chats, a batch has them all: a slot that is kept free for nobody is a slot's share of the throughput. The
first person who says something gets the slot of the youngest line, which has the least to lose and begins again later.
From then on, for a minute after the last word, a batch leaves a quarter of the slots free: the next words wait for
nothing, and answers have more of the engine.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

CHAT_RECENT_S = 60.0  # people read and think that long between two messages of one conversation
KEPT_SHARE = 4  # one slot of so many


class Priority(IntEnum):
    CHAT = 0
    BATCH = 1


class Slots:
    """Counts claims on `total` slots. A claim beyond them waits its turn, chat before batch."""

    def __init__(self, total: int):
        self.total = total
        self._chats: set[Claim] = set()
        self._lines: dict[Claim, None] = {}  # in the order in which they were granted
        self._waiting: dict[Priority, deque[Claim]] = {priority: deque() for priority in Priority}
        self._last_chat = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()

    @property
    def kept_for_chat(self) -> int:
        """Slots that batch work leaves free now. An engine with one slot cannot leave any: there, a line yields."""
        chatting = self._chats or asyncio.get_running_loop().time() - self._last_chat < CHAT_RECENT_S
        return max(1, self.total // KEPT_SHARE) if chatting and self.total > 1 else 0

    @property
    def free_for_chat(self) -> int:
        """Slots that chat may fill now; batch lines give theirs up."""
        return max(0, self.total - len(self._chats) - len(self._waiting[Priority.CHAT]))

    async def wait_until_free_for_chat(self) -> int:
        """Returns how many are free, at least one."""
        while not (free := self.free_for_chat):
            self._changed.clear()
            await self._changed.wait()
        return free

    def claim(self, priority: Priority, *, alone: bool = False, first: bool = False) -> "Claim":
        """Takes a slot, or a place in the line for one. Release it in any case.

        `alone`: no other batch work beside it; what waits behind it waits for its end. `first`: before the others of
        its priority.
        """
        claim = Claim(self, priority, alone)
        self._join(claim, first)
        return claim

    def _join(self, claim: "Claim", first: bool = False) -> None:
        line = self._waiting[claim.priority]
        line.appendleft(claim) if first else line.append(claim)
        self._grant()

    def _grant(self) -> None:
        chats, lines = self._waiting[Priority.CHAT], self._waiting[Priority.BATCH]
        if chats:
            self._last_chat = asyncio.get_running_loop().time()
        while chats and self._held < self.total:
            self._chats.add(chats[0])
            chats.popleft().granted.set()
        while lines and self._may_start(lines[0]):
            self._lines[lines[0]] = None
            lines.popleft().granted.set()
        asked = sum(claim.yielding.is_set() for claim in self._lines)
        for claim in [claim for claim in reversed(self._lines) if not claim.yielding.is_set()]:
            if asked >= len(chats):
                break
            claim.yielding.set()
            asked += 1
        self._changed.set()

    @property
    def _held(self) -> int:
        return len(self._chats) + len(self._lines)

    def _may_start(self, claim: "Claim") -> bool:
        if self._lines and (claim.alone or any(held.alone for held in self._lines)):
            return False
        return self._held < self.total - self.kept_for_chat

    def _release(self, claim: "Claim") -> None:
        if claim in self._chats:
            self._chats.discard(claim)
            self._last_chat = asyncio.get_running_loop().time()
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(CHAT_RECENT_S, self._look_again)
        self._lines.pop(claim, None)
        if claim in self._waiting[claim.priority]:
            self._waiting[claim.priority].remove(claim)
        self._grant()

    def _look_again(self) -> None:
        """The slots that were kept may be nobody's now."""
        loop = asyncio.get_running_loop()
        quiet_at = self._last_chat + CHAT_RECENT_S
        self._timer = loop.call_at(quiet_at, self._look_again) if loop.time() < quiet_at else None
        self._grant()


class Claim:
    """`yielding`: somebody who chats needs the slot; release it soon."""

    def __init__(self, slots: Slots, priority: Priority, alone: bool):
        self.priority = priority
        self.alone = alone
        self.granted = asyncio.Event()
        self.yielding = asyncio.Event()
        self._slots = slots

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Meanwhile its slot is whoever's comes next; then it takes one, or a place in the line."""
        self._slots._release(self)
        self.granted.clear()
        try:
            yield
        finally:
            self._slots._join(self)

    def release(self) -> None:
        """Safe to call twice."""
        self._slots._release(self)
