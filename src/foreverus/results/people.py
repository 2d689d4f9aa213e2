"""Copies what people prefer, want remembered and have as documents from DynamoDB into PostgreSQL (decision 61).

A person is copied whole, in one transaction under the lock that their deletion takes as well, and what is copied is
read behind that lock: so of two copies the later one has read the later state, whatever the order in which they were
begun, and nothing of somebody who has left is written back (migration 006).
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from foreverus.access.preferences import Preferences, preferences_from_item, public_preferences
from foreverus.aws import keys
from foreverus.aws.data_api import Database, RowsRefused
from foreverus.aws.dynamo import Table
from foreverus.conversations.remembered.records import Memory
from foreverus.conversations.remembered.store import memories_of
from foreverus.documents.records import Document
from foreverus.documents.store import DocumentStore
from foreverus.results.changed_people import ChangedPeople
from foreverus.results.gate import clean_row, required_time
from foreverus.results.rows import Row

AT_ONCE = 200  # people: each is some ten statements, in a function that has four minutes
PREFERENCE_COLUMNS = (
    "backend", "language", "theme", "sounds", "reads_aloud", "sends_spoken", "suggest_memories", "hears",
    "voice_pt", "voice_en", "speed_pt", "speed_en",
)  # fmt: skip
LOCK = "SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(:user_id, 0))"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredPeople:
    """`refused`: of those, the ones whom PostgreSQL does not take as they are: the log names them."""

    people: int
    refused: int = 0


@dataclass(frozen=True)
class PeopleRows:
    items: Table
    database: Database | None  # None: deployed without PostgreSQL

    def store(self) -> StoredPeople | None:
        """Up to AT_ONCE of those who have changed; None: nobody has. Raises ClientError when the database is the
        reason that it cannot: whoever is not copied yet is found again."""
        changed = ChangedPeople(self.items)
        waiting = changed.some(AT_ONCE) if self.database is not None else []
        if not waiting:
            return None
        refused = 0
        for one in waiting:
            refused += not self.copy(one.user_id)
            changed.copied(one)
        return StoredPeople(len(waiting), refused)

    def copy(self, user_id: str) -> bool:
        """False: what they have is nothing that PostgreSQL takes, or there is no PostgreSQL. Raises ClientError."""
        if self.database is None:
            return False
        try:
            _replace(self.database, user_id, lambda: self._tables(user_id))
        except (RowsRefused, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as err:
            reason = err.reason if isinstance(err, RowsRefused) else type(err).__name__
            logger.error("set aside: what %s has is not in PostgreSQL: %s", user_id, reason)
            return False
        return True

    def _tables(self, user_id: str) -> Mapping[str, list[Row]]:
        """Table → rows. Of somebody who has never said what they prefer there is no row."""
        said = self.items.get(keys.preferences_key(user_id))
        return {
            "preferences": [preferences_row(user_id, preferences_from_item(said))] if said else [],
            "memories": [memory_row(user_id, one) for one in memories_of(self.items, user_id)],
            "documents": [document_row(one) for one in DocumentStore(self.items).all(user_id)],
        }


def _replace(database: Database, user_id: str, read: Callable[[], Mapping[str, list[Row]]]) -> None:
    whose = {"user_id": user_id}
    with database.transaction(user_id):
        database.execute(LOCK, whose)
        tables = read()
        database.execute("INSERT INTO users (user_id) VALUES (:user_id) ON CONFLICT DO NOTHING", whose)
        for table, rows in tables.items():  # their names and columns are ours
            database.execute(f"DELETE FROM {table} WHERE user_id = :user_id", whose)  # noqa: S608
            if rows:
                columns, values = ", ".join(rows[0]), ", ".join(f":{one}" for one in rows[0])
                insert = f"INSERT INTO {table} ({columns}) VALUES ({values})"  # noqa: S608
                database.execute_many(insert, [clean_row(row) for row in rows])


def forget_document_row(database: Database, user_id: str, document_id: str) -> None:
    """Of a document that was deleted. Once more changes nothing."""
    whose = {"user_id": user_id, "id": document_id}
    with database.transaction(user_id):
        database.execute(LOCK, {"user_id": user_id})  # a copy that has read it is written before, and goes
        database.execute("DELETE FROM documents WHERE user_id = :user_id AND document_id = :id", whose)


def preferences_row(user_id: str, kept: Preferences) -> Row:
    said = public_preferences(kept)
    return {"user_id": user_id, **{name: said[name] for name in PREFERENCE_COLUMNS}}


def memory_row(user_id: str, memory: Memory) -> Row:
    return {
        "user_id": user_id,
        "memory_id": memory.memory_id,
        "content": memory.text,
        "enabled": memory.enabled,
        "conversation_id": memory.conversation_id or None,
        "created_at": required_time(memory.created_at, memory.updated_at),
        "updated_at": required_time(memory.updated_at, memory.created_at),
    }


def document_row(document: Document) -> Row:
    return {
        "user_id": document.user_id,
        "document_id": document.document_id,
        "filename": document.filename,
        "status": document.status.value,
        "trouble": document.trouble or None,
        "bytes": document.bytes,
        "pages": document.pages,
        "chunks": document.chunks,
        "characters": document.characters,
        "tokens": document.tokens,
        "usd": document.usd,
        "created_at": required_time(document.created_at),
    }
