"""Answers in DynamoDB: read what is asked, keep what there is of an answer, save the end of it exactly once.

`conversations/records.py` says what an answer's fields mean.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Table, Write, put_write, update_write
from foreverus.backends.port import BackendName
from foreverus.conversations.answer_writes import (
    final_writes,
    hand_back_write,
    partial_writes,
    still_asked,
    stop_writes,
    title_writes,
    unbegun_writes,
)
from foreverus.conversations.items import conversation_from_item, messages_from_items
from foreverus.conversations.prompt import Thread, read_thread
from foreverus.conversations.records import (
    STOPPED,
    Conversation,
    FinishedAnswer,
    MessageRef,
    PartialAnswer,
    Saved,
    Title,
)
from foreverus.conversations.remembered.records import Memory
from foreverus.conversations.remembered.store import memories_of
from foreverus.costs.usage.store import usage_write
from foreverus.sessions.pending import PendingWorkStore, ended_write

THREAD_PAGE = 64  # messages: most prompts hold fewer, and of a long conversation a megabyte would be read


class Answers(Protocol):
    """The twin is `conversations/memory.py`."""

    def conversation(self, message: MessageRef) -> Conversation | None:
        """None when it was deleted."""

    def memories(self, message: MessageRef) -> list[Memory]:
        """What its person wants remembered, oldest first."""

    def thread(self, message: MessageRef, most_bytes: int) -> Thread:
        """The question, its answer so far, and the answered turns before it (no more than `most_bytes`)."""

    def is_with_bedrock(self, message: MessageRef) -> bool:
        """Whether the message waits for Bedrock just now, and so is no GPU's."""

    def checkpoint(self, message: MessageRef, partial: PartialAnswer, session_id: str) -> bool:
        """Keeps partial text. False when nobody wants more of it: the answer is already final, somebody has asked to
        stop it (`Thread.stop_requested`, read anew), or the question was deleted."""

    def hand_back(self, message: MessageRef, partial: PartialAnswer, session_id: str) -> bool:
        """Keeps partial text and counts what the session spent on it, both or neither, and once.

        False when nothing was changed: the answer is final or to be stopped, this was counted before, or the question
        was deleted.
        """

    def finish(self, message: MessageRef, finished: FinishedAnswer, session_id: str, now: datetime) -> Saved:
        """Saves the final answer, ends the message's waiting and counts the session's tokens, all or nothing."""

    def request_stop(self, message: MessageRef) -> bool:
        """Notes that no more of a begun answer is wanted. False when it is final, or not there."""

    def end_unbegun(self, message: MessageRef, now: datetime) -> Saved:
        """Ends an answer of which nothing is stored as stopped, and the message's waiting, for whichever backend."""

    def is_untitled(self, message: MessageRef) -> bool:
        """Whether the message's conversation is there and has no title yet, neither its person's nor the model's."""

    def entitle(self, message: MessageRef, title: Title, session_id: str, now: datetime) -> bool:
        """Keeps the title of the message's conversation, unless it has one of the model's or is gone, and counts its
        tokens in any case. Whether it was kept."""

    def drop(self, message: MessageRef) -> None:
        """The conversation was deleted: removes what is left of the message."""


