"""Conversations and questions in DynamoDB."""

from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import (
    ConditionFailed,
    Table,
    check_write,
    delete_write,
    put_write,
    update_write,
)
from foreverus.errors import NotFound
from foreverus.sessions.pending import PendingMessage, ended_write, pending_write

Item = dict[str, Any]

IDEMPOTENCY_SECONDS = 24 * 3600  # as long as OpenAI's and Stripe's APIs remember a key


class ConversationStore:
    def __init__(self, items: Table):
        self.items = items

    def create(self, conversation: Item) -> None:
        self.items.put(conversation)

    def newest(self, user_id: str, limit: int, after: str = "") -> list[Item]:
        """Newest first: ids sort by time."""
        partition = keys.conversation_key(user_id, "")["pk"]
        before = keys.conversation_key(user_id, after)["sk"] if after else ""
        return list(self.items.query(partition, "CONVERSATION#", newest_first=True, limit=limit, before=before))

    def get(self, user_id: str, conversation_id: str) -> Item:
        """Raises NotFound for a conversation that is not there or belongs to somebody else."""
        found = self.items.get(keys.conversation_key(user_id, conversation_id))
        if not found:
            raise _no_conversation(conversation_id)
        return found

    def messages(self, conversation_id: str) -> list[Item]:
        """Questions and answers, oldest first."""
        return list(self.items.query(keys.messages_partition(conversation_id), "MESSAGE#"))

    def question(self, conversation_id: str, message_id: str) -> Item | None:
        return self.items.get(keys.question_key(conversation_id, message_id))

    def answer(self, conversation_id: str, message_id: str) -> Item | None:
        return self.items.get(keys.answer_key(conversation_id, message_id))

    def accept(self, question: Item, now: datetime, repeat_key: keys.Key | None = None) -> str:
        """Keeps the question and that it is pending, both or neither. Returns the accepted message's id.

        With `repeat_key` (an Idempotency-Key's item) a repeated request gets the first one's message id and changes
        nothing. Raises NotFound when the conversation is not the user's.
        """
        conversation_id, message_id = question["conversation_id"], question["message_id"]
        names = ("message_id", "conversation_id", "user_id", "created_at")
        pending = PendingMessage(**{name: question[name] for name in names})
        writes = [
            update_write(
                keys.conversation_key(question["user_id"], conversation_id),
                "SET updated_at = :now",
                {":now": ids.timestamp(now)},
                condition="attribute_exists(pk)",
            ),
            put_write(question, "attribute_not_exists(pk)"),
            pending_write(pending),
        ]
        if repeat_key:
            expires_at = int(now.timestamp()) + IDEMPOTENCY_SECONDS
            remembered = {**repeat_key, "message_id": message_id, "expires_at": expires_at}
            writes.append(put_write(remembered, "attribute_not_exists(pk)"))
        try:
            self.items.transact(*writes)
        except ConditionFailed as err:
            if 0 in err.writes:
                raise _no_conversation(conversation_id) from err
            first = self.items.get(repeat_key) if repeat_key else None
            return str(first["message_id"]) if first else message_id
        return str(message_id)

    def was_accepted(self, repeat_key: keys.Key) -> bool:
        """Whether a request with this Idempotency-Key has been accepted before."""
        return self.items.get(repeat_key) is not None

    def undo_accept(self, question: Item, repeat_key: keys.Key | None = None) -> bool:
        """Undoes `accept` when the request could not be queued. False, and nothing is undone, when somebody has begun
        to answer it: it was queued. Who begins later finds no question."""
        conversation_id, message_id = question["conversation_id"], question["message_id"]
        return self.items.transact_if(
            check_write(keys.answer_key(conversation_id, message_id), "attribute_not_exists(pk)"),
            delete_write(keys.question_key(conversation_id, message_id)),
            ended_write(message_id),
            *([delete_write(repeat_key)] if repeat_key else []),
        )

    def delete(self, user_id: str, conversation_id: str) -> None:
        """Removes the conversation first, so that nobody answers into it; then its messages, pending or not."""
        self.get(user_id, conversation_id)
        self.items.delete(keys.conversation_key(user_id, conversation_id))
        for message in self.messages(conversation_id):
            self.items.delete({"pk": message["pk"], "sk": message["sk"]})
            self.items.delete(keys.pending_key(message["message_id"]))


def _no_conversation(conversation_id: str) -> NotFound:
    return NotFound(
        f"There is no conversation {conversation_id}.", param="conversation_id", code="conversation_not_found"
    )
