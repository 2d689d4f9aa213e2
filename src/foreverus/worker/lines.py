"""The engine as the lines of a batch use it: whole answers, in slots that chat may take back.

No deltas come, so an engine that hangs is told from one that writes long answers by how long its lines usually take.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

from foreverus.backends.port import Backend, Completion, Delta, Finished, Prompt
from foreverus.concurrency import first_of, stop
from foreverus.errors import EngineBusy, PromptRejected
from foreverus.worker.engine import EngineWatch
from foreverus.worker.shutdown import Shutdown
from foreverus.worker.slots import Claim, Priority, Slots

log = logging.getLogger(__name__)

T = TypeVar("T")

BUSY_PAUSE_S = 0.1  # doubled with every refusal
LONGEST_BUSY_PAUSE_S = 10.0
SILENCE_S = 60.0  # without the end of any line
LOOK_S = 5.0
SLOT_WAIT_S = 10.0  # until a line has given its slot to the probe


class LineSlots:
    """`Admission` to the engine's slots. A line that has to yield to chat begins again, before all others."""

    def __init__(self, slots: Slots):
        self.slots = slots

    async def run(self, work: Callable[[], Awaitable[T]], alone: bool) -> T:
        first = False
        while True:
            claim = self.slots.claim(Priority.BATCH, alone=alone, first=first)
            try:
                await claim.granted.wait()
                working = asyncio.ensure_future(_patiently(work))
                if await _ends_before_it_must_yield(working, claim):
                    return working.result()
            finally:
                claim.release()
            log.info("a line of a batch gives its slot to somebody who chats")
            first = True


async def _ends_before_it_must_yield(working: "asyncio.Future[T]", claim: Claim) -> bool:
    """Otherwise it is stopped."""
    yielding = asyncio.ensure_future(claim.yielding.wait())
    try:
        await first_of(working, yielding)
        return working.done()
    finally:
        yielding.cancel()
        if not working.done():
            await stop(working)


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    """In the slot: a busy engine is asked less."""
    pause = BUSY_PAUSE_S
    while True:
        try:
            return await work()
        except EngineBusy:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_BUSY_PAUSE_S)


class LineEngine:
    """`Backend` over the engine; knows how long lines take. Its `run` looks whether the engine hangs."""

    def __init__(self, engine: Backend, engine_watch: EngineWatch, slots: Slots, shutdown: Shutdown):
        self._engine = engine
        self._engine_watch = engine_watch
        self._slots = slots
        self._shutdown = shutdown
        self._running: dict[object, float] = {}
        self._last_end = float("-inf")
        self._ended, self._seconds, self._longest = 0, 0.0, 0.0
        self._patience = SILENCE_S

    @property
    def mean_s(self) -> float | None:
        """How long a line takes; None before the first has ended."""
        return self._seconds / self._ended if self._ended else None

    async def complete(self, prompt: Prompt) -> Completion:
        me, began = object(), asyncio.get_running_loop().time()
        self._running[me] = began
        try:
            answer = await self._engine.complete(prompt)
        except (PromptRejected, EngineBusy):
            self._sign_of_life()
            raise
        finally:
            del self._running[me]
        self._sign_of_life()
        took = self._last_end - began
        self._ended, self._seconds, self._longest = self._ended + 1, self._seconds + took, max(self._longest, took)
        self._patience = max(SILENCE_S, 2 * self._longest)
        return answer

    def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        return self._engine.stream(prompt)

    async def run(self) -> None:
        """Asks the engine for one token when no line has ended for long; a dead engine ends the session."""
        while not self._shutdown.hand_back.is_set():
            await asyncio.sleep(LOOK_S)
            if self._silence_s() > self._patience:
                await self._probe()

    def _silence_s(self) -> float:
        since = max(self._last_end, min(self._running.values(), default=float("inf")))
        return asyncio.get_running_loop().time() - since

    async def _probe(self) -> None:
        """In a slot of its own: behind lines that write for minutes it would prove nothing. The line that yields
        begins again, so an engine that turns out to live is not doubted again before twice that time."""
        log.warning("no line has ended for %.0f s: asking the engine", self._silence_s())
        claim = self._slots.claim(Priority.CHAT)
        granted = asyncio.ensure_future(claim.granted.wait())
        try:
            await first_of(granted, timeout=SLOT_WAIT_S)
            if await self._engine_watch.confirm_alive(f"no line of a batch has ended for {self._patience:.0f} s"):
                self._patience *= 2
                self._last_end = asyncio.get_running_loop().time()
        finally:
            granted.cancel()
            claim.release()

    def _sign_of_life(self) -> None:
        self._last_end = asyncio.get_running_loop().time()
        self._engine_watch.sign_of_life()
