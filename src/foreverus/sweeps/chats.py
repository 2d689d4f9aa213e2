"""Messages that wait for Bedrock while nobody answers them: a call was lost, was killed, or never began."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from foreverus import ids
from foreverus.conversations.bedrock.answering import AnsweringFunction, event_of
from foreverus.conversations.bedrock.lost import LostMessages
from foreverus.conversations.lease import ConversationLease
from foreverus.sessions.pending import PendingMessage, PendingWork
from foreverus.sweeps.sweep import Repair

STUCK_AFTER = timedelta(minutes=2)  # longer than Lambda keeps a call that it has just taken, and its first retry
MOST_CALLED = 3  # five minutes apart

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StuckChats:
    """Each conversation that nobody has in hand is called for again, a few times. Then its messages go to the GPU, or
    end in an error."""

    pending: PendingWork
    lease: ConversationLease
    function: AnsweringFunction
    lost: LostMessages
    clock: Callable[[], datetime]

    def __call__(self) -> Iterator[Repair]:
        by_conversation: dict[str, list[PendingMessage]] = {}
        for one in self.pending.on_bedrock():
            by_conversation.setdefault(one.conversation_id, []).append(one)
        for conversation_id, waiting in by_conversation.items():
            yield Repair(conversation_id, partial(self._look, conversation_id, waiting))

    def _look(self, conversation_id: str, waiting: list[PendingMessage]) -> str | None:
        since = ids.parse_timestamp(waiting[0].created_at)
        if self.clock() - since <= STUCK_AFTER or self.lease.is_held(conversation_id):
            return None
        if waiting[0].called >= MOST_CALLED:
            for one in waiting:
                self.lost.give_up(one)
            return "given up: nobody came to answer it"
        logger.warning("a message of %s waits for Bedrock since %s: called again", conversation_id, since)
        self.pending.count(waiting[0].message_id, called=1)
        self.function.call(event_of(waiting[0]))
        return "called again"
