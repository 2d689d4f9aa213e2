"""Records as rows of PostgreSQL, and the statements that write them. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from foreverus import ids
from foreverus.backends.port import TokenUsage
from foreverus.batches.records import Batch, BatchTrigger
from foreverus.conversations.records import (
    Answer,
    Conversation,
    Question,
    Role,
)
from foreverus.costs.receipt import Receipt
from foreverus.results.gate import required_time, time_or_none, wire_bytes
from foreverus.sessions.records import Session

Row: TypeAlias = Mapping[str, object]  # by column

CHUNK_BYTES = 1_000_000  # as JSON, of a Data API request's 4 MiB with names and types beside the values
CHUNK_ROWS = 200

RECEIPT_COLUMNS = (
    "session_id", "instance_id", "instance_type", "lifecycle", "region", "launched_at", "terminated_at",
    "instance_seconds", "price_per_hour_usd", "price_source", "gpu_usd", "storage_usd", "address_usd",
    "database_usd", "bedrock_usd", "total_usd", "boot_seconds", "idle_seconds", "idle_usd", "if_bedrock_usd",
    "always_on_day_usd",
)  # fmt: skip


def session_row(session: Session) -> Row:
    return {
        "session_id": session.session_id,
        "owner": session.owner or "unknown",
        "trigger": session.trigger or "unknown",
        "outcome": session.outcome or "unknown",
        "error": session.error or None,
        "cause": session.cause if session.error else None,
        "created_at": required_time(session.created_at, session.ended_at),
        "launched_at": time_or_none(session.launched_at),
        "healthy_at": time_or_none(session.healthy_at),
        "ended_at": required_time(session.ended_at, session.created_at),
        "attempts": session.attempt + 1,
    }


def receipt_row(receipt: Receipt) -> Row:
    row = {name: getattr(receipt, name) for name in RECEIPT_COLUMNS}
    times = {"launched_at": time_or_none(row["launched_at"]), "terminated_at": required_time(row["terminated_at"])}
    return {**row, **times}


def conversation_row(conversation: Conversation) -> Row:
    return {
        "conversation_id": conversation.conversation_id,
        "user_id": conversation.user_id,
        "title": conversation.title,
        "system": conversation.system,
        "created_at": required_time(conversation.created_at, conversation.updated_at),
        "updated_at": required_time(conversation.updated_at, conversation.created_at),
    }


def message_rows(question: Question, answer: Answer) -> list[Row]:
    """The question and its answer."""
    asked = {
        "conversation_id": question.conversation_id,
        "message_id": question.message_id,
        "role": Role.USER.value,
        "content": question.content,
        "status": "accepted",
        "error": None,
        "session_id": None,
        "created_at": required_time(question.created_at),
        "replaces": question.replaces or None,
    }
    answered = {
        "conversation_id": question.conversation_id,
        "message_id": ids.answer_id(question.message_id),
        "role": Role.ASSISTANT.value,
        "content": answer.content,
        "status": answer.status.value,
        "error": answer.error.code if answer.error else None,
        "session_id": answer.session_id or None,
        "created_at": required_time(answer.answered_at, question.created_at),
        "replaces": None,
    }
    return [asked, answered]


def usage_row(question: Question, answer: Answer, session_id: str | None) -> Row:
    used = answer.usage or TokenUsage()
    return {
        "message_id": ids.answer_id(question.message_id),
        "user_id": question.user_id,
        "session_id": session_id,
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "answered_at": required_time(answer.answered_at, question.created_at),
    }


def upsert(name: str, row: Row, key: str) -> str:
    """`INSERT … ON CONFLICT (key) DO UPDATE` with named parameters: writing twice is writing once.

    >>> upsert("users", {"user_id": "u"}, "user_id")
    'INSERT INTO users (user_id) VALUES (:user_id) ON CONFLICT (user_id) DO NOTHING'
    """
    columns = list(row)
    sets = ", ".join(f"{column} = excluded.{column}" for column in columns if column != key)
    then = f"UPDATE SET {sets}" if sets else "NOTHING"
    values = ", ".join(f":{column}" for column in columns)
    # Table and column names are ours, never a user's.
    return f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({values}) ON CONFLICT ({key}) DO {then}"  # noqa: S608


def batch_row(batch: Batch) -> Row:
    """A batch's record as a row of `batches`. One that failed its validation has answered nothing."""
    result = batch.result
    return {
        "batch_id": batch.batch_id,
        "user_id": batch.user_id,
        "trigger": (batch.trigger or BatchTrigger.UNKNOWN).value,
        "status": batch.status.value,
        "error": batch.errors[0].code if batch.errors else None,
        "endpoint": batch.endpoint,
        "model": batch.model,
        "backend": batch.backend,
        "choice": batch.choice_text or None,
        "rounds": batch.round,
        "sessions": len(batch.sessions),
        "lines": batch.total or 0,
        "completed": result.completed,
        "failed": result.failed,
        "prompt_tokens": result.usage.prompt_tokens,
        "completion_tokens": result.usage.completion_tokens,
        "cost_usd": result.cost_usd,
        "created_at": required_time(batch.created_at, batch.ended_at),
        "in_progress_at": time_or_none(batch.in_progress_at),
        "ended_at": required_time(batch.ended_at, batch.created_at),
    }


def chunks(new: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows in the order they came, so many at once as fit a Data API request."""
    chunk: list[Row] = []
    size = 0
    for row in new:
        row_size = wire_bytes(row)
        if chunk and (len(chunk) >= CHUNK_ROWS or size + row_size > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += row_size
    if chunk:
        yield chunk
