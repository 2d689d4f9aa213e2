"""How many calls a backend with a quota is asked at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from foreverus.errors import EngineBusy

T = TypeVar("T")

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 20.0


class Limiter:
    """Admission to a backend with a quota that nobody tells us: additive increase, multiplicative decrease, as TCP
    does it. A refusal halves the calls in flight, and all wait for twice as long as after the one before; every
    `limit` answers allow one call more."""

    def __init__(self, most: int):
        self.most = most
        self.limit = float(most)
        self.running = 0
        self.refused_since: float | None = None  # without an answer, on the loop's clock
        self.refusal = ""  # what the newest one said
        self.cut_at = float("-inf")
        self.pause = FIRST_PAUSE_S
        self.resume_at = float("-inf")
        self._changed = asyncio.Event()

    async def run(self, work: Callable[[], Awaitable[T]], alone: bool = False) -> T:
        """`alone` means nothing here: no line can bring Bedrock down."""
        loop = asyncio.get_running_loop()
        while True:
            await self._enter()
            began = loop.time()
            try:
                answer = await work()
                self._answered()
                return answer
            except EngineBusy as err:
                self._refused(began, err)
            finally:
                self.running -= 1
                self._changed.set()

    async def _enter(self) -> None:
        loop = asyncio.get_running_loop()
        while self.running >= int(self.limit) or loop.time() < self.resume_at:
            if loop.time() < self.resume_at:
                await asyncio.sleep(self.resume_at - loop.time())
            else:
                self._changed.clear()
                await self._changed.wait()
        self.running += 1

    def _answered(self) -> None:
        self.refused_since = None
        self.pause = FIRST_PAUSE_S
        self.limit = min(float(self.most), self.limit + 1 / self.limit)

    def _refused(self, began: float, err: EngineBusy) -> None:
        now = asyncio.get_running_loop().time()
        self.refusal = str(err)
        self.refused_since = self.refused_since or now
        if began < self.cut_at:
            return  # it was sent before we went slower: old news
        self.limit = max(1.0, self.limit / 2)
        self.cut_at, self.resume_at = now, now + self.pause
        log.info("throttled (%s): %d calls at once after %.1f s", err, int(self.limit), self.pause)
        self.pause = min(2 * self.pause, LONGEST_PAUSE_S)
