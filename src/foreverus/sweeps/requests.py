"""Requests that were accepted and are stuck: a crash between the table and the queue, or with no session to answer."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from foreverus import ids
from foreverus.conversations.queue import MessageQueue
from foreverus.errors import NotAccepted, SpendCapReached
from foreverus.sessions.pending import PendingWork
from foreverus.sessions.start import SessionStarter

Item = dict[str, Any]

STUCK_AFTER = timedelta(minutes=10)  # longer than a boot and an answer take

logger = logging.getLogger(__name__)


class Waiting(Protocol):
    def reject_all(self, session_id: str, code: str, until: str = "") -> int: ...


@dataclass(frozen=True)
class Rescuer:
    pending: PendingWork
    queue: MessageQueue
    sessions: SessionStarter
    waiting: Waiting
    newest: Callable[[], list[Item]]
    clock: Callable[[], datetime]

    def rescue(self) -> Item:
        """Queues stuck requests again (an answer is saved once, so a duplicate does no harm) and sees to a session.

        Where the spend cap forbids one, what waits ends in that error.
        """
        waiting = self.pending.messages()
        stuck = [one for one in waiting if self.clock() - ids.parse_timestamp(one.created_at) > STUCK_AFTER]
        for one in stuck:
            logger.warning("request %s waits since %s: queued again", one.message_id, one.created_at)
            self.queue.send(one)
        started = False
        if waiting:
            try:
                _, started = self.sessions.start(waiting[0].user_id, "message")
            except SpendCapReached:
                self._reject_waiting()
            except NotAccepted:
                logger.warning("requests wait and no session could be started", exc_info=True)
        return {"waiting": len(waiting), "queued_again": len(stuck), "session_started": started}

    def _reject_waiting(self) -> None:
        """The month's cap was reached after they were accepted. They are written into the last session's account: a
        month that has cost something has had one."""
        for session in self.newest():
            rejected = self.waiting.reject_all(session["session_id"], SpendCapReached.code())
            logger.warning("%d waiting requests ended in SpendCapReached", rejected)
