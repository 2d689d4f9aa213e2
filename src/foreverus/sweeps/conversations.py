"""Conversations that nobody has written in for as long as the stack keeps them: they go as if their owner had deleted
them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from foreverus import ids
from foreverus.aws.dynamo import ConditionFailed
from foreverus.conversations.idle import IdleConversation, IdleConversations
from foreverus.conversations.store import ConversationStore
from foreverus.errors import NotFound
from foreverus.sweeps.sweep import Repair


@dataclass(frozen=True)
class UnusedConversations:
    """`days`: 0 for a stack that keeps them."""

    store: ConversationStore
    idle: IdleConversations
    days: int
    clock: Callable[[], datetime]

    def __call__(self) -> Iterator[Repair]:
        if self.days:
            until = self.clock() - timedelta(days=self.days)
            for one in self.idle.until(until):
                yield Repair(one.conversation_id, partial(self._delete, one, ids.timestamp(until)))

    def _delete(self, one: IdleConversation, unused_since: str) -> str | None:
        if self.idle.file_anew(one):
            return None
        try:
            self.store.delete(one.user_id, one.conversation_id, self.clock(), unused_since)
        except (NotFound, ConditionFailed):  # its owner was faster, or has just written in it
            return None
        return "deleted"
