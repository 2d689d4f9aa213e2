"""What a document is, and what of it an answer is given. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from foreverus import ids
from foreverus.documents.reading.records import WORDS, Trouble
from foreverus.documents.sources import WhyNone

MOST_DOCUMENTS = 100  # of a person
MOST_DOCUMENT_BYTES = 100_000_000  # of all of theirs
MOST_CHUNKS = 20_000  # likewise: each question looks at all of them
MOST_FOUND = 5  # passages that a question takes along
BUDGET_TOKENS = 1500  # of each question, by estimate: at Bedrock's prices US$ 0.23 for a thousand questions
READING_TAKES = timedelta(minutes=50)  # three tries of a quarter of an hour: then nobody reads it any more


class DocumentStatus(StrEnum):
    UPLOADED = "uploaded"  # announced: its bytes come to its presigned address, or are there
    READING = "reading"
    READY = "ready"
    FAILED = "failed"


class OtherTrouble(StrEnum):
    """Why one failed that is not its own fault."""

    CAP = "document_cap"
    FULL = "document_full"
    UNAVAILABLE = "document_unavailable"


OTHER_WORDS = {
    OtherTrouble.CAP: "The month's cap leaves no room for what reading it would cost: nothing was spent.",
    OtherTrouble.FULL: f"All your documents together have more than {MOST_CHUNKS:,} parts. Delete some, then upload it "
    "again.",
    OtherTrouble.UNAVAILABLE: "It could not be read just now. Delete it and upload it again in a few minutes.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """`trouble`: why it failed. `tokens`, `usd`: what embedding it has taken. `read_at`: when its reading was begun."""

    document_id: str
    user_id: str
    filename: str
    bytes: int
    created_at: str
    status: DocumentStatus = DocumentStatus.UPLOADED
    trouble: str = ""
    pages: int = 0
    chunks: int = 0
    characters: int = 0
    tokens: int = 0
    usd: float = 0.0
    read_at: str = ""
    has_headings: bool = False

    def is_lost(self, now: datetime) -> bool:
        """Whoever read it has ended without a word."""
        begun = self.status is DocumentStatus.READING and self.read_at
        return bool(begun) and now - ids.parse_timestamp(self.read_at) > READING_TAKES


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


@dataclass(frozen=True, slots=True)
class PassagesFound:
    """Best first; none where nothing fits. `names`: of their documents. `why`: nobody could look."""

    passages: tuple[Passage, ...] = ()
    names: tuple[str, ...] = ()
    why: WhyNone | None = None


def trouble_words(code: str) -> str:
    """The sentence for its person.

    >>> trouble_words("document_protected")[:40]
    'The document is protected by a password:'
    """
    if code in set(Trouble):
        return WORDS[Trouble(code)]
    return OTHER_WORDS[OtherTrouble(code) if code in set(OtherTrouble) else OtherTrouble.UNAVAILABLE]


def original_key(user_id: str, document_id: str) -> str:
    """Where its bytes are in the data bucket: no presigned address that writes leads there."""
    return f"documents/{user_id}/{document_id}/original"


def text_key(user_id: str, document_id: str) -> str:
    """Where its text is, as places count it."""
    return f"documents/{user_id}/{document_id}/text.txt"


def headings_key(user_id: str, document_id: str) -> str:
    """Where its headings are, `[[start, text], …]`; nothing is there where it has none."""
    return f"documents/{user_id}/{document_id}/headings.json"


KEPT_KEYS = (original_key, text_key, headings_key)  # all that there is of one in the bucket


def document_arrival_key(user_id: str, document_id: str) -> str:
    """Where its presigned address leads to."""
    return f"uploads/{user_id}/{document_id}/content"
