"""Conversations that nobody writes in any more, found without looking at the others.

Each has an item by when it was last known to be used: its beginning, at first. Nothing is written there when somebody
writes a message; who comes to the item when its time is over finds the conversation used since, and files it anew.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Table, Write, delete_write, put_write, update_write


class IdleConversation(NamedTuple):
    """`since`: when it was last known to be used."""

    user_id: str
    conversation_id: str
    since: str


def idle_write(user_id: str, conversation_id: str, since: str) -> Write:
    """The part of a transaction that files it."""
    return put_write({**keys.idle_conversation_key(since, conversation_id), "user_id": user_id})


def filed_at(conversation: Mapping[str, Any]) -> str:
    """Where the conversation's item says that it is filed; one of an earlier version is not."""
    return str(conversation.get("filed_at") or conversation.get("created_at", ""))


class IdleConversations:
    def __init__(self, items: Table):
        self.items = items

    def until(self, moment: datetime) -> Iterator[IdleConversation]:
        """Those that are filed under that time or an earlier one, oldest first."""
        for item in self.items.query(keys.IDLE_CONVERSATIONS, before=ids.timestamp(moment) + "~"):
            since, _, conversation_id = item["sk"].partition("#")
            yield IdleConversation(item["user_id"], conversation_id, since)

    def file_anew(self, one: IdleConversation) -> bool:
        """Where it was used since. False where it is gone, or nobody has used it."""
        found = self.items.get(keys.conversation_key(one.user_id, one.conversation_id))
        if found is None:
            self.items.delete(keys.idle_conversation_key(one.since, one.conversation_id))
            return False
        used = str(found.get("updated_at", ""))
        if used <= one.since:
            return False
        try:
            self.items.transact(
                update_write(
                    keys.conversation_key(one.user_id, one.conversation_id),
                    "SET filed_at = :used",
                    {":used": used},
                    "attribute_exists(pk)",
                ),
                delete_write(keys.idle_conversation_key(one.since, one.conversation_id)),
                idle_write(one.user_id, one.conversation_id, used),
            )
        except ConditionFailed:  # deleted just now
            return False
        return True
