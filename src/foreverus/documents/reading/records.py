"""What is read out of a document, and why one cannot be read. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from foreverus.errors import ForeverUsError

MOST_BYTES = 10_000_000  # of a file
MOST_CHARACTERS = 1_000_000  # of its text: some 400 pages
MOST_PAGES = 1_000
MOST_OBJECTS = 100_000  # of a PDF
MOST_UNPACKED_BYTES = 50_000_000  # of what is packed in it
MOST_PARTS = 2_000  # of a docx's archive
MOST_HEADING = 120  # characters of a heading, as the place of what stands under it is called


class DocumentKind(StrEnum):
    """By its name's end; its bytes must fit."""

    TXT = "txt"
    MD = "md"
    PDF = "pdf"
    DOCX = "docx"


class Trouble(StrEnum):
    """Why a document cannot be read: what programs are told. `WORDS` has the sentences."""

    KIND = "document_kind"
    PROTECTED = "document_protected"
    BROKEN = "document_broken"
    EMPTY = "document_empty"
    TOO_LARGE = "document_too_large"
    TOO_LONG = "document_too_long"
    TOO_COMPLEX = "document_too_complex"


WORDS: Mapping[Trouble, str] = {
    Trouble.KIND: "This is no text, Markdown, PDF or Word (.docx) document, whatever its name says.",
    Trouble.PROTECTED: "The document is protected by a password: save it without one, then upload it again.",
    Trouble.BROKEN: "The document is broken and cannot be read. Open it, save it anew, and upload that.",
    Trouble.EMPTY: "There is no text in the document. Pages that were scanned are pictures: they have to go through "
    "text recognition (OCR) first.",
    Trouble.TOO_LARGE: f"A document has at most {MOST_BYTES // 1_000_000} MB: split it.",
    Trouble.TOO_LONG: f"A document has at most {MOST_PAGES:,} pages and {MOST_CHARACTERS:,} characters: split it.",
    Trouble.TOO_COMPLEX: "The document has too many parts, or unpacks to too much, to be read here. Print it "
    "into a new PDF, or save its text alone, and upload that.",
}


class Unreadable(ForeverUsError):
    """Its text is for the person whose document it is."""

    def __init__(self, trouble: Trouble):
        super().__init__(WORDS[trouble])
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a heading, a line of a table. `page`: from 1; 0 where the kind has none. `heading`: the one that it
    stands under."""

    text: str
    page: int = 0
    heading: str = ""


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """`pages`: 0 where the kind has none."""

    blocks: tuple[Block, ...]
    pages: int = 0
