"""Moves what a session did from DynamoDB into PostgreSQL."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeAlias

from foreverus.aws.data_api import Database
from foreverus.conversations.records import Answer, AnswerStatus, Conversation, MessageRef, Question
from foreverus.conversations.store import ConversationStore
from foreverus.errors import ResultsNotStored
from foreverus.results import rows
from foreverus.results.people import PeopleRows
from foreverus.results.unsaved import Unsaved, is_due, nobody_asks
from foreverus.results.writing import RowWriter
from foreverus.sessions.records import Session
from foreverus.sessions.store import SessionStore

Exchange: TypeAlias = tuple[Conversation, Question, Answer]

UNSAVED_SESSIONS = 50  # how many of the newest sessions a sweep looks at


@dataclass(frozen=True, slots=True)
class StoredSession:
    session_id: str
    stored: bool
    messages: int
    refused: int = 0  # rows that PostgreSQL does not take: set aside, never tried again


@dataclass(frozen=True)
class SessionResults:
    conversations: ConversationStore
    sessions: SessionStore
    database: Database | None  # None: deployed without PostgreSQL
    people: PeopleRows
    clock: Callable[[], datetime]

    def store(self, session_id: str) -> StoredSession:
        """Stores one session. Raises ResultsNotStored when it is unknown or not over."""
        session = self.sessions.get(session_id)
        if not session or not session.is_over:
            raise ResultsNotStored(f"session {session_id} is {session.status if session else 'unknown'}, not over")
        if self.database is None:
            return StoredSession(session_id, stored=False, messages=0)
        writer = RowWriter(self.database)
        messages = self._write(writer, session)
        for row in writer.refused:
            self.sessions.note_refused_row(session_id, row.table, row.key, row.error, self.clock())
        self.sessions.mark_stored(session_id, self.clock())
        return StoredSession(session_id, stored=True, messages=messages, refused=len(writer.refused))

    def unsaved(self, note: Callable[[str], None] = nobody_asks) -> Iterator[Unsaved[StoredSession]]:
        """`note` hears when each that is missing was over, whether it is tried now or not."""
        if self.database is None:
            return
        for session in self.sessions.newest(UNSAVED_SESSIONS):
            if not session.is_over or session.stored_at:
                continue
            note(session.ended_at)
            if is_due(session.ended_at, session.store_tries, self.clock()):
                of_it = session.session_id
                yield Unsaved(of_it, partial(self.store, of_it), partial(self.sessions.count_store_try, of_it))

    def _write(self, writer: RowWriter, session: Session) -> int:
        """In an order that foreign keys allow: what is the team's, then each person's. Returns how many exchanges the
        session had."""
        of_it, answered = session.session_id, list[Exchange]()
        for message in self.conversations.answered_by(of_it):
            answered += writer.read("messages", message.message_id, partial(self._exchange, message))
        writer.write("sessions", "session_id", [rows.session_row(session)])
        if session.receipt:
            writer.write("receipts", "session_id", [rows.receipt_row(session.receipt)])
        write_exchanges(writer, self.people, answered, of_it)
        return len(answered)

    def _exchange(self, message: MessageRef) -> list[Exchange]:
        """None where the conversation was deleted."""
        found = self.conversations.exchange(message)
        return [found] if found else []


def write_exchanges(writer: RowWriter, people: PeopleRows, answered: list[Exchange], session_id: str | None) -> None:
    """What was answered, each person's by itself, in an order that foreign keys allow, and who they are along with it:
    so a change that the stream has lost, or that was before there were such rows, is made up for. `session_id`: None
    for what no session answered."""
    for user in sorted({conversation.user_id for conversation, _, _ in answered}):
        _write_of(writer, user, [one for one in answered if one[0].user_id == user], session_id)
        people.copy(user)


def _write_of(writer: RowWriter, user: str, answered: list[Exchange], session_id: str | None) -> None:
    """What was answered to one person."""
    conversations = {conversation.conversation_id: conversation for conversation, _, _ in answered}
    told = [rows.conversation_row(one) for one in conversations.values()]
    wrote = [one for one in answered if one[2].status is AnswerStatus.ANSWERED and not one[2].imported_from]
    usage = [rows.usage_row(question, answer, session_id) for _, question, answer in wrote]
    writer.write("users", "user_id", [{"user_id": user}], user)
    writer.write("conversations", "conversation_id", told, user)
    writer.write("messages", "message_id", [row for _, q, a in answered for row in rows.message_rows(q, a)], user)
    writer.write("usage", "message_id", usage, user)
