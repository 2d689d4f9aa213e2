"""Watches the engine beside us, and tells one bad stream from a dead engine."""

import asyncio
import logging
from contextlib import aclosing

from foreverus.backends.port import Engine, Finished, Health, Message, Prompt
from foreverus.errors import ForeverUsError
from foreverus.worker.settings import Timings
from foreverus.worker.shutdown import Shutdown, engine_failed
from foreverus.worker.units import Unit, Units, UnitState, Word

log = logging.getLogger(__name__)

LOOKS_TO_BE_SURE = 3
PROBE_S = 30.0  # for one token, beside full slots
RECENT_S = 10.0  # a delta that came so lately proves that the engine works

PROBE = Prompt((Message("system", "You are a helpful assistant."), Message("user", "Say hello.")), 1, 0.0)


async def complete_once(engine: Engine) -> None:
    """One real completion of one token. Raises what the engine's `stream` raises."""
    async with aclosing(engine.stream(PROBE)) as events:
        async for event in events:
            if isinstance(event, Finished):
                return


class EngineWatch:
    def __init__(self, engine: Engine, units: Units, shutdown: Shutdown, timings: Timings):
        self.engine = engine
        self.units = units
        self.shutdown = shutdown
        self.timings = timings
        self._last_sign = float("-inf")
        self._confirming = asyncio.Lock()

    def sign_of_life(self) -> None:
        """A delta came."""
        self._last_sign = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Looks every few seconds until it ends the session because the engine is dead."""
        while not self.shutdown.hand_back.is_set():
            await asyncio.sleep(self.timings.engine_watch)
            if self._ended():
                self._dead("its unit ended")
            elif await self.engine.health() is not Health.GOOD:
                await self.confirm_alive("its health is bad")

    async def confirm_alive(self, suspicion: str) -> bool:
        """Whether the engine still answers after something went wrong. If not, the session ends with EngineFailed."""
        async with self._confirming:
            if self.shutdown.hand_back.is_set():
                return False
            asked_at = asyncio.get_running_loop().time()
            for _ in range(LOOKS_TO_BE_SURE):
                if self._ended():
                    break
                if await self.engine.health() is Health.GOOD:
                    return await self._answers(suspicion)
                await asyncio.sleep(self.timings.engine_confirm)
                if self._last_sign > asked_at:
                    return True
        self._dead(f"The engine is gone: {suspicion}")
        return False

    async def _answers(self, suspicion: str) -> bool:
        if asyncio.get_running_loop().time() - self._last_sign < RECENT_S:
            return True
        try:
            async with asyncio.timeout(PROBE_S):
                await complete_once(self.engine)
        except (TimeoutError, ForeverUsError) as err:
            self._dead(f"The engine is up and answers nothing: {suspicion}; then {err}")
            return False
        self.sign_of_life()
        return True

    def _ended(self) -> UnitState | None:
        state = self.units.look().get(Unit.ENGINE)
        return state if state and state.word is Word.FAILED else None

    def _dead(self, cause: str) -> None:
        if ended := self._ended():
            cause = f"{ended.cause}\n{cause}"
        log.error("%s", cause)
        self.shutdown.begin(engine_failed(cause))
