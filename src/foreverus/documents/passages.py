"""Chunks in PostgreSQL: kept with what they mean, found by that and by their words, each person's own alone.

Everything is said in a transaction that names the person, under row-level security (migration 014).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from foreverus.aws.data_api import Database
from foreverus.documents.chunks import Chunk
from foreverus.documents.records import Passage
from foreverus.text import for_postgresql

ROWS_AT_ONCE = 100  # of 4 MiB that a request may have: a vector is 6 KB of text, a chunk 4 KB at most, escaped

INSERT = """INSERT INTO document_chunks
(user_id, document_id, number, content, page, heading, start_at, end_at, embedding)
VALUES (:user_id, :document_id, :number, :content, :page, :heading, :start_at, :end_at, CAST(:embedding AS vector))
ON CONFLICT DO NOTHING"""
FIND = """SELECT document_id, number, content, page, heading, start_at, end_at, similarity, by_words
FROM find_passages(:person, :given, :meaning, CAST(:least AS double precision), :most)"""


@dataclass(frozen=True, slots=True)
class Meant:
    """A chunk with its direction."""

    chunk: Chunk
    vector: Sequence[float]


class Passages(Protocol):
    def keep(self, user_id: str, document_id: str, chunks: Iterable[Meant]) -> None:
        """In place of what there is of this document."""

    def find(self, user_id: str, words: str, vector: Sequence[float], least: float, most: int) -> list[Passage]:
        """Best first. `least`: of similarity, for what has no word of the question's. Raises Asleep, Unanswered."""

    def forget(self, user_id: str, document_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class PostgresPassages:
    """`database`: logged in as `foreverus_documents`."""

    database: Callable[[], Database]

    def keep(self, user_id: str, document_id: str, chunks: Iterable[Meant]) -> None:
        database = self.database()
        with database.transaction(user_id):
            _delete(database, user_id, document_id)
            waiting = iter(chunks)
            while some := list(islice(waiting, ROWS_AT_ONCE)):
                database.execute_many(INSERT, [_row(user_id, document_id, one) for one in some])

    def find(self, user_id: str, words: str, vector: Sequence[float], least: float, most: int) -> list[Passage]:
        asked = {
            "person": user_id,
            "given": for_postgresql(words),
            "meaning": written(vector),
            "least": least,
            "most": most,
        }
        return [_passage(row) for row in self.database().ask(FIND, asked)]

    def forget(self, user_id: str, document_id: str) -> None:
        database = self.database()
        with database.transaction(user_id):
            _delete(database, user_id, document_id)


def forget_document(database: Database, user_id: str, document_id: str) -> None:
    """As whoever takes out what was deleted. Once more changes nothing."""
    with database.transaction(user_id):
        _delete(database, user_id, document_id)


def _delete(database: Database, user_id: str, document_id: str) -> None:
    whose = {"user_id": user_id, "id": document_id}
    database.execute("DELETE FROM document_chunks WHERE user_id = :user_id AND document_id = :id", whose)


def written(vector: Sequence[float]) -> str:
    """As pgvector reads one.

    >>> written([0.5, -1])
    '[0.500000,-1.000000]'
    """
    return "[" + ",".join(f"{one:.6f}" for one in vector) + "]"


def _row(user_id: str, document_id: str, one: Meant) -> dict[str, object]:
    chunk = one.chunk
    return {
        "user_id": user_id,
        "document_id": document_id,
        "number": chunk.number,
        "content": for_postgresql(chunk.text),
        "page": chunk.page,
        "heading": for_postgresql(chunk.heading),
        "start_at": chunk.start,
        "end_at": chunk.end,
        "embedding": written(one.vector),
    }


def _passage(row: Sequence[object]) -> Passage:
    document_id, number, content, page, heading, start, end, similarity, by_words = row
    return Passage(
        document_id=str(document_id),
        number=int(str(number)),
        text=str(content),
        page=int(str(page)),
        heading=str(heading),
        start=int(str(start)),
        end=int(str(end)),
        similarity=float(str(similarity)),
        by_words=bool(by_words),
    )
