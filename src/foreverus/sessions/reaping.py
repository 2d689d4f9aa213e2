"""The reaper: the third and fourth way an instance dies. It believes EC2's tags, not our table.

An instance of ours may live only while its session's execution runs, and never beyond its maximum life.

One thing that fails holds nothing else up: a call that AWS refuses for one instance, session or notification is noted,
the rest is done, and the whole fails at its end, so that Lambda tries again and an alarm (`ReaperFails`) hears of it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from foreverus import ids
from foreverus.attempts import Attempts
from foreverus.aws.ec2 import GpuInstance
from foreverus.aws.step_functions import STACK_DELETED
from foreverus.errors import ForeverUsError, SessionLost
from foreverus.metrics import SILENT, Metrics
from foreverus.notifications.notification import Notification, Notifier
from foreverus.notifications.outbox import Outbox, OutboxEntry, Subject, deliver
from foreverus.sessions.closing import Closed, CloseRequest, Failure
from foreverus.sessions.notification import notification
from foreverus.sessions.records import Session

RENEW_HOURS = 6  # how often the order of zones and types is reckoned anew: spot prices move over hours
SWEEP_MINUTES = 5  # between two sweeps (template.yaml)
GRACE = timedelta(minutes=1)  # a machine that has just ended may be terminating its instance right now

logger = logging.getLogger(__name__)


class Gpus(Protocol):
    def live(self) -> list[GpuInstance]: ...
    def terminate(self, instance_id: str) -> None:
        """One that is gone already is a success."""


class Executions(Protocol):
    def is_running(self, session_id: str) -> bool: ...
    def error(self, session_id: str) -> str: ...


class Sessions(Protocol):
    def get(self, session_id: str) -> Session | None: ...
    def live_session_ids(self) -> list[str]: ...
    def release_slot(self, session: Session) -> None: ...


class Closer(Protocol):
    def close(self, request: CloseRequest) -> Closed: ...


def renews_nothing() -> None:
    """In place of `pool_learning.PoolLearning.renew`."""


def sweeps_nothing() -> list[str]:
    """In place of `abilities.containers.closing.RunCloser.sweep`, where there are no containers of our own."""
    return []


def why_reap(instance: GpuInstance, running: bool, now: datetime, most: timedelta) -> str | None:
    """The reason to terminate an instance now, or None.

    >>> from datetime import UTC
    >>> gpu = GpuInstance("i-1", "ses_1", datetime(2026, 1, 1, tzinfo=UTC))
    >>> why_reap(gpu, False, datetime(2026, 1, 1, 0, 5, tzinfo=UTC), timedelta(hours=2))
    'its session is over'
    """
    age = now - instance.launched_at
    if age > most:
        return f"it has lived {int(age.total_seconds())} s, longer than any session may"
    if not running and age > GRACE:
        return "its session is over"
    return None


class NotAllReaped(ForeverUsError):
    """The text says what could not be done. Lambda and the next sweep try again; the error is what an alarm sees."""


@dataclass(frozen=True, kw_only=True)
class Reaper:
    gpus: Gpus
    executions: Executions
    sessions: Sessions
    closer: Closer
    outbox: Outbox
    notifier: Notifier
    metrics: Metrics = SILENT  # of what had to be terminated: alarms listen
    most: timedelta
    clock: Callable[[], datetime]
    renew_pools: Callable[[], None] = renews_nothing
    sweep_tasks: Callable[[], list[str]] = sweeps_nothing

    def sweep(self) -> list[str]:
        """Terminates every orphan, then repairs the table; returns the instance ids. Safe to run twice at once.

        Raises NotAllReaped when something could not be done; all else was.
        """
        attempts = Attempts()
        running: dict[str, bool] = {"": False}
        live, doomed = self.gpus.live(), []
        for gpu in live:
            if gpu.session_id not in running:
                running[gpu.session_id] = True  # not knowing is no reason to end somebody's session
                with attempts.at(f"asking whether {gpu.session_id} runs"):
                    running[gpu.session_id] = self.executions.is_running(gpu.session_id)
            if reason := why_reap(gpu, running[gpu.session_id], self.clock(), self.most):
                doomed.append((gpu, reason))
        reaped = self._terminate(doomed, attempts)
        alive = {gpu.session_id for gpu in live if gpu.instance_id not in reaped}
        for session_id in {gpu.session_id for gpu, _ in doomed if not running[gpu.session_id]} - alive - {""}:
            with attempts.at(f"closing {session_id}"):
                self._close(session_id, "its execution ended and left an instance behind")
        with attempts.at("looking for sessions that are over and hold a slot"):
            self._free_slots(alive, attempts)
        with attempts.at("looking for sessions of whose end nobody was notified"):
            self._empty_outbox(attempts)
        with attempts.at("looking for tasks that nothing owns"):
            self._tell(tasks := self.sweep_tasks(), attempts)
            reaped += tasks
        now = self.clock()
        if now.hour % RENEW_HOURS == 0 and now.minute < SWEEP_MINUTES:
            self.renew_pools()
        attempts.raise_any(NotAllReaped)
        return reaped

    def session_ended(self, session_id: str) -> list[str]:
        """The session's execution FAILED, TIMED_OUT or was ABORTED: what it left behind goes at once.

        One that was cut off may have closed its session and notified nobody: that is done here, or by the next sweep.
        While an instance of it could not be terminated it is not closed: its receipt would be wrong and its slot free.
        Raises NotAllReaped when something could not be done; all else was.
        """
        attempts = Attempts()
        left = [gpu for gpu in self.gpus.live() if gpu.session_id == session_id]
        why = "its session's execution ended without terminating it"
        reaped = self._terminate([(gpu, why) for gpu in left], attempts)
        if len(reaped) == len(left):
            with attempts.at(f"closing {session_id}"):
                self._close(session_id, "its execution ended before it was closed")
            with attempts.at(f"notifying people of {session_id}"):
                for entry in self.outbox.entries(Subject.SESSIONS):
                    if entry.name == session_id:
                        self._notify(entry)
        attempts.raise_any(NotAllReaped)
        return reaped

    def _terminate(self, doomed: list[tuple[GpuInstance, str]], attempts: Attempts) -> list[str]:
        """The ids of those that are gone now, of which people are told."""
        reaped, lines = [], []
        now = self.clock()
        self.metrics.orphans([(now - gpu.launched_at).total_seconds() / 60 for gpu, _ in doomed])
        for gpu, reason in doomed:
            line = f"{gpu.instance_id} of session {gpu.session_id or '(no tag)'}: {reason}"
            with attempts.at(f"terminating {line}"):
                self.gpus.terminate(gpu.instance_id)
                reaped.append(gpu.instance_id)
                lines.append(line)
        self._tell(lines, attempts)
        return reaped

    def _tell(self, lines: list[str], attempts: Attempts) -> None:
        """People, of what had to be ended."""
        if lines:
            logger.error("reaped: %s", "; ".join(lines))
            with attempts.at("telling people"):
                subject = f"Forever Us: {len(lines)} GPU instance(s) or task(s) had to be ended"
                self.notifier.send(Notification(subject, "\n".join(lines)))

    def _close(self, session_id: str, cause: str) -> None:
        """One that is over may hold its slot still: whoever closed it was cut off before it released that."""
        session = self.sessions.get(session_id)
        if session and session.is_over:
            self.sessions.release_slot(session)
        elif session:
            deleted = self.executions.error(session_id) == STACK_DELETED
            code = STACK_DELETED if deleted else SessionLost.code()
            self.closer.close(CloseRequest(session_id=session_id, failure=Failure(code, cause)))

    def _notify(self, entry: OutboxEntry) -> None:
        """In the execution's place, which cannot any more."""
        session = self.sessions.get(entry.name)
        if session and session.is_over:
            deliver(self.outbox, self.notifier, entry, notification(session))
        else:
            self.outbox.remove(entry.subject, entry.name)

    def _empty_outbox(self, attempts: Attempts) -> None:
        for entry in self.outbox.entries(Subject.SESSIONS):
            with attempts.at(f"notifying people of {entry.name}"):
                if not self.executions.is_running(entry.name):
                    self._notify(entry)

    def _free_slots(self, alive: set[str], attempts: Attempts) -> None:
        """A slot whose session is over, or has no running execution, would keep everybody from a GPU for ever. `alive`:
        sessions with an instance that lives. They keep theirs: another GPU would be bought beside it."""
        for holder in set(self.sessions.live_session_ids()) - alive:
            with attempts.at(f"freeing the slot of {holder}"):
                session = self.sessions.get(holder)
                if session and (session.is_over or self._is_abandoned(session)):
                    self._close(holder, "it has no execution")

    def _is_abandoned(self, session: Session) -> bool:
        age = self.clock() - ids.parse_timestamp(session.created_at)
        return age > GRACE and not self.executions.is_running(session.session_id)
