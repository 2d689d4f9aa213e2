"""Answers in DynamoDB: read what is asked, keep what there is of an answer, save the end of it exactly once.

An answer's item: the fields of a message of the API (`content`, `status`, `session_id`, `usage`, `finish_reason`,
`error`, `answered_at`), `message_id` and `conversation_id`; while answering also `partial_tokens`, and
`counted_tokens`: how many of them have been added to the sessions that spent them.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import (
    ConditionFailed,
    Table,
    Write,
    check_write,
    put_write,
    update_write,
)
from foreverus.conversations.prompt import Thread, read_thread
from foreverus.sessions.pending import ended_write

Item = dict[str, Any]

BEDROCK = "bedrock"  # an answer's `backend`; of one from our own GPU there is none


@dataclass(frozen=True, slots=True)
class Request:
    """A reference to a question, as the queues carry it."""

    message_id: str
    conversation_id: str
    user_id: str


class Saved(Enum):
    SAVED = "saved"
    DUPLICATE = "duplicate"  # there already is a final answer: nothing was changed
    DELETED = "deleted"  # the conversation is gone: nothing was saved


@dataclass(frozen=True, slots=True)
class Bill:
    """What Bedrock takes for an answer. `usd`: where the price is not known, what a guard reckons with."""

    prompt_tokens: int
    completion_tokens: int
    usd: float
    price_known: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A final answer. Tokens are those that this session spent on it."""

    content: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: str = ""
    earlier_tokens: int = 0  # of the completion, spent by earlier sessions or GPUs
    uncounted_tokens: int = 0  # of the earlier ones: spent by this session on a lost GPU, and counted nowhere yet
    error: dict[str, str] = field(default_factory=dict)  # {"code", "message"} of a failed one
    bill: Bill | None = None  # of one that Bedrock wrote, and no GPU of ours

    def attributes(self, session_id: str, now: datetime) -> Item:
        """The answer's final attributes, as they are stored."""
        values: Item = {
            "content": self.content,
            "status": "failed" if self.error else "answered",
            "session_id": session_id,
            "usage": {
                "prompt_tokens": self.prompt_tokens,
                "completion_tokens": self.completion_tokens + self.earlier_tokens,
            },
            "answered_at": ids.timestamp(now),
        }
        if self.finish_reason:
            values["finish_reason"] = self.finish_reason
        if self.error:
            values["error"] = self.error
        if self.bill:
            values["backend"] = BEDROCK
        return values


@dataclass(frozen=True, slots=True)
class Partial:
    """What there is of an answer when it is handed back."""

    text: str
    tokens: int  # of the whole text
    spent: int = 0  # of them by this session, and counted nowhere yet
    counted: int = 0  # the answer's `counted_tokens` when it was read
    engine_failures: int = 0  # added to the number of engines that died under this answer


class Answers(Protocol):
    """The twin is `conversations/memory.py`."""

    def conversation(self, request: Request) -> Item | None:
        """The conversation's item; None when it was deleted."""

    def thread(self, request: Request, most_bytes: int) -> Thread:
        """The question, its answer so far, and the answered turns before it (no more than `most_bytes`)."""

    def checkpoint(self, request: Request, text: str, tokens: int, session_id: str, engine_failures: int = 0) -> bool:
        """Keeps partial text. False when the answer is already final: stop answering."""

    def hand_back(self, request: Request, partial: Partial, session_id: str) -> bool:
        """Keeps partial text and counts what the session spent on it, both or neither, and once.

        False when nothing was changed: the answer is final, or this was counted before.
        """

    def finish(self, request: Request, answer: Answer, session_id: str, now: datetime) -> Saved:
        """Saves the final answer, ends its waiting and counts the session's tokens, all or nothing."""

    def charge(self, session_id: str, bill: Bill) -> None:
        """Counts what was paid for an answer that nobody got: there was another one, or the conversation is gone."""

    def drop(self, request: Request) -> None:
        """The conversation was deleted: removes what is left of the request."""


