"""What the Scheduler starts: a session like any other, or none where one is live."""

from dataclasses import dataclass
from typing import Protocol

from foreverus.errors import SpendCapReached
from foreverus.notifications.notification import Notification, Notifier
from foreverus.sessions.records import Session, Trigger

OWNER = "schedule"  # of a session that nobody asked for


class Starts(Protocol):
    """`SessionStarter`."""

    def start(self, owner: str, trigger: Trigger) -> tuple[Session, bool]: ...


@dataclass(frozen=True, slots=True)
class ScheduledStart:
    """`started`: False where a live session was joined, which serves the same queues; so a run that is delivered twice
    is one session while the first one lives. `skipped`: why there is none."""

    session_id: str | None
    started: bool = False
    skipped: str | None = None


@dataclass(frozen=True)
class ScheduledSessions:
    starter: Starts
    notifier: Notifier

    def start(self, scheduled_at: str) -> ScheduledStart:
        """At the month's cap nothing starts, people are told, and it is no failure: trying again would not help.
        Raises NotAccepted when the session could not be started: Lambda tries again, and at last an alarm tells people.
        """
        try:
            session, started = self.starter.start(OWNER, Trigger.SCHEDULE)
        except SpendCapReached as err:
            subject = f"Forever Us: a scheduled session was skipped, {err.code()}"
            self.notifier.send(Notification(subject, f"Scheduled: {scheduled_at}\nReason:    {err}"))
            return ScheduledStart(None, skipped=err.reason)
        return ScheduledStart(session.session_id, started)
