"""Moves what a session did from DynamoDB into PostgreSQL."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from foreverus.aws.data_api import Database
from foreverus.conversations.records import Answer, AnswerStatus, Conversation, Question
from foreverus.conversations.store import ConversationStore
from foreverus.errors import ResultsNotStored
from foreverus.results import rows
from foreverus.results.unsaved import Unsaved, is_due
from foreverus.sessions.records import Session
from foreverus.sessions.store import SessionStore

UNSAVED_SESSIONS = 50  # how many of the newest sessions a sweep looks at


@dataclass(frozen=True, slots=True)
class StoredSession:
    session_id: str
    stored: bool
    messages: int


@dataclass(frozen=True)
class SessionResults:
    conversations: ConversationStore
    sessions: SessionStore
    database: Database | None  # None: deployed without PostgreSQL
    clock: Callable[[], datetime]

    def store(self, session_id: str) -> StoredSession:
        """Stores one session. Raises ResultsNotStored when it is unknown or not over."""
        session = self.sessions.get(session_id)
        if not session or not session.is_over:
            raise ResultsNotStored(f"session {session_id} is {session.status if session else 'unknown'}, not over")
        if self.database is None:
            return StoredSession(session_id, stored=False, messages=0)
        answered = list(self.conversations.answered_by(session_id))
        self._write(self.database, session, answered)
        self.sessions.mark_stored(session_id, self.clock())
        return StoredSession(session_id, stored=True, messages=len(answered))

    def unsaved(self) -> Iterator[Unsaved[StoredSession]]:
        if self.database is None:
            return
        for session in self.sessions.newest(UNSAVED_SESSIONS):
            if (
                session.is_over
                and not session.stored_at
                and is_due(session.ended_at, session.store_tries, self.clock())
            ):
                of_it = session.session_id
                yield Unsaved(of_it, partial(self.store, of_it), partial(self.sessions.count_store_try, of_it))

    def _write(
        self, database: Database, session: Session, answered: Sequence[tuple[Conversation, Question, Answer]]
    ) -> None:
        """In an order that foreign keys allow."""
        users = {conversation.user_id for conversation, _, _ in answered}
        conversations = {conversation.conversation_id: conversation for conversation, _, _ in answered}
        usage = [rows.usage_row(q, a, session.session_id) for _, q, a in answered if a.status is AnswerStatus.ANSWERED]
        tables: tuple[tuple[str, str, list[rows.Row]], ...] = (
            ("users", "user_id", [{"user_id": user} for user in sorted(users)]),
            ("sessions", "session_id", [rows.session_row(session)]),
            ("receipts", "session_id", [rows.receipt_row(session.receipt)] if session.receipt else []),
            ("conversations", "conversation_id", [rows.conversation_row(one) for one in conversations.values()]),
            ("messages", "message_id", [row for _, q, a in answered for row in rows.message_rows(q, a)]),
            ("usage", "message_id", usage),
        )
        for table, key, new in tables:
            for chunk in rows.chunks(new):
                database.execute_many(rows.upsert(table, chunk[0], key), chunk)
