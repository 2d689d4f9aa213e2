"""What a document is, and what of it an answer is given. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from foreverus.documents.reading.records import Trouble

MOST_DOCUMENTS = 100  # of a person
MOST_CHUNKS = 20_000  # of all documents of a person: each question looks at all of them
MOST_FOUND = 5  # passages that a question takes along
BUDGET_TOKENS = 1500  # of each question, by estimate: at Bedrock's prices US$ 0.23 for a thousand questions


class DocumentStatus(StrEnum):
    UPLOADED = "uploaded"
    READING = "reading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """`file_id`: its bytes. `trouble`: why it failed: `Trouble`'s words, or one of ours. `usd`: what embedding it has
    cost."""

    document_id: str
    user_id: str
    file_id: str
    filename: str
    bytes: int
    created_at: str
    status: DocumentStatus = DocumentStatus.UPLOADED
    trouble: str = ""
    pages: int = 0
    chunks: int = 0
    tokens: int = 0
    usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A chunk that was found for a question. `similarity`: the cosine; `by_words`: it has words of the question's."""

    document_id: str
    number: int
    text: str
    page: int = 0
    heading: str = ""
    start: int = 0
    end: int = 0
    similarity: float = 0.0
    by_words: bool = False


FAILED_OTHERWISE = {
    "document_cap": "The month's cap leaves no room for what reading it would cost: nothing was read.",
    "document_unavailable": "It could not be read just now. Try again in a few minutes.",
}


def is_trouble(code: str) -> bool:
    return code in set(Trouble)
