"""The reaper: the third and fourth way an instance dies. It believes EC2's tags, not our table.

An instance of ours may live only while its session's execution runs, and never beyond its maximum life.

One thing that fails holds nothing else up: a call that AWS refuses for one instance, session or letter is noted, the
rest is done, and the whole fails at its end, so that Lambda tries again and an alarm (`ReaperFails`) hears of it.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from foreverus import ids
from foreverus.aws.ec2 import GpuInstance
from foreverus.errors import ForeverUsError
from foreverus.sessions.closing import notification
from foreverus.sessions.records import Session

Item = dict[str, Any]


GRACE = timedelta(minutes=1)  # a machine that has just ended may be terminating its instance right now

logger = logging.getLogger(__name__)


class Gpus(Protocol):
    def live(self) -> list[GpuInstance]: ...
    def terminate(self, instance_id: str) -> None:
        """One that is gone already is a success."""


class Executions(Protocol):
    def is_running(self, session_id: str) -> bool: ...


class Sessions(Protocol):
    def get(self, session_id: str) -> Session | None: ...
    def live_session_ids(self) -> list[str]: ...
    def untold(self) -> list[str]: ...
    def told(self, session_id: str) -> None: ...


class Closer(Protocol):
    def close(self, session_id: str, outcome: str | None = None, error: dict[str, str] | None = None) -> Item: ...


class Notifications(Protocol):
    def send(self, subject: str, message: str) -> None: ...


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


class Trouble:
    """What failed so far. `raise_any` makes the whole fail, once everything else is done."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    @contextmanager
    def at(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as err:
            logger.exception("failed: %s", what)
            self.noted.append(f"{what}: {err!r}")

    def raise_any(self) -> None:
        """Raises NotAllReaped, if anything failed."""
        if self.noted:
            raise NotAllReaped("; ".join(self.noted))


@dataclass(frozen=True)
class Reaper:
    gpus: Gpus
    executions: Executions
    sessions: Sessions
    closer: Closer
    notifications: Notifications
    count: Callable[[int], None]  # says how many instances were reaped: an alarm listens
    most: timedelta
    clock: Callable[[], datetime]

    def sweep(self) -> list[str]:
        """Terminates every orphan, then repairs the table; returns the instance ids. Safe to run twice at once.

        Raises NotAllReaped when something could not be done; all else was.
        """
        trouble = Trouble()
        running: dict[str, bool] = {"": False}
        live, doomed = self.gpus.live(), []
        for gpu in live:
            if gpu.session_id not in running:
                running[gpu.session_id] = True  # not knowing is no reason to end somebody's session
                with trouble.at(f"asking whether {gpu.session_id} runs"):
                    running[gpu.session_id] = self.executions.is_running(gpu.session_id)
            if reason := why_reap(gpu, running[gpu.session_id], self.clock(), self.most):
                doomed.append((gpu, reason))
        reaped = self._terminate(doomed, trouble)
        alive = {gpu.session_id for gpu in live if gpu.instance_id not in reaped}
        for session_id in {gpu.session_id for gpu, _ in doomed if not running[gpu.session_id]} - alive - {""}:
            with trouble.at(f"closing {session_id}"):
                self._close(session_id, "its execution ended and left an instance behind")
        with trouble.at("looking for sessions that are over and hold a slot"):
            self._free_slots(alive, trouble)
        with trouble.at("looking for sessions of whose end nobody was notified"):
            self._tell_the_untold(trouble)
        trouble.raise_any()
        return reaped

    def session_ended(self, session_id: str) -> list[str]:
        """The session's execution FAILED, TIMED_OUT or was ABORTED: what it left behind goes at once.

        One that was cut off may have closed its session and notified nobody: that is done here, or by the next sweep.
        While an instance of it could not be terminated it is not closed: its receipt would be wrong and its slot free.
        Raises NotAllReaped when something could not be done; all else was.
        """
        trouble = Trouble()
        left = [gpu for gpu in self.gpus.live() if gpu.session_id == session_id]
        why = "its session's execution ended without terminating it"
        reaped = self._terminate([(gpu, why) for gpu in left], trouble)
        if len(reaped) == len(left):
            with trouble.at(f"closing {session_id}"):
                self._close(session_id, "its execution ended before it was closed")
            with trouble.at(f"notifying people of {session_id}"):
                if session_id in self.sessions.untold():
                    self._tell(session_id)
        trouble.raise_any()
        return reaped

    def _terminate(self, doomed: list[tuple[GpuInstance, str]], trouble: Trouble) -> list[str]:
        """The ids of those that are gone now, of which people are told."""
        reaped, lines = [], []
        for gpu, reason in doomed:
            line = f"{gpu.instance_id} of session {gpu.session_id or '(no tag)'}: {reason}"
            with trouble.at(f"terminating {line}"):
                self.gpus.terminate(gpu.instance_id)
                reaped.append(gpu.instance_id)
                lines.append(line)
        if reaped:
            self.count(len(reaped))
            logger.error("reaped: %s", "; ".join(lines))
            with trouble.at("telling people"):
                subject = f"Forever Us: {len(reaped)} GPU instance(s) had to be terminated"
                self.notifications.send(subject, "\n".join(lines))
        return reaped

    def _close(self, session_id: str, cause: str) -> None:
        session = self.sessions.get(session_id)
        if session and not session.is_over:
            self.closer.close(session_id, error={"Error": "SessionLost", "Cause": cause})

    def _tell(self, session_id: str) -> None:
        """In the execution's place, which cannot any more."""
        session = self.sessions.get(session_id)
        if session and session.is_over:
            self.notifications.send(**notification(session))
        self.sessions.told(session_id)

    def _tell_the_untold(self, trouble: Trouble) -> None:
        for session_id in self.sessions.untold():
            with trouble.at(f"notifying people of {session_id}"):
                if not self.executions.is_running(session_id):
                    self._tell(session_id)

    def _free_slots(self, alive: set[str], trouble: Trouble) -> None:
        """A slot whose session has no running execution would keep everybody from a GPU for ever. `alive`: sessions
        with an instance that lives. They keep theirs: another GPU would be bought beside it."""
        for holder in set(self.sessions.live_session_ids()) - alive:
            with trouble.at(f"freeing the slot of {holder}"):
                session = self.sessions.get(holder)
                if session and not self.executions.is_running(holder):
                    self._close_abandoned(session)

    def _close_abandoned(self, session: Session) -> None:
        if self.clock() - ids.parse_timestamp(session.created_at) > GRACE:
            self._close(session.session_id, "it has no execution")
