"""Conversations and questions in DynamoDB. Their answers are written by `answers.py`."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from foreverus import ids, tracing
from foreverus.aws import keys, person_keys
from foreverus.aws.dynamo import ConditionFailed, Table, check_write, delete_write, put_write, update_write
from foreverus.backends.port import BackendName
from foreverus.conversations.erasing import ConversationEraser
from foreverus.conversations.idle import filed_at, idle_write
from foreverus.conversations.image_files import DeleteImages
from foreverus.conversations.images import gone, image_write
from foreverus.conversations.items import (
    answer_from_item,
    conversation_from_item,
    conversation_to_item,
    messages_from_items,
    question_from_item,
    question_to_item,
)
from foreverus.conversations.pins import pin_write
from foreverus.conversations.records import Answer, Conversation, MessageRef, Question
from foreverus.conversations.sending import replacement_write, sent_write
from foreverus.conversations.versions import Branch, Replacement
from foreverus.deletions.owed import OwedDeletion, OwedKind, owed_write
from foreverus.errors import ForeverUsError, NotFound
from foreverus.idempotency.deleted import deleted_write, made_and_deleted, not_deleted_write, was_deleted
from foreverus.limits.records import CountChange, CountChanged
from foreverus.limits.store import change_write
from foreverus.sessions.pending import PendingMessage, ended_write, pending_write
from foreverus.text import quoted

logger = logging.getLogger(__name__)


class ConversationStore:
    def __init__(self, items: Table):
        self.items = items

    def create(self, conversation: Conversation) -> Conversation:
        """The conversation, or the one that an earlier try has kept under the same id. Raises Conflict where that was
        deleted since: what is still to be erased of it would take the new one along."""
        try:
            self.items.transact(
                put_write(conversation_to_item(conversation), "attribute_not_exists(pk)"),
                not_deleted_write(conversation.conversation_id),
                idle_write(conversation.user_id, conversation.conversation_id, conversation.created_at),
            )
        except ConditionFailed as err:
            if 1 in err.writes:
                raise made_and_deleted("conversation") from err
            return self.get(conversation.user_id, conversation.conversation_id)
        return conversation

    def newest(self, user_id: str, limit: int, after: str = "") -> list[Conversation]:
        """Newest first: ids sort by time."""
        partition = keys.conversation_key(user_id, "")["pk"]
        before = keys.conversation_key(user_id, after)["sk"] if after else ""
        found = self.items.query(partition, "CONVERSATION#", newest_first=True, limit=limit, before=before)
        return [conversation_from_item(item) for item in found]

    def get(self, user_id: str, conversation_id: str) -> Conversation:
        """Raises NotFound for a conversation that is not there or belongs to somebody else."""
        found = self.items.get(keys.conversation_key(user_id, conversation_id))
        if not found:
            raise _no_conversation(conversation_id)
        return conversation_from_item(found)

    def entitled(self, conversations: Sequence[Conversation]) -> list[Conversation]:
        """At most 100 of them; those without a title with the one that the model gave them, where it did, else with the
        first words of their first question."""
        wanted = [keys.title_key(one.conversation_id) for one in conversations if not one.title]
        found = {str(item["pk"]): str(item["title"]) for item in (self.items.get_all(wanted) if wanted else ())}
        return [_entitled(one, found.get(keys.messages_partition(one.conversation_id), "")) for one in conversations]

    def with_title(self, conversation: Conversation) -> Conversation:
        """The same of one, for who may not read many at once."""
        found = None if conversation.title else self.items.get(keys.title_key(conversation.conversation_id))
        return _entitled(conversation, str(found["title"]) if found else "")

    def messages(
        self,
        conversation_id: str,
        *,
        from_message: str = "",
        newest_first: bool = False,
        page: int = 0,
        branch: Branch | None = None,
    ) -> Iterator[Question | Answer]:
        """Questions and answers in their order, read as they are asked for, from the exchange of `from_message` on
        (that one too). `page`: how many are read at once. `branch`: of that version alone; else of all."""
        partition = keys.messages_partition(conversation_id)
        edge = keys.question_key(conversation_id, from_message)["sk"] if from_message else ""
        if newest_first:
            before = keys.answer_key(conversation_id, from_message)["sk"] + "~" if from_message else ""
            found = self.items.query(partition, "MESSAGE#", newest_first=True, before=before, page=page)
        else:
            found = self.items.query(partition, "MESSAGE#", start=edge, page=page)
        messages = messages_from_items(found)
        return messages if branch is None else (one for one in messages if branch.holds(one.message_id))

    def replacements(self, conversation: Conversation) -> list[Replacement]:
        """Which questions took whose place."""
        if not conversation.has_versions:
            return []
        found = self.items.query(keys.messages_partition(conversation.conversation_id), "REPLACEMENT#")
        return [Replacement(one["replaced"], one["message_id"]) for one in found]

    def question(self, message: MessageRef) -> Question | None:
        found = self.items.get(keys.question_key(message.conversation_id, message.message_id))
        return question_from_item(found) if found else None

    def question_of_earlier_try(self, message: MessageRef) -> Question | None:
        """Raises Conflict where it was deleted since."""
        found = self.question(message)
        if found is None and was_deleted(self.items, message.message_id):
            raise made_and_deleted("message")
        return found

    def answer(self, message: MessageRef) -> Answer | None:
        found = self.items.get(keys.answer_key(message.conversation_id, message.message_id))
        return answer_from_item(found) if found else None

    def answered_by(self, session_id: str) -> Iterator[MessageRef]:
        """Everything that the session answered."""
        for done in self.items.query(keys.answered_partition(session_id)):
            yield MessageRef(done["sk"], done["conversation_id"], done["user_id"])

    def exchange(self, message: MessageRef) -> tuple[Conversation, Question, Answer] | None:
        """A message with what is around it; None when its conversation was deleted."""
        conversation = self.items.get(keys.conversation_key(message.user_id, message.conversation_id))
        question, answer = self.question(message), self.answer(message)
        return (
            (self.with_title(conversation_from_item(conversation)), question, answer)
            if conversation and question and answer
            else None
        )

    def accept(
        self,
        question: Question,
        place: CountChange | None = None,
        read: Conversation | None = None,
        may_move: bool = True,
        sends: Sequence[str] = (),
    ) -> bool:
        """Keeps the question and that it waits for its backend (`may_move`: or for the other one), and takes its place
        among the person's messages of the minute: all or nothing. `read`: the conversation that its backend was chosen
        for. False where an earlier try has kept it under the same id. Raises NotFound when the conversation is not the
        user's, ConversationChanged where something was sent or moved in it since it was read, CountChanged where the
        place is somebody else's meanwhile."""
        pending = PendingMessage(
            message_id=question.message_id,
            conversation_id=question.conversation_id,
            user_id=question.user_id,
            created_at=question.created_at,
            backend=question.choice.backend if question.choice else BackendName.GPU,
            may_move=may_move,
            trace=tracing.header(),
        )
        try:
            self.items.transact(
                sent_write(question, read),
                put_write(question_to_item(question), "attribute_not_exists(pk)"),
                pending_write(pending),
                *(image_write(question, one) for one in sends),
                *([replacement_write(question)] if question.replaces else []),
                *([change_write(place)] if place else []),
            )
        except ConditionFailed as err:
            if 0 in err.writes and not self.items.get(
                keys.conversation_key(question.user_id, question.conversation_id)
            ):
                raise _no_conversation(question.conversation_id) from err
            if 1 in err.writes:
                return False
            if taken := [one for at, one in enumerate(sends, 3) if at in err.writes]:
                raise gone(taken[0]) from err
            raise (ConversationChanged if 0 in err.writes else CountChanged) from err
        return True

    def change(self, user_id: str, conversation_id: str, changes: Mapping[str, object]) -> Conversation:
        """Sets these fields of its item and leaves all others; None takes one away. Raises NotFound."""
        kept = {**changes, **({"pinned": changes["pinned"] or None} if "pinned" in changes else {})}
        sets = [name for name, value in kept.items() if value is not None]
        removes = [name for name, value in kept.items() if value is None]
        parts = [
            "SET " + ", ".join(f"#{name} = :{name}" for name in sets) if sets else "",
            "REMOVE " + ", ".join(f"#{name}" for name in removes) if removes else "",
        ]
        if not kept:
            return self.get(user_id, conversation_id)
        write = update_write(
            keys.conversation_key(user_id, conversation_id),
            " ".join(filter(None, parts)),
            {f":{name}": kept[name] for name in sets},
            condition="attribute_exists(pk)",
            names={f"#{name}": name for name in kept},
        )
        pin = [pin_write(user_id, conversation_id, bool(kept["pinned"]))] if "pinned" in kept else []
        try:
            self.items.transact(write, *pin)
        except ConditionFailed as err:
            raise _no_conversation(conversation_id) from err
        return self.get(user_id, conversation_id)

    def undo_accept(self, message: MessageRef, backend: BackendName = BackendName.GPU, before: str = "") -> bool:
        """For a question that could not be handed on. False, and nothing is undone, when somebody has begun to answer
        it: it was. Who begins later finds no question. `before`: the conversation's newest message until then."""
        conversation_id, message_id = message.conversation_id, message.message_id
        undone = self.items.transact_if(
            check_write(keys.answer_key(conversation_id, message_id), "attribute_not_exists(pk)"),
            delete_write(keys.question_key(conversation_id, message_id)),
            ended_write(message_id, backend),
            delete_write(keys.replacement_key(conversation_id, message_id)),
        )
        if undone:
            self.items.transact_if(
                update_write(
                    keys.conversation_key(message.user_id, conversation_id),
                    "SET newest_message_id = :before" + ("" if before else " REMOVE first_words"),
                    {":before": before, ":this": message_id},
                    condition="newest_message_id = :this",  # else something was sent after it, or all of it is deleted
                )
            )
        return undone

    def delete(self, user_id: str, conversation_id: str, now: datetime, unused_since: str = "") -> None:
        """Removes the conversation first, so that nobody answers into it, and notes in the same transaction that the
        rest is to go, from PostgreSQL too; then its messages, pending or not. `unused_since`: only if nobody has
        written in it from then on. Raises NotFound, and ConditionFailed where somebody has."""
        found = self.items.get(keys.conversation_key(user_id, conversation_id))
        if not found:
            raise _no_conversation(conversation_id)
        owed = OwedDeletion(
            kind=OwedKind.CONVERSATION, name=conversation_id, user_id=user_id, deleted_at=ids.timestamp(now)
        )
        if not unused_since:  # first: what is cut off here is asked for again
            self._delete_images(conversation_from_item(found), now)
        condition, values = ("updated_at <= :since", {":since": unused_since}) if unused_since else ("", None)
        self.items.transact(
            delete_write(keys.conversation_key(user_id, conversation_id), condition, values),
            owed_write(owed),
            deleted_write(conversation_id, now),
            delete_write(keys.idle_conversation_key(filed_at(found), conversation_id)),
            delete_write(person_keys.pin_key(user_id, conversation_id)),
        )
        try:
            self._delete_images(conversation_from_item(found), now)
            ConversationEraser(self.items).erase(conversation_id)
        except Exception:  # it is deleted: what is left goes with what is owed
            logger.warning("messages of %s are still to be deleted", conversation_id, exc_info=True)

    def _delete_images(self, conversation: Conversation, now: datetime) -> None:
        if conversation.has_images:
            found = self.messages(conversation.conversation_id)
            DeleteImages(self.items, lambda: now).of(one for one in found if isinstance(one, Question))


class ConversationChanged(ForeverUsError):
    """Something was sent in it, or moved to the other backend, since it was read: choose again."""


def _entitled(conversation: Conversation, title: str) -> Conversation:
    return replace(conversation, title=conversation.title or title or conversation.first_words)


def _no_conversation(conversation_id: str) -> NotFound:
    return NotFound(
        f"There is no conversation {quoted(conversation_id)}.", param="conversation_id", code="conversation_not_found"
    )
