"""A document as the API shows it. Pure."""

from collections.abc import Sequence

from foreverus.api.responses import Body
from foreverus.documents.chunks import Heading
from foreverus.documents.records import Document, DocumentStatus, trouble_words


def public_document(document: Document) -> Body:
    failed = document.status is DocumentStatus.FAILED
    error = {"code": document.trouble, "message": trouble_words(document.trouble)} if failed else None
    return {
        "id": document.document_id,
        "object": "document",
        "filename": document.filename,
        "bytes": document.bytes,
        "status": document.status.value,
        "pages": document.pages,
        "chunks": document.chunks,
        "characters": document.characters,
        "tokens": document.tokens,
        "cost_usd": document.usd,
        "created_at": document.created_at,
        "has_headings": document.has_headings,
        "error": error,
    }


def public_headings(headings: Sequence[Heading]) -> list[Body]:
    return [{"start": one.start, "text": one.text} for one in headings]
