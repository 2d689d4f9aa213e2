"""Moves what a session did from DynamoDB into PostgreSQL. Every write can be repeated."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from foreverus import ids
from foreverus.aws.data_api import Database
from foreverus.conversations.records import Answer, AnswerStatus, Conversation, Question
from foreverus.conversations.store import ConversationStore
from foreverus.errors import ResultsNotStored
from foreverus.results import rows
from foreverus.sessions.records import Session
from foreverus.sessions.store import SessionStore

Item = dict[str, Any]

BATCH_BYTES = 1_000_000  # of a Data API request's 4 MiB
BATCH_ROWS = 200
UNSAVED_SESSIONS = 50  # how many of the newest sessions a sweep looks at
GRACE = timedelta(minutes=15)  # gpu_session itself is still trying: a sweep leaves it alone
# Each try may wake Aurora up for five minutes. With doubled pauses there are 9 in the first two days, and then no more:
# a database that is always tried never pauses, and costs $43 a month.
MOST_TRIES = 9

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResultsKeeper:
    conversations: ConversationStore
    sessions: SessionStore
    database: Database | None  # None: deployed without PostgreSQL
    clock: Callable[[], datetime]

    def store(self, session_id: str) -> Item:
        """Stores one session. Raises ResultsNotStored when it is unknown or not over."""
        session = self.sessions.get(session_id)
        if not session or not session.is_over:
            raise ResultsNotStored(f"session {session_id} is {session.status if session else 'unknown'}, not over")
        if self.database is None:
            return {"session_id": session_id, "stored": False, "messages": 0}
        answered = list(self.conversations.answered_by(session_id))
        self._write(session, answered)
        self.sessions.mark_stored(session_id, self.clock())
        return {"session_id": session_id, "stored": True, "messages": len(answered)}

    def store_unsaved(self) -> list[Item]:
        """The sweep: sessions that ended a while ago and are not in PostgreSQL. One failing stops no other."""
        if self.database is None:
            return []
        unsaved = [
            session.session_id
            for session in self.sessions.newest(UNSAVED_SESSIONS)
            if session.is_over and not session.stored_at and is_due(session.ended_at, session.store_tries, self.clock())
        ]
        stored, failed = [], []
        for session_id in unsaved:
            try:
                stored.append(self.store(session_id))
            except Exception:
                logger.exception("results of %s are still not stored", session_id)
                self.sessions.count_store_try(session_id)
                failed.append(session_id)
        if failed:
            raise ResultsNotStored(", ".join(failed))
        return stored

    def _write(self, session: Session, answered: list[tuple[Conversation, Question, Answer]]) -> None:
        session_id = session.session_id
        users = {conversation.user_id for conversation, _, _ in answered}
        conversations = {conversation.conversation_id: conversation for conversation, _, _ in answered}
        self._upsert("users", [{"user_id": user} for user in sorted(users)], "user_id")
        self._upsert("sessions", [rows.session_row(session)], "session_id")
        if session.receipt:
            self._upsert("receipts", [rows.receipt_row(session.receipt)], "session_id")
        self._upsert("conversations", [rows.conversation_row(c) for c in conversations.values()], "conversation_id")
        messages = [row for _, question, answer in answered for row in rows.message_rows(question, answer)]
        self._upsert("messages", messages, "message_id")
        usage = [rows.usage_row(q, a, session_id) for _, q, a in answered if a.status is AnswerStatus.ANSWERED]
        self._upsert("usage", usage, "message_id")

    def _upsert(self, name: str, new: list[Item], key: str) -> None:
        assert self.database is not None
        for batch in batches(new):
            self.database.execute_many(rows.upsert(name, batch[0], key), batch)


def is_due(ended_at: str, tries: int, now: datetime) -> bool:
    """Whether a sweep tries to store a session or a batch now: 15 minutes after its end, then after 30, 60, … for two
    days. `tries`: those that have failed.

    >>> is_due("2026-01-01T00:00:00Z", 1, datetime.fromisoformat("2026-01-01T00:20:00Z"))
    False
    """
    return tries < MOST_TRIES and now - ids.parse_timestamp(ended_at) >= GRACE * 2**tries


def batches(new: Iterable[Item]) -> Iterator[list[Item]]:
    """Rows in the order they came, in batches that fit a Data API request."""
    batch: list[Item] = []
    size = 0
    for row in new:
        row_size = sum(len(str(value).encode()) for value in row.values())
        if batch and (len(batch) >= BATCH_ROWS or size + row_size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += row_size
    if batch:
        yield batch
