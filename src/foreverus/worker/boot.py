"""From the first second to `healthy`: the phases that people watch, the engine's loading, one real completion."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from foreverus import ids
from foreverus.aws.step_functions import TaskRefused, Tasks
from foreverus.backends.port import Engine, Health
from foreverus.concurrency import RunBlocking, first_of, stop
from foreverus.errors import BootFailed, BootFailedForGood, EngineError, PromptRejected
from foreverus.sessions.mailbox import BOOT, Mailbox
from foreverus.sessions.records import Phase
from foreverus.worker.engine import complete_once
from foreverus.worker.settings import Timings
from foreverus.worker.shutdown import Shutdown, session_lost
from foreverus.worker.traces import trace_boot
from foreverus.worker.units import Unit, Units, UnitState, Word, failed
from foreverus.worker.watch import Heartbeats, MailboxWatch

log = logging.getLogger(__name__)

LAST_PHASE = "healthy"
REPORT_RETRY_S = 1.0
COMPLETION_TRIES = 5  # of an engine that says it is healthy


@dataclass(kw_only=True)
class Boot:
    engine: Engine
    units: Units
    mailbox: Mailbox
    watch: MailboxWatch
    heartbeats: Heartbeats
    tasks: Tasks
    run_blocking: RunBlocking
    clock: Callable[[], datetime]
    timings: Timings
    reported: bool = field(default=False, init=False)
    _healthy_at: datetime | None = field(default=None, init=False)
    _unseen: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _phases: list[Phase] = field(default_factory=list, init=False)  # not shown yet
    _past: list[Phase] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._add_phase("booting")

    async def run(self) -> None:
        """Returns when the engine has answered. Raises BootFailed when it never will on this machine,
        BootFailedForGood when it never will on any."""
        try:
            async with asyncio.timeout(self.timings.boot_budget):
                await self._answers_or_a_unit_ends()
                self._healthy_at = self.clock()
                past = tuple(self._past)
                self._add_phase(LAST_PHASE)
                # nobody works for a session whose record names another instance
                trace_boot(await self.watch.own_snapshot(), past, self._healthy_at)
        except TimeoutError as err:
            raise BootFailed(f"The engine was not healthy within {self.timings.boot_budget:.0f} s.") from err

    async def report(self) -> None:
        """Tells the state machine that the model answers. Raises TaskRefused."""
        token = await self.watch.token(BOOT)
        self.heartbeats.stop_for(token)
        self.reported = True
        await self.run_blocking(
            self.tasks.succeed, token, {"healthy_at": ids.timestamp(self._healthy_at or self.clock())}
        )

    async def report_until_told(self, shutdown: Shutdown) -> None:
        """`report`, through failing calls. Ends the session where the state machine has moved on."""
        while True:
            try:
                return await self.report()
            except TaskRefused as err:
                return shutdown.begin(session_lost(f"The state machine refused the end of the boot: {err}"))
            except Exception as err:
                log.warning("reporting healthy: %r", err)
            await asyncio.sleep(REPORT_RETRY_S)

    async def show_phases(self) -> None:
        """Writes the phases into the session's record, as soon as it is ours, until the last one is there."""
        snapshot = await self.watch.own_snapshot()
        while True:
            await self._unseen.wait()
            self._unseen.clear()
            phases, self._phases = self._phases, []
            try:
                await self.run_blocking(self.mailbox.add_phases, snapshot, phases)
            except Exception as err:  # people see less; the session works all the same
                log.warning("phases: %r", err)
            if phases[-1].name == LAST_PHASE:
                return

    def _add_phase(self, name: str) -> None:
        phase = Phase(name, ids.timestamp(self.clock()))
        self._phases.append(phase)
        self._past.append(phase)
        self._unseen.set()

    async def _answers_or_a_unit_ends(self) -> None:
        answering, watching = asyncio.create_task(self._answer()), asyncio.create_task(self._watch_units())
        try:
            await first_of(answering, watching)
            for task in (answering, watching):
                if task.done():
                    task.result()
        except BootFailed:
            self._give_up()  # what it said explains more than what the engine's address does not answer
            raise
        finally:
            await stop(answering, watching)

    async def _watch_units(self) -> None:
        """Shows what the machine is doing, and raises when a unit has ended."""
        shown = ""
        while True:
            states = self.units.look()
            self._raise_if_failed(states)
            if not shown and _prepared(states):  # also where the engine runs before anybody looks
                self._add_phase("prepared")
                shown = "prepared"
            if (name := _phase(states)) != shown:
                shown = name
                self._add_phase(name)
            await asyncio.sleep(self.timings.units_look)

    def _give_up(self) -> None:
        self._raise_if_failed(self.units.look())

    def _raise_if_failed(self, states: dict[Unit, UnitState]) -> None:
        if ended := failed(states):
            raise (BootFailed if ended.another_machine_can_help else BootFailedForGood)(ended.cause)

    async def _answer(self) -> None:
        await self._loaded()
        await self._first_completion()

    async def _loaded(self) -> None:
        loop = asyncio.get_running_loop()
        last_seen = float("inf")
        while (health := await self.engine.health()) is not Health.GOOD:
            if health is not Health.UNREACHABLE:
                last_seen = loop.time()
            elif loop.time() - last_seen > self.timings.engine_gone:
                raise BootFailed("The engine stopped while it was loading.")
            await asyncio.sleep(self.timings.health_poll)

    async def _first_completion(self) -> None:
        for attempt in range(1, COMPLETION_TRIES + 1):
            try:
                await self.engine.identify()
                await complete_once(self.engine)
                return
            except (EngineError, PromptRejected) as err:
                log.warning("first completion, try %d: %s", attempt, err)
                if attempt == COMPLETION_TRIES:
                    raise BootFailed(f"The engine is up and does not answer: {err}") from err
                await asyncio.sleep(self.timings.engine_confirm)


def _phase(states: dict[Unit, UnitState]) -> str:
    """`downloading` while image or weights are on their way, `prepared` where both were there before the boot, then
    `loading`: the engine runs."""
    if Unit.ENGINE in states or not _before(states):
        return "loading"
    return "prepared" if _prepared(states) else "downloading"


def _before(states: dict[Unit, UnitState]) -> list[Word]:
    """What must be there before the engine."""
    return [states[unit].word for unit in (Unit.IMAGE, Unit.WEIGHTS) if unit in states]


def _prepared(states: dict[Unit, UnitState]) -> bool:
    return bool(_before(states)) and all(word is Word.PREPARED for word in _before(states))
