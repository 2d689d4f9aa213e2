"""A worker's whole life: boot, serve, end, report. Everything that it needs comes in as ports."""

import asyncio
import logging

from foreverus import logs
from foreverus.aws.step_functions import TaskRefused
from foreverus.concurrency import Background, first_of, stop
from foreverus.errors import BootFailed
from foreverus.sessions.mailbox import BOOT, SERVE
from foreverus.worker.baking import Baking
from foreverus.worker.boot import Boot
from foreverus.worker.ports import WorkerPorts
from foreverus.worker.serving import Serving
from foreverus.worker.shutdown import (
    END_REQUESTED_AT_BOOT,
    SPEND_CAP,
    SPEND_CAP_AT_BOOT,
    Ending,
    boot_failed,
    session_lost,
)
from foreverus.worker.spend import SpendGuard
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


async def run(ports: WorkerPorts) -> int:
    """Lives one worker's life. Returns the process's exit code: 0 on a planned end."""
    logs.bind(session_id=ports.me.session_id)
    log.info("the worker begins on %s", ports.me.instance_id)
    return await _Worker(ports).run()


class _Worker:
    def __init__(self, ports: WorkerPorts):
        p = self.ports = ports
        self.watch = MailboxWatch(
            mailbox=p.mailbox, me=p.me, run_blocking=p.run_blocking, shutdown=p.shutdown, timings=p.timings
        )
        self.heartbeats = Heartbeats(
            watch=self.watch,
            tasks=p.tasks,
            run_blocking=p.run_blocking,
            shutdown=p.shutdown,
            every_s=p.settings.heartbeat_seconds,
            limit_s=p.settings.lost_contact_s,
        )
        self.boot = Boot(
            engine=p.engine,
            units=p.units,
            mailbox=p.mailbox,
            watch=self.watch,
            heartbeats=self.heartbeats,
            tasks=p.tasks,
            run_blocking=p.run_blocking,
            clock=p.clock,
            timings=p.timings,
        )

    async def run(self) -> int:
        shutdown = self.ports.shutdown
        watchers = Background(on_crash=lambda error: shutdown.begin(session_lost(f"A watcher failed: {error!r}")))
        self._start(watchers)
        try:
            if await self._boot() and not await Baking(self.ports, self.watch, self.boot).run():
                await Serving(self.ports, self.watch, self.boot).run()
            ending = shutdown.ending or session_lost("The worker stopped without a reason.")
            log.warning("ending: %s %s", ending.outcome or ending.error or "nobody to tell", ending.cause)
            return ending.exit_code if await self._report(ending) else 1
        finally:
            await watchers.finish(0)

    def _start(self, watchers: Background) -> None:
        """What is watched from the first second to the last."""
        p, settings = self.ports, self.ports.settings
        watchers.start(self.watch.run())
        watchers.start(self.heartbeats.run())
        watchers.start(self.boot.show_phases())
        watchers.start(watch_for_spot_notice(p.instance, p.shutdown, p.clock, p.timings))
        watchers.start(note_rebalance_recommendation(p.instance, self.watch, p.mailbox, p.run_blocking, p.timings))
        watchers.start(watch_contact(p.contact, p.shutdown, settings.lost_contact_s))
        watchers.start(
            watch_max_life(self.watch, p.shutdown, p.clock, settings.max_session_seconds, settings.max_life_margin_s)
        )
        spend_guard = SpendGuard(
            watch=self.watch,
            mailbox=p.mailbox,
            run_blocking=p.run_blocking,
            shutdown=p.shutdown,
            clock=p.clock,
            region=settings.aws_default_region,
        )
        watchers.start(spend_guard.run())

    async def _boot(self) -> bool:
        """Whether the engine is healthy and the session goes on."""
        shutdown = self.ports.shutdown
        booting = asyncio.create_task(self.boot.run())
        stopping = asyncio.create_task(shutdown.stopping.wait())
        try:
            await first_of(booting, stopping)
            if booting.done():
                booting.result()
        except BootFailed as err:
            shutdown.begin(boot_failed(err))
        finally:
            await stop(booting, stopping)
        shutdown.booted = not shutdown.stopping.is_set()
        return shutdown.booted

    async def _report(self, ending: Ending) -> bool:
        """Answers the current task's token. False when nobody could be told."""
        if not ending.outcome and not ending.error:
            return False
        if not self.boot.reported and ending.outcome:
            ending = SPEND_CAP_AT_BOOT if ending is SPEND_CAP else END_REQUESTED_AT_BOOT
        try:
            async with asyncio.timeout(self.ports.timings.report_wait):
                token = await self.watch.token(SERVE if self.boot.reported else BOOT)
        except TimeoutError:
            log.error("there is no token to report the end with")
            return False
        self.heartbeats.stop_for(token)
        try:
            async with asyncio.timeout(self.ports.timings.report):
                return await self._tell(token, ending)
        except TimeoutError:
            return False

    async def _tell(self, token: str, ending: Ending) -> bool:
        tasks, run_blocking = self.ports.tasks, self.ports.run_blocking
        while True:
            try:
                if ending.outcome:
                    await run_blocking(tasks.succeed, token, {"outcome": ending.outcome})
                else:
                    await run_blocking(tasks.fail, token, ending.error, ending.cause)
                return True
            except TaskRefused:
                return False
            except Exception as err:
                log.warning("reporting the end: %r", err)
            await asyncio.sleep(REPORT_RETRY_S)
