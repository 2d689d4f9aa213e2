"""Deleting one question with its answer, for good: no list, no prompt and no export has it from then on.

The earlier versions of the question go with it, and what followed them: they are reached through it alone. What is
longer than one transaction goes in several, oldest first, so that the question itself is the last to go and the whole
can be asked for again after a failure.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from foreverus import ids
from foreverus.api.responses import Body
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Table, Write, delete_write, update_write
from foreverus.aws.push import Push
from foreverus.conversations.frames import show_deleted
from foreverus.conversations.image_files import DeleteImages
from foreverus.conversations.records import Answer, Conversation, MessageRef, Question
from foreverus.conversations.stopping import no_message, question_id
from foreverus.conversations.store import ConversationStore
from foreverus.conversations.titles import first_words
from foreverus.conversations.versions import Branch, Replacement
from foreverus.deletions.owed import OwedDeletion, OwedKind, exchange_name, owed_write
from foreverus.errors import Conflict, NotAccepted
from foreverus.idempotency.deleted import deleted_write
from foreverus.sessions.pending import PendingWorkStore

TRIES = 4  # each is something that was sent in the conversation meanwhile
AT_ONCE = 15  # exchanges of six writes each, of the 100 that a transaction takes


@dataclass(frozen=True)
class MessageDeletion:
    items: Table
    store: ConversationStore
    pending: PendingWorkStore
    push: Callable[[], Push]
    clock: Callable[[], datetime]
    images: DeleteImages

    def delete(self, user_id: str, conversation_id: str, message_id: str) -> Body:
        """`message_id`: the question's or the answer's. Raises NotFound, and Conflict where it is in an earlier version
        or something in the conversation is being answered."""
        message = MessageRef(question_id(message_id), conversation_id, user_id)
        tries = TRIES
        while tries:
            conversation = self.store.get(user_id, conversation_id)
            if self.store.question(message) is None:
                raise no_message(message_id)
            going = self._going(conversation, message)
            self.images.of(one for one, _ in going)  # first: what is cut off here is asked for again
            try:
                self._take(conversation, message, going[:AT_ONCE])
            except ConditionFailed:
                tries -= 1
                continue
            if len(going) <= AT_ONCE:
                show_deleted(self.push(), conversation_id, message.message_id)
                return {"id": message.message_id, "object": "message.deleted", "deleted": True}
        raise NotAccepted("Too much is sent in this conversation at once. Delete it again in a few seconds.")

    def _going(self, conversation: Conversation, message: MessageRef) -> list[tuple[Question, Answer | None]]:
        """Oldest first, the question itself at the end."""
        replacements = self.store.replacements(conversation)
        if not Branch(replacements).holds(message.message_id):
            shown = "This message was replaced: delete the one in its place, and its earlier versions go too."
            raise Conflict(shown, param="message_id", code="message_replaced")
        if self.pending.of_conversation(conversation.conversation_id):
            shown = "Something in this conversation is being answered. Wait for it, or stop it first."
            raise Conflict(shown, param="message_id", code="conversation_busy")
        first = first_version(message.message_id, replacements)
        questions, answers = list[Question](), dict[str, Answer]()
        for one in self.store.messages(conversation.conversation_id, from_message=first):
            if one.message_id > message.message_id:
                break
            if isinstance(one, Question):
                questions.append(one)
            else:
                answers[one.message_id] = one
        return [(one, answers.get(one.message_id)) for one in questions]

    def _take(self, read: Conversation, message: MessageRef, going: Sequence[tuple[Question, Answer | None]]) -> None:
        """Raises ConditionFailed where something was sent in the conversation since it was read."""
        now = self.clock()
        writes = [write for question, answer in going for write in self._exchange(question, answer, now)]
        whole = going[-1][0].message_id == message.message_id
        self.items.transact(*self._conversation(read, message if whole else None), *writes)

    def _exchange(self, question: Question, answer: Answer | None, now: datetime) -> Iterable[Write]:
        conversation_id, message_id = question.conversation_id, question.message_id
        name = exchange_name(conversation_id, message_id)
        owed = OwedDeletion(kind=OwedKind.EXCHANGE, name=name, user_id=question.user_id, deleted_at=ids.timestamp(now))
        yield owed_write(owed)
        yield deleted_write(message_id, now)
        yield delete_write(keys.question_key(conversation_id, message_id))
        yield delete_write(keys.replacement_key(conversation_id, message_id))
        if answer:
            yield delete_write(keys.answer_key(conversation_id, message_id))
            yield delete_write(keys.answered_key(answer.session_id or keys.NO_SESSION, message_id))

    def _conversation(self, read: Conversation, message: MessageRef | None) -> Iterable[Write]:
        """As it is without the message: who sends something meanwhile chooses anew. None: the message stays for now."""
        sets, removes, values = list[str](), list[str](), dict[str, object]()
        if message:
            before, after = self._around(read, message)
            if read.newest_message_id == message.message_id:
                sets.append("newest_message_id = :newest")
                values[":newest"] = before.message_id if before else ""
            if before is None:  # what it is called may be the words of the question that goes
                yield delete_write(keys.title_key(read.conversation_id))
                if after:
                    sets.append("first_words = :words")
                    values[":words"] = first_words(after.content)
                else:
                    removes.append("first_words")
        condition = "version = :version" if read.version else "attribute_exists(pk) AND attribute_not_exists(version)"
        values |= {":one": 1, **({":version": read.version} if read.version else {})}
        set_them = f"SET {', '.join(sets)} " if sets else ""
        remove_them = f"REMOVE {', '.join(removes)} " if removes else ""
        key = keys.conversation_key(read.user_id, read.conversation_id)
        yield update_write(key, f"{set_them}{remove_them}ADD version :one", values, condition=condition)

    def _around(self, read: Conversation, message: MessageRef) -> tuple[Question | None, Question | None]:
        """The questions before and after it as people see the conversation."""
        branch = Branch(self.store.replacements(read))
        behind = self.store.messages(
            read.conversation_id, from_message=message.message_id, newest_first=True, branch=branch
        )
        ahead = self.store.messages(read.conversation_id, from_message=message.message_id, branch=branch)
        before = next(
            (one for one in behind if isinstance(one, Question) and one.message_id < message.message_id), None
        )
        after = next((one for one in ahead if isinstance(one, Question) and one.message_id > message.message_id), None)
        return before, after


def first_version(message_id: str, replacements: Iterable[Replacement]) -> str:
    """The id from which on everything up to the message is an earlier version of it, or what followed one.

    >>> first_version("msg_6", [Replacement("msg_3", "msg_5"), Replacement("msg_5", "msg_6")])
    'msg_3'
    >>> first_version("msg_7", [Replacement("msg_3", "msg_5")])
    'msg_7'
    """
    first = message_id
    for replaced, by in sorted(replacements, key=lambda one: one.by, reverse=True):
        if first <= by <= message_id:
            first = min(first, replaced)
    return first
