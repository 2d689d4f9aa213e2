"""What the worker keeps an eye on besides its work: mailbox, token, spot notice, contact, maximum life.

Each is a loop of its own, and each can end the session by itself.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from foreverus.aws.step_functions import TaskRefused, Tasks
from foreverus.concurrency import RunBlocking
from foreverus.sessions.mailbox import BOOT, SERVE, Mailbox, MailboxSnapshot
from foreverus.sessions.records import Task
from foreverus.worker.contact import Contact
from foreverus.worker.instance import Identity, Instance
from foreverus.worker.interruption import working_seconds
from foreverus.worker.settings import Timings
from foreverus.worker.shutdown import END_REQUESTED_AT_BOOT, ENDED, MAX_LIFE, Shutdown, session_lost, spot_interrupted
from foreverus.worker.stops import Stops

log = logging.getLogger(__name__)

HEARTBEAT_RETRY_S = 1.0


@dataclass(kw_only=True)
class MailboxWatch:
    """Reads the mailbox. `snapshot` is the newest one that is this instance's; None before there is one."""

    mailbox: Mailbox
    me: Identity
    run_blocking: RunBlocking
    shutdown: Shutdown
    timings: Timings
    stops: Stops = field(default_factory=Stops)
    snapshot: MailboxSnapshot | None = field(default=None, init=False)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition, init=False)

    async def run(self) -> None:
        while True:
            try:
                await self._take(await self.run_blocking(self.mailbox.read, self.me.session_id))
            except Exception as err:
                log.warning("mailbox: %r", err)
            serving = self.snapshot is not None and self.snapshot.token(SERVE)
            await asyncio.sleep(self.timings.mailbox if serving else self.timings.mailbox_boot)

    async def _take(self, snapshot: MailboxSnapshot | None) -> None:
        if snapshot is None or snapshot.instance_id != self.me.instance_id:
            if self.snapshot is not None:
                self.shutdown.begin(session_lost("The session belongs to another instance now."))
            return
        if snapshot == self.snapshot:
            return
        self.stops.take(snapshot.stops)
        async with self.changed:
            self.snapshot = snapshot
            self.changed.notify_all()
        if snapshot.end_requested:
            self.shutdown.begin(ENDED if self.shutdown.booted else END_REQUESTED_AT_BOOT)
        if snapshot.stops:
            await self.run_blocking(self.mailbox.forget_stops, snapshot)

    async def own_snapshot(self) -> MailboxSnapshot:
        """Waits until the record names this instance."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.snapshot is not None)
        assert self.snapshot is not None
        return self.snapshot

    async def token(self, task: Task) -> str:
        """Waits for that task's token."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.snapshot is not None and bool(self.snapshot.token(task)))
        assert self.snapshot is not None
        return self.snapshot.token(task)


@dataclass(kw_only=True)
class Heartbeats:
    """Keeps the token of the current task alive. `limit_s`: while serving, the state machine gives us up without a
    heartbeat for so long, and so do we."""

    watch: MailboxWatch
    tasks: Tasks
    run_blocking: RunBlocking
    shutdown: Shutdown
    every_s: float
    limit_s: float
    _token: str = field(default="", init=False)
    _last: float = field(default=0.0, init=False)  # when a heartbeat of this token was last taken, or could have been
    _answered: set[str] = field(default_factory=set, init=False)

    def stop_for(self, token: str) -> None:
        """That token is being answered: a heartbeat that crosses the answer is refused, and that means nothing."""
        self._answered.add(token)

    async def run(self) -> None:
        while True:
            async with self.watch.changed:
                await self.watch.changed.wait_for(lambda: bool(self._current()))
            pause = await self._beat(self._current())
            try:
                async with asyncio.timeout(pause):
                    await self._replaced(self._current())
            except TimeoutError:
                pass

    async def _replaced(self, token: str) -> None:
        async with self.watch.changed:
            await self.watch.changed.wait_for(lambda: self._current() not in ("", token))

    async def _beat(self, token: str) -> float:
        """Returns the seconds until the next one."""
        loop = asyncio.get_running_loop()
        if token != self._token:
            self._token, self._last = token, loop.time()
        try:
            await self.run_blocking(self.tasks.heartbeat, token)
            self._last = loop.time()
        except TaskRefused as err:
            if token not in self._answered:
                self.shutdown.begin(session_lost(f"The state machine refused a heartbeat: {err}"))
        except Exception as err:
            log.warning("heartbeat: %r", err)
            serving = self.watch.snapshot is not None and self.watch.snapshot.token(SERVE) == token
            if serving and loop.time() - self._last >= self.limit_s:
                self.shutdown.begin(session_lost(f"No heartbeat was taken for {self.limit_s:.0f} s."))
            return min(HEARTBEAT_RETRY_S, self.every_s)
        return self.every_s

    def _current(self) -> str:
        snapshot = self.watch.snapshot
        token = snapshot.task_token if snapshot and snapshot.task in (BOOT, SERVE) else ""
        return "" if token in self._answered else token


async def watch_for_spot_notice(
    instance: Instance, shutdown: Shutdown, clock: Callable[[], datetime], timings: Timings
) -> None:
    """Ends the session when AWS takes the instance back: gently at the notice, in a hurry when time is nearly up."""
    while True:
        try:
            notice = await instance.spot_notice()
        except Exception as err:
            log.warning("spot notice: %r", err)
        else:
            if notice:
                break
        await asyncio.sleep(timings.spot_poll)
    cause = f"Spot interruption: {notice}"
    left = working_seconds((notice.at - clock()).total_seconds()) if notice.at else 0.0
    log.warning("%s; work in flight has %.0f s", cause, left)
    shutdown.notice(left)
    shutdown.begin(spot_interrupted(cause, hand_back=left <= 0))
    await asyncio.sleep(left)
    shutdown.begin(spot_interrupted(cause))


async def note_rebalance_recommendation(
    instance: Instance, watch: MailboxWatch, mailbox: Mailbox, run_blocking: RunBlocking, timings: Timings
) -> None:
    """Notes in the session's record that AWS sees a higher risk of an interruption. Nothing is done about it: many of
    them are never followed by one, and a second GPU would be paid for in any case."""
    while True:
        await asyncio.sleep(timings.spot_poll)
        try:
            if at := await instance.rebalance_recommendation():
                log.warning("rebalance recommendation of %s: noted, not acted upon", at)
                await run_blocking(mailbox.note_rebalance, await watch.own_snapshot(), at)
                return
        except Exception as err:
            log.warning("rebalance recommendation: %r", err)


async def watch_contact(contact: Contact, shutdown: Shutdown, limit_s: float) -> None:
    """Ends the session when no AWS call has succeeded for `limit_s`: the state machine has given us up by then."""
    while (silence := contact.silence_s) < limit_s:
        await asyncio.sleep(limit_s - silence)
    shutdown.begin(session_lost(f"No contact with AWS for {limit_s:.0f} s."))


async def watch_max_life(
    watch: MailboxWatch, shutdown: Shutdown, clock: Callable[[], datetime], max_session_s: float, margin_s: float
) -> None:
    """Drains the session `margin_s` before its maximum life, counted from the instance's launch if that is known."""
    started = clock()
    while True:
        launched = (watch.snapshot.launched_at if watch.snapshot else None) or started
        left = (launched + timedelta(seconds=max_session_s - margin_s) - clock()).total_seconds()
        if left <= 0:
            shutdown.begin(MAX_LIFE)
            return
        await asyncio.sleep(min(left, 30.0))
