"""Messages that were accepted and are stuck: a crash between the table and the queue, or no session to answer them."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from foreverus import ids, tracing
from foreverus.conversations.bedrock.lost import LostMessages
from foreverus.conversations.queue import MessageQueue
from foreverus.conversations.records import AnswerError
from foreverus.conversations.waiting import reason
from foreverus.errors import NotAccepted, SpendCapReached
from foreverus.sessions.pending import PendingMessage, PendingWork
from foreverus.sessions.records import Trigger
from foreverus.sessions.start import SessionStarter
from foreverus.sweeps.sweep import Repair

STUCK_AFTER = timedelta(minutes=10)  # longer than a boot and an answer take

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StuckMessages:
    """Each is queued again: an answer is saved once, so a duplicate does no harm. And a session is started, where none
    is live; where the spend cap forbids one, what waits ends in that error."""

    pending: PendingWork
    queue: MessageQueue
    sessions: SessionStarter
    lost: LostMessages
    clock: Callable[[], datetime]

    def __call__(self) -> Iterator[Repair]:
        waiting = self.pending.messages()
        for one in waiting:
            if self.clock() - ids.parse_timestamp(one.created_at) > STUCK_AFTER:
                yield Repair(one.message_id, partial(self._queue_again, one))
        if waiting:
            yield Repair("a session", partial(self._start_session, waiting[0].user_id))

    def _queue_again(self, message: PendingMessage) -> str:
        logger.warning("message %s waits since %s: queued again", message.message_id, message.created_at)
        with tracing.joined(message.trace):
            self.queue.send(message)
        return "queued again"

    def _start_session(self, user_id: str) -> str | None:
        try:
            _, started = self.sessions.start(user_id, Trigger.MESSAGE)
        except SpendCapReached:
            self._reject_waiting()
            return "refused: the spend cap is reached"
        except NotAccepted:
            logger.warning("messages wait and no session could be started", exc_info=True)
            return None
        return "started" if started else None

    def _reject_waiting(self) -> None:
        """The month's cap was reached after they were accepted."""
        error = AnswerError(SpendCapReached.code(), reason(SpendCapReached.code()))
        for one in self.pending.messages():
            logger.warning("message %s ends in SpendCapReached", one.message_id)
            self.lost.reject(one, error)