class DynamoAnswers:
    def __init__(self, items: Table):
        self.items = items

    def conversation(self, request: Request) -> Item | None:
        return self.items.get(keys.conversation_key(request.user_id, request.conversation_id))

    def thread(self, request: Request, most_bytes: int) -> Thread:
        just_after = keys.answer_key(request.conversation_id, request.message_id)["sk"] + "~"
        partition = keys.messages_partition(request.conversation_id)
        newest_first = self.items.query(partition, newest_first=True, before=just_after)
        return read_thread(newest_first, request.message_id, most_bytes)

    def checkpoint(self, request: Request, text: str, tokens: int, session_id: str, engine_failures: int = 0) -> bool:
        values = {
            "content": text,
            "status": "answering",
            "session_id": session_id,
            "partial_tokens": tokens,
            **_identity(request),
        }
        counted = " ADD engine_failures :f" if engine_failures else ""
        try:
            self.items.update(
                keys.answer_key(request.conversation_id, request.message_id),
                _sets(values) + counted,
                {**_values(values), **_FINAL, **({":f": engine_failures} if engine_failures else {})},
                condition=_NOT_FINAL,
                names=_names(values),
            )
        except ConditionFailed:
            return False
        return True

    def hand_back(self, request: Request, partial: Partial, session_id: str) -> bool:
        if not partial.spent:
            return self.checkpoint(request, partial.text, partial.tokens, session_id, partial.engine_failures)
        values = {
            "content": partial.text,
            "status": "answering",
            "session_id": session_id,
            "partial_tokens": partial.tokens,
            "counted_tokens": partial.tokens,
            **_identity(request),
        }
        answer = update_write(
            keys.answer_key(request.conversation_id, request.message_id),
            _sets(values) + " ADD engine_failures :f",
            {**_values(values), **_FINAL, ":f": partial.engine_failures, ":before": partial.counted},
            condition=f"({_NOT_FINAL}) AND {_COUNTED_AS_BEFORE if partial.counted else _NOT_COUNTED}",
            names=_names(values),
        )
        session = update_write(
            keys.session_key(session_id),
            "ADD completion_tokens :c, version :one",
            {":c": partial.spent, ":one": 1},
        )
        return self.items.transact_if(answer, session)

    def finish(self, request: Request, answer: Answer, session_id: str, now: datetime) -> Saved:
        values = {**answer.attributes(session_id, now), **_identity(request)}
        writes = (
            update_write(
                keys.answer_key(request.conversation_id, request.message_id),
                f"{_sets(values)} REMOVE partial_tokens, counted_tokens, engine_failures",
                {**_values(values), **_FINAL},
                condition=_NOT_FINAL,
                names=_names(values),
            ),
            check_write(keys.conversation_key(request.user_id, request.conversation_id), "attribute_exists(pk)"),
            check_write(keys.question_key(request.conversation_id, request.message_id), "attribute_exists(pk)"),
            ended_write(request.message_id),
            put_write(
                {
                    **keys.answered_key(session_id, request.message_id),
                    "conversation_id": request.conversation_id,
                    "user_id": request.user_id,
                }
            ),
            _count_answer(session_id, answer),
        )
        try:
            self.items.transact(*writes)
        except ConditionFailed as err:
            return Saved.DUPLICATE if 0 in err.writes else Saved.DELETED
        return Saved.SAVED

    def charge(self, session_id: str, bill: Bill) -> None:
        adds, sets, values = _charged(bill)
        values |= {":p": bill.prompt_tokens, ":c": bill.completion_tokens, ":one": 1}
        self.items.update(
            keys.session_key(session_id),
            f"{sets}ADD prompt_tokens :p, completion_tokens :c, version :one{adds}",
            values,
        )

    def drop(self, request: Request) -> None:
        self.items.delete(keys.answer_key(request.conversation_id, request.message_id))
        self.items.delete(keys.pending_key(request.message_id))


_NOT_FINAL = "attribute_not_exists(#status) OR NOT #status IN (:answered, :failed)"
_NOT_COUNTED = "(attribute_not_exists(counted_tokens) OR counted_tokens = :before)"
_COUNTED_AS_BEFORE = "counted_tokens = :before"
_FINAL = {":answered": "answered", ":failed": "failed"}


def _count_answer(session_id: str, answer: Answer) -> Write:
    values: Item = {":p": answer.prompt_tokens, ":c": answer.completion_tokens + answer.uncounted_tokens, ":one": 1}
    counts, sets = "ADD prompt_tokens :p, completion_tokens :c, messages_answered :one, version :one", ""
    if answer.bill:
        adds, sets, more = _charged(answer.bill)
        counts, values = f"{counts}, bedrock_messages :one{adds}", values | more
    return update_write(keys.session_key(session_id), sets + counts, values)


def _charged(bill: Bill) -> tuple[str, str, Item]:
    """(more to ADD, a SET before it, values)."""
    values: Item = {":bp": bill.prompt_tokens, ":bc": bill.completion_tokens, ":usd": bill.usd}
    adds = ", bedrock_prompt_tokens :bp, bedrock_completion_tokens :bc, bedrock_usd :usd"
    if bill.price_known:
        return adds, "", values
    return adds, "SET bedrock_price_unknown = :yes ", {**values, ":yes": True}


def _identity(request: Request) -> Item:
    return {"message_id": request.message_id, "conversation_id": request.conversation_id}


def _sets(values: Item) -> str:
    return "SET " + ", ".join(f"#{name} = :{name}" for name in values)


def _names(values: Item) -> dict[str, str]:
    return {f"#{name}": name for name in values}


def _values(values: Item) -> Item:
    return {f":{name}": value for name, value in values.items()}