class DynamoAnswers:
    def __init__(self, items: Table, clock: Callable[[], datetime] = lambda: datetime.now(UTC)):
        self.items = items
        self.clock = clock  # says on which day tokens were used

    def conversation(self, message: MessageRef) -> Conversation | None:
        return conversation_in(self.items, message)

    def memories(self, message: MessageRef) -> list[Memory]:
        return memories_of(self.items, message.user_id)

    def thread(self, message: MessageRef, most_bytes: int) -> Thread:
        just_after = keys.answer_key(message.conversation_id, message.message_id)["sk"] + "~"
        partition = keys.messages_partition(message.conversation_id)
        newest_first = self.items.query(partition, newest_first=True, before=just_after, page=THREAD_PAGE)
        return read_thread(messages_from_items(newest_first), message.message_id, most_bytes)

    def is_with_bedrock(self, message: MessageRef) -> bool:
        return self.items.get(keys.pending_on_bedrock_key(message.message_id)) is not None

    def checkpoint(self, message: MessageRef, partial: PartialAnswer, session_id: str) -> bool:
        return self.items.transact_if(*partial_writes(message, partial, session_id))

    def hand_back(self, message: MessageRef, partial: PartialAnswer, session_id: str) -> bool:
        if not partial.spent:
            return self.checkpoint(message, partial, session_id)
        session = update_write(
            keys.session_key(session_id),
            "ADD completion_tokens :c, version :one",
            {":c": partial.spent, ":one": 1},
        )
        used = usage_write(message.user_id, self.clock(), partial.used)
        return self.items.transact_if(
            hand_back_write(message, partial, session_id), session, still_asked(message), used
        )

    def finish(self, message: MessageRef, finished: FinishedAnswer, session_id: str, now: datetime) -> Saved:
        answered = {
            **keys.answered_key(session_id, message.message_id),
            "conversation_id": message.conversation_id,
            "user_id": message.user_id,
        }
        writes = (
            *final_writes(message, finished.record(message, session_id, now)),
            ended_write(message.message_id),
            put_write(answered),
            _count_answer(session_id, finished),
            usage_write(message.user_id, now, finished.used),
        )
        try:
            self.items.transact(*writes)
        except ConditionFailed as err:
            return Saved.DUPLICATE if 0 in err.writes else Saved.DELETED
        return Saved.SAVED

    def request_stop(self, message: MessageRef) -> bool:
        return self.items.transact_if(*stop_writes(message))

    def end_unbegun(self, message: MessageRef, now: datetime) -> Saved:
        stopped = FinishedAnswer("", finish_reason=STOPPED).record(message, "", now)
        answered = {
            **keys.answered_key(keys.NO_SESSION, message.message_id),
            "conversation_id": message.conversation_id,
            "user_id": message.user_id,
            "answered_at": stopped.answered_at,
        }
        try:
            self.items.transact(
                *unbegun_writes(message, stopped),
                *(ended_write(message.message_id, one) for one in (BackendName.GPU, BackendName.BEDROCK)),
                put_write(answered),
            )
        except ConditionFailed as err:
            return Saved.DUPLICATE if 0 in err.writes else Saved.DELETED
        return Saved.SAVED

    def is_untitled(self, message: MessageRef) -> bool:
        found = self.conversation(message)
        if found is None or found.title:
            return False
        title = keys.title_key(message.conversation_id)  # queried: a worker may get no item of a conversation alone
        return not list(self.items.query(title["pk"], title["sk"]))

    def entitle(self, message: MessageRef, title: Title, session_id: str, now: datetime) -> bool:
        counted = (
            update_write(
                keys.session_key(session_id),
                "ADD prompt_tokens :p, completion_tokens :c, version :one",
                {":p": title.prompt_tokens, ":c": title.completion_tokens, ":one": 1},
            ),
            usage_write(message.user_id, now, title.used),
        )
        if title.text and self.items.transact_if(*title_writes(message, title.text), *counted):
            return True
        self.items.transact(*counted)
        return False

    def drop(self, message: MessageRef) -> None:
        self.items.delete(keys.answer_key(message.conversation_id, message.message_id))
        PendingWorkStore(self.items).remove(message.message_id)


def conversation_in(items: Table, message: MessageRef) -> Conversation | None:
    found = items.get(keys.conversation_key(message.user_id, message.conversation_id))
    return conversation_from_item(found) if found else None


def _count_answer(session_id: str, finished: FinishedAnswer) -> Write:
    values: dict[str, object] = {
        ":p": finished.prompt_tokens,
        ":c": finished.completion_tokens + finished.uncounted_tokens,
        ":one": 1,
    }
    counts = "ADD prompt_tokens :p, completion_tokens :c, messages_answered :one, version :one"
    return update_write(keys.session_key(session_id), counts, values)
