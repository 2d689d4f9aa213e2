"""What the worker keeps an eye on besides its work: mailbox, token, spot notice, contact, maximum life.

Each is a loop of its own, and each can end the session by itself.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from foreverus.aws.step_functions import TaskRefused, Tasks
from foreverus.sessions.mailbox import BOOT, SERVE, Letter, Mailbox
from foreverus.sessions.records import Task
from foreverus.worker.contact import Calls
from foreverus.worker.instance import Identity, Instance
from foreverus.worker.interruption import working_seconds
from foreverus.worker.life import END_REQUESTED_AT_BOOT, ENDED, MAX_LIFE, Life, moved_on, spot_interrupted
from foreverus.worker.settings import Timings

log = logging.getLogger(__name__)

HEARTBEAT_RETRY_S = 1.0


class MailboxWatch:
    """Reads the mailbox. `letter` is the newest one that is this instance's; None before there is one."""

    def __init__(self, mailbox: Mailbox, me: Identity, calls: Calls, life: Life, timings: Timings):
        self.letter: Letter | None = None
        self.changed = asyncio.Condition()
        self._mailbox = mailbox
        self._me = me
        self._calls = calls
        self._life = life
        self._timings = timings

    async def run(self) -> None:
        while True:
            try:
                await self._take(await self._calls(self._mailbox.read, self._me.session_id))
            except Exception as err:
                log.warning("mailbox: %r", err)
            serving = self.letter is not None and self.letter.token(SERVE)
            await asyncio.sleep(self._timings.mailbox if serving else self._timings.mailbox_boot)

    async def _take(self, letter: Letter | None) -> None:
        if letter is None or letter.instance_id != self._me.instance_id:
            if self.letter is not None:
                self._life.end(moved_on("The session belongs to another instance now."))
            return
        if letter == self.letter:
            return
        async with self.changed:
            self.letter = letter
            self.changed.notify_all()
        if letter.end_requested:
            self._life.end(ENDED if self._life.booted else END_REQUESTED_AT_BOOT)

    async def mine(self) -> Letter:
        """Waits until the record names this instance."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.letter is not None)
        assert self.letter is not None
        return self.letter

    async def token(self, task: Task) -> str:
        """Waits for that task's token."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.letter is not None and bool(self.letter.token(task)))
        assert self.letter is not None
        return self.letter.token(task)


class Heartbeats:
    """Keeps the token of the current task alive."""

    def __init__(self, watch: MailboxWatch, tasks: Tasks, calls: Calls, life: Life, every_s: float, limit_s: float):
        """`limit_s`: while serving, the state machine gives us up without a heartbeat for so long, and so do we."""
        self._watch = watch
        self._tasks = tasks
        self._calls = calls
        self._life = life
        self._every_s = every_s
        self._limit_s = limit_s
        self._token = ""
        self._last = 0.0  # when a heartbeat of this token was last taken, or could have been
        self._answered: set[str] = set()

    def stop_for(self, token: str) -> None:
        """That token is being answered: a heartbeat that crosses the answer is refused, and that means nothing."""
        self._answered.add(token)

    async def run(self) -> None:
        while True:
            async with self._watch.changed:
                await self._watch.changed.wait_for(lambda: bool(self._current()))
            pause = await self._beat(self._current())
            try:
                async with asyncio.timeout(pause):
                    await self._replaced(self._current())
            except TimeoutError:
                pass

    async def _replaced(self, token: str) -> None:
        async with self._watch.changed:
            await self._watch.changed.wait_for(lambda: self._current() not in ("", token))

    async def _beat(self, token: str) -> float:
        """Returns the seconds until the next one."""
        loop = asyncio.get_running_loop()
        if token != self._token:
            self._token, self._last = token, loop.time()
        try:
            await self._calls(self._tasks.heartbeat, token)
            self._last = loop.time()
        except TaskRefused as err:
            if token not in self._answered:
                self._life.end(moved_on(f"The state machine refused a heartbeat: {err}"))
        except Exception as err:
            log.warning("heartbeat: %r", err)
            serving = self._watch.letter is not None and self._watch.letter.token(SERVE) == token
            if serving and loop.time() - self._last >= self._limit_s:
                self._life.end(moved_on(f"No heartbeat was taken for {self._limit_s:.0f} s."))
            return min(HEARTBEAT_RETRY_S, self._every_s)
        return self._every_s

    def _current(self) -> str:
        letter = self._watch.letter
        token = letter.task_token if letter and letter.task in (BOOT, SERVE) else ""
        return "" if token in self._answered else token


async def watch_for_spot_notice(
    instance: Instance, life: Life, clock: Callable[[], datetime], timings: Timings
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
    life.notice(left)
    life.end(spot_interrupted(cause, hand_back=left <= 0))
    await asyncio.sleep(left)
    life.end(spot_interrupted(cause))


async def note_rebalance_recommendation(
    instance: Instance, watch: MailboxWatch, mailbox: Mailbox, calls: Calls, timings: Timings
) -> None:
    """Notes in the session's record that AWS sees a higher risk of an interruption. Nothing is done about it: many of
    them are never followed by one, and a second GPU would be paid for in any case."""
    while True:
        await asyncio.sleep(timings.spot_poll)
        try:
            if at := await instance.rebalance_recommendation():
                log.warning("rebalance recommendation of %s: noted, not acted upon", at)
                await calls(mailbox.note_rebalance, await watch.mine(), at)
                return
        except Exception as err:
            log.warning("rebalance recommendation: %r", err)


async def watch_contact(calls: Calls, life: Life, limit_s: float) -> None:
    """Ends the session when no AWS call has succeeded for `limit_s`: the state machine has given us up by then."""
    while (silence := calls.contact.silence_s) < limit_s:
        await asyncio.sleep(limit_s - silence)
    life.end(moved_on(f"No contact with AWS for {limit_s:.0f} s."))


async def watch_max_life(
    watch: MailboxWatch, life: Life, clock: Callable[[], datetime], max_session_s: float, margin_s: float
) -> None:
    """Drains the session `margin_s` before its maximum life, counted from the instance's launch if that is known."""
    started = clock()
    while True:
        launched = (watch.letter.launched_at if watch.letter else None) or started
        left = (launched + timedelta(seconds=max_session_s - margin_s) - clock()).total_seconds()
        if left <= 0:
            life.end(MAX_LIFE)
            return
        await asyncio.sleep(min(left, 30.0))
