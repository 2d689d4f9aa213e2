"""A worker's whole life: boot, serve, end, report. Everything that it needs comes in as ports."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from foreverus.aws.push import Push
from foreverus.aws.s3 import Objects
from foreverus.aws.sqs import Queue
from foreverus.aws.step_functions import TaskRefused, Tasks
from foreverus.backends.port import Engine
from foreverus.batches.shards.lookahead import LookAhead
from foreverus.batches.store import Batches
from foreverus.concurrency import first_of, stop
from foreverus.conversations.answers import Answers
from foreverus.errors import BootFailed
from foreverus.sessions.mailbox import BOOT, SERVE, Mailbox
from foreverus.sessions.pending import PendingWork
from foreverus.sessions.records import SessionStatus
from foreverus.worker.background import Background
from foreverus.worker.batch import ShardAnswering
from foreverus.worker.boot import Boot
from foreverus.worker.chat import ChatAnswering
from foreverus.worker.contact import Calls
from foreverus.worker.counting import SessionCount
from foreverus.worker.engine import EngineWatch
from foreverus.worker.idle import IdleWatch
from foreverus.worker.instance import Identity, Instance
from foreverus.worker.life import (
    END_REQUESTED_AT_BOOT,
    MAX_LIFE,
    SPEND_CAP,
    SPEND_CAP_AT_BOOT,
    Ending,
    Life,
    boot_failed,
    moved_on,
)
from foreverus.worker.lines import LineEngine, LineSlots
from foreverus.worker.serve import Activity, ChatRoom, Consumer, Room
from foreverus.worker.settings import Timings, WorkerSettings
from foreverus.worker.slots import Slots
from foreverus.worker.spend import watch_spending
from foreverus.worker.watch import (
    Heartbeats,
    MailboxWatch,
    note_rebalance_recommendation,
    watch_contact,
    watch_for_spot_notice,
    watch_max_life,
)

log = logging.getLogger(__name__)

REPORT_RETRY_S = 1.0


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Parts:
    """The ports of one worker. `calls` are short, `push_calls` go to clients, `receive_calls` are long polls."""

    settings: WorkerSettings
    me: Identity
    engine: Engine
    instance: Instance
    mailbox: Mailbox
    tasks: Tasks
    answers: Answers
    pending: PendingWork
    push: Push
    batches: Batches
    objects: Objects
    chat_queue: Queue
    batch_queue: Queue
    calls: Calls
    push_calls: Calls
    receive_calls: Calls
    clock: Callable[[], datetime] = _now
    timings: Timings = field(default_factory=Timings)
    life: Life = field(default_factory=Life)


async def run(parts: Parts) -> int:
    """Lives one worker's life. Returns the process's exit code: 0 on a planned end."""
    return await _Worker(parts).run()


class _Worker:
    def __init__(self, parts: Parts):
        p = self.parts = parts
        self.life = p.life
        self.watch = MailboxWatch(p.mailbox, p.me, p.calls, p.life, p.timings)
        settings = p.settings
        self.heartbeats = Heartbeats(
            self.watch, p.tasks, p.calls, p.life, settings.heartbeat_seconds, settings.lost_contact_s
        )
        self.boot = Boot(p.engine, p.mailbox, self.watch, self.heartbeats, p.tasks, p.calls, p.clock, p.timings)
        self.engine_watch = EngineWatch(p.engine, p.life, p.timings)
        self.count = SessionCount(p.mailbox, self.watch, p.calls)

    async def run(self) -> int:
        p, settings = self.parts, self.parts.settings
        watchers = Background(on_crash=lambda error: p.life.end(moved_on(f"A watcher failed: {error!r}")))
        watchers.start(self.watch.run())
        watchers.start(self.heartbeats.run())
        watchers.start(self.boot.show_phases())
        watchers.start(watch_for_spot_notice(p.instance, p.life, p.clock, p.timings))
        watchers.start(note_rebalance_recommendation(p.instance, self.watch, p.mailbox, p.calls, p.timings))
        watchers.start(watch_contact(p.calls, p.life, settings.lost_contact_s))
        watchers.start(
            watch_max_life(self.watch, p.life, p.clock, settings.max_session_seconds, settings.max_life_margin_s)
        )
        watchers.start(watch_spending(self.watch, p.mailbox, p.calls, p.life, p.clock, settings.aws_default_region))
        try:
            if await self._boot():
                await self._serve()
            ending = self.life.ending or moved_on("The worker stopped without a reason.")
            log.warning("ending: %s %s", ending.outcome or ending.error or "nobody to tell", ending.cause)
            return ending.exit_code if await self._report(ending) else 1
        finally:
            await watchers.finish(0)

    async def _boot(self) -> bool:
        """Whether the engine is healthy and the session goes on."""
        booting = asyncio.create_task(self.boot.run())
        stopping = asyncio.create_task(self.life.stopping.wait())
        try:
            await first_of(booting, stopping)
            if booting.done():
                booting.result()
        except BootFailed as err:
            self.life.end(boot_failed(str(err)))
        finally:
            await stop(booting, stopping)
        self.life.booted = not self.life.stopping.is_set()
        return self.life.booted

    async def _serve(self) -> None:
        p = self.parts
        activity = Activity(last=asyncio.get_running_loop().time())
        tails = Background()
        slots = Slots(p.settings.engine_slots)
        lines = LineEngine(p.engine, self.engine_watch, slots, p.life)
        consumers = [self._chat(activity, slots, tails), self._batch(activity, slots, lines)]
        beside = Background(on_crash=lambda error: p.life.end(moved_on(f"A watcher failed: {error!r}")))
        beside.start(lines.run())
        beside.start(self.count.run())
        beside.start(self._report_healthy())
        beside.start(self.engine_watch.run())
        beside.start(self._idle_watch(activity, consumers).run())
        work = [beside.start(consumer.run()) for consumer in consumers]
        try:
            await self.life.stopping.wait()
            beside.start(self._show_draining())
            await self._drained(work)
            await asyncio.gather(tails.finish(p.timings.tails), self.count.finish())
        finally:
            await asyncio.gather(tails.finish(0), beside.finish(0))

    def _chat(self, activity: Activity, slots: Slots, tails: Background) -> Consumer[Any]:
        p = self.parts
        answering = ChatAnswering(
            p.me.session_id,
            p.settings.context_tokens,
            p.engine,
            self.engine_watch,
            p.answers,
            p.push,
            p.calls,
            p.push_calls,
            p.life,
            tails,
            p.clock,
        )
        return self._consumer(p.chat_queue, ChatRoom(slots), {"chat": answering.handle}, activity)

    def _batch(self, activity: Activity, slots: Slots, lines: LineEngine) -> Consumer[Any]:
        p = self.parts
        answering = ShardAnswering(
            p.me.session_id,
            lines,
            self.engine_watch,
            LineSlots(slots),
            p.batches,
            p.objects,
            p.tasks,
            p.calls,
            p.life,
            self.count,
            p.clock,
        )
        return self._consumer(p.batch_queue, LookAhead(slots.total), {"shard": answering.handle}, activity)

    def _consumer(self, queue: Queue, room: Room[Any], handlers: Any, activity: Activity) -> Consumer[Any]:
        p = self.parts
        visibility_s = p.settings.visibility_seconds
        return Consumer(queue, room, handlers, p.life, activity, p.calls, p.receive_calls, visibility_s, p.timings)

    def _idle_watch(self, activity: Activity, consumers: list[Consumer[Any]]) -> IdleWatch:
        p = self.parts
        idle_s = float(p.settings.idle_seconds)
        return IdleWatch(activity, consumers, p.pending, p.mailbox, self.watch, p.calls, p.life, idle_s, p.timings)

    async def _report_healthy(self) -> None:
        while True:
            try:
                return await self.boot.report()
            except TaskRefused as err:
                return self.life.end(moved_on(f"The state machine refused the end of the boot: {err}"))
            except Exception as err:
                log.warning("reporting healthy: %r", err)
            await asyncio.sleep(REPORT_RETRY_S)

    async def _show_draining(self) -> None:
        """People see that nothing new is taken. An idle end has already said so."""
        try:
            await self.parts.calls(
                self.parts.mailbox.set_status, await self.watch.mine(), SessionStatus.DRAINING, SessionStatus.SERVING
            )
        except Exception as err:
            log.warning("status: %r", err)

    async def _drained(self, work: "list[asyncio.Task[None]]") -> None:
        """Lets work in flight end, as long as the ending allows; then has it handed back."""
        p = self.parts
        limit = p.settings.max_life_margin_s / 2 if p.life.ending is MAX_LIFE else p.timings.drain
        drained, hurry = asyncio.gather(*work), asyncio.create_task(p.life.hand_back.wait())
        await first_of(drained, hurry, timeout=limit)
        p.life.hand_back.set()
        await first_of(drained, timeout=p.timings.hand_back)
        await stop(drained, hurry)

    async def _report(self, ending: Ending) -> bool:
        """Answers the current task's token. False when nobody could be told."""
        if not ending.outcome and not ending.error:
            return False
        if not self.boot.reported and ending.outcome:
            ending = SPEND_CAP_AT_BOOT if ending is SPEND_CAP else END_REQUESTED_AT_BOOT
        try:
            async with asyncio.timeout(self.parts.timings.report_wait):
                token = await self.watch.token(SERVE if self.boot.reported else BOOT)
        except TimeoutError:
            log.error("there is no token to report the end with")
            return False
        self.heartbeats.stop_for(token)
        try:
            async with asyncio.timeout(self.parts.timings.report):
                return await self._tell(token, ending)
        except TimeoutError:
            return False

    async def _tell(self, token: str, ending: Ending) -> bool:
        tasks, calls = self.parts.tasks, self.parts.calls
        while True:
            try:
                if ending.outcome:
                    await calls(tasks.succeed, token, {"outcome": ending.outcome})
                else:
                    await calls(tasks.fail, token, ending.error, ending.cause)
                return True
            except TaskRefused:
                return False
            except Exception as err:
                log.warning("reporting the end: %r", err)
            await asyncio.sleep(REPORT_RETRY_S)
