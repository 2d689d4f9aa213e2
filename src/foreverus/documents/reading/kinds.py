"""Which kind a document is, and its text: every kind has a reader that says no in the person's words."""

from foreverus.documents.reading import plain
from foreverus.documents.reading.records import (
    MOST_BYTES,
    MOST_CHARACTERS,
    Block,
    DocumentKind,
    ReadDocument,
    Trouble,
    Unreadable,
)
from foreverus.text import is_blank

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # a Word document of before 2007, or a docx that is encrypted


def kind_of(filename: str) -> DocumentKind | None:
    """
    >>> kind_of("Relatório final.PDF"), kind_of("notes.markdown"), kind_of("a.exe")
    (<DocumentKind.PDF: 'pdf'>, <DocumentKind.MD: 'md'>, None)
    """
    end = filename.rpartition(".")[2].lower()
    end = {"markdown": "md", "text": "txt"}.get(end, end)
    return DocumentKind(end) if end in set(DocumentKind) else None


def read(data: bytes, kind: DocumentKind) -> ReadDocument:
    """Raises Unreadable."""
    if len(data) > MOST_BYTES:
        raise Unreadable(Trouble.TOO_LARGE)
    if not data.strip():
        raise Unreadable(Trouble.EMPTY)
    found = _read(data, kind)
    blocks = tuple(
        Block(text, one.page, plain.place_name(one.heading)) for one in found.blocks if (text := plain.tidy(one.text))
    )
    if all(is_blank(one.text) for one in blocks):
        raise Unreadable(Trouble.EMPTY)
    if sum(len(one.text) for one in blocks) > MOST_CHARACTERS:
        raise Unreadable(Trouble.TOO_LONG)
    return ReadDocument(blocks, found.pages)


def _read(data: bytes, kind: DocumentKind) -> ReadDocument:
    if kind is DocumentKind.PDF:
        from foreverus.documents.reading.pdf import read_pdf

        return read_pdf(data)
    if kind is DocumentKind.DOCX:
        if data.startswith(_OLE):
            raise Unreadable(Trouble.PROTECTED)
        from foreverus.documents.reading.word import read_docx

        return read_docx(data)
    if data.startswith((b"%PDF", b"PK\x03\x04", _OLE)):
        raise Unreadable(Trouble.KIND)
    text = plain.decoded(data)
    return ReadDocument(tuple(plain.markdown_blocks(text) if kind is DocumentKind.MD else plain.text_blocks(text)))
