"""What a person does with their documents: `/v1/documents`.

A document's bytes are put at a presigned address, which S3 tells nobody about: whoever looks at the documents finds
what has arrived, moves it to where no address leads, and has it read.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.api import schemas
from foreverus.api.requests import NOT_REPEATED, RequestAttempt
from foreverus.api.responses import Body
from foreverus.aws.s3 import ObjectChanged, ObjectNotThere, Objects
from foreverus.documents.chunks import Heading
from foreverus.documents.reading.kinds import kind_of
from foreverus.documents.reading.records import MOST_BYTES, WORDS, Trouble
from foreverus.documents.records import (
    BUDGET_TOKENS,
    KEPT_KEYS,
    MOST_DOCUMENT_BYTES,
    MOST_DOCUMENTS,
    Document,
    DocumentStatus,
    OtherTrouble,
    document_arrival_key,
    headings_key,
    original_key,
    text_key,
)
from foreverus.documents.store import DocumentStore
from foreverus.documents.views import public_document, public_headings
from foreverus.errors import Conflict, InvalidRequest, NotFound
from foreverus.idempotency.records import CreateRequest, fingerprint
from foreverus.idempotency.store import Once
from foreverus.text import quoted

BYTES = "application/octet-stream"
AROUND = 1500  # characters that are shown before and behind a place
MOST_SHOWN = 200_000  # characters of a place: escaped twice, a third of what Lambda takes for an answer
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Documents:
    """`index`: has a document read; None: documents are off, and what there is can be seen and deleted. `find`: asks
    the function that finds passages."""

    store: DocumentStore
    objects: Objects
    once: Once
    clock: Callable[[], datetime]
    index: Callable[[Mapping[str, str]], None] | None
    find: Callable[[Mapping[str, object]], bytes] | None = None

    def create(self, user_id: str, request: Mapping[str, Any], attempt: RequestAttempt = NOT_REPEATED) -> Body:
        """`request`: `{filename, bytes}`. With the address where the bytes are put. Raises Conflict and
        InvalidRequest."""
        if self.index is None:
            raise _off()
        if kind_of(request["filename"]) is None:
            message = (
                f"The field 'filename' must end in .txt, .md, .pdf or .docx: {quoted(request['filename'])} does not."
            )
            raise InvalidRequest(message, param="filename", code=Trouble.KIND.value)
        if int(request["bytes"]) > MOST_BYTES:
            raise InvalidRequest(WORDS[Trouble.TOO_LARGE], param="bytes", code=Trouble.TOO_LARGE.value)
        with self.once(CreateRequest(user_id, "documents", fingerprint(request), attempt), "doc") as claim:
            document = self.store.create(
                Document(
                    document_id=claim.id,
                    user_id=user_id,
                    filename=request["filename"],
                    bytes=int(request["bytes"]),
                    created_at=ids.timestamp(self.clock()),
                )
            )
        key = document_arrival_key(user_id, document.document_id)
        url, headers, expires_at = self.objects.presigned_put(key, document.bytes, BYTES)
        upload = {"method": "PUT", "url": url, "headers": headers, "expires_at": int(expires_at.timestamp())}
        return {**public_document(document), "upload": upload}

    def show(self, user_id: str) -> Body:
        """All of them, newest first, and what they may take."""
        found = [self._look_after(one) for one in self.store.all(user_id)]
        return {
            "object": "list",
            "data": [public_document(one) for one in reversed(found)],
            "has_more": False,
            "enabled": self.index is not None,
            "budget_tokens": BUDGET_TOKENS,
            "most_documents": MOST_DOCUMENTS,
            "most_bytes": MOST_DOCUMENT_BYTES,
        }

    def get(self, user_id: str, document_id: str) -> Body:
        """With its headings, where it has some. Raises NotFound."""
        document = self._look_after(self.store.get(user_id, document_id))
        return {**public_document(document), "headings": public_headings(self._headings(document))}

    def text(self, user_id: str, document_id: str, query: Mapping[str, str]) -> Body:
        """The text at a place (`start`, `end`: characters) and some of what is around it; of a place that is too long
        for an answer its beginning, whose `end` is where to go on. Raises NotFound."""
        schemas.check("document_text_query", dict(query))
        document = self.store.get(user_id, document_id)
        try:
            text = b"".join(self.objects.stream(text_key(user_id, document_id))).decode()
        except ObjectNotThere as err:
            message = f"The document {document_id} has no text: it is {document.status.value}."
            raise NotFound(message, param="document_id", code="document_not_read") from err
        start = min(int(query.get("start", 0)), len(text))
        end = min(max(int(query.get("end", start)), start), start + MOST_SHOWN, len(text))
        first, last = max(0, start - AROUND), min(len(text), end + AROUND)
        return {
            "object": "document.text",
            "document_id": document_id,
            "filename": document.filename,
            "before": text[first:start],
            "text": text[start:end],
            "after": text[end:last],
            "start": start,
            "end": end,
            "characters": len(text),
        }

    def search(self, user_id: str, request: Mapping[str, Any]) -> Body:
        """The passages that fit a question, best first, each with its place. Raises Conflict, and FunctionFailed."""
        if self.find is None:
            raise _off()
        found = json.loads(self.find({"user_id": user_id, "question": request["question"]}))
        passages = zip(found["passages"], found["names"], strict=True)
        data = [{**one, "object": "passage", "filename": name} for one, name in passages]
        return {"object": "list", "data": data, "has_more": False, "why": found["why"]}

    def delete(self, user_id: str, document_id: str) -> Body:
        """From here on no question finds it. Its bytes go at once, what is in PostgreSQL with what is owed. Raises
        NotFound."""
        document = self.store.get(user_id, document_id)
        self.store.delete(document, self.clock())
        try:
            for key in KEPT_KEYS:
                self.objects.delete(key(user_id, document_id))
            self._close_address(document)
        except Exception:  # it is deleted: its bytes go with what is owed
            log.warning("the bytes of %s are still to be deleted", document_id, exc_info=True)
        return {"id": document_id, "object": "document.deleted", "deleted": True}

    def _headings(self, document: Document) -> list[Heading]:
        if not document.has_headings:
            return []
        try:
            found = b"".join(self.objects.stream(headings_key(document.user_id, document.document_id)))
        except ObjectNotThere:  # it is just being deleted
            return []
        return [Heading(int(start), str(text)) for start, text in json.loads(found)]

    def _look_after(self, document: Document) -> Document:
        """What has arrived is read, what nobody reads any more has failed."""
        if document.is_lost(self.clock()):
            trouble = OtherTrouble.UNAVAILABLE.value
            failed = self.store.change(document, DocumentStatus.FAILED, self.clock(), trouble=trouble)
            return failed or document
        if document.status is not DocumentStatus.UPLOADED or self.index is None:
            return document
        user_id, document_id = document.user_id, document.document_id
        key = document_arrival_key(user_id, document_id)
        arrived = self.objects.head(key)
        if arrived is None or not arrived.size:
            return document
        try:
            self.objects.copy(key, original_key(user_id, document_id), arrived.etag)
        except (ObjectChanged, ObjectNotThere):
            return document
        reading = self.store.change(document, DocumentStatus.READING, self.clock())
        if reading is None:  # somebody else has just taken it, or deleted it
            kept = self.store.find(user_id, document_id)
            if kept is None:
                self.objects.delete(original_key(user_id, document_id))
            return kept or document
        try:
            self.index({"user_id": user_id, "document_id": document_id})
        except Exception:  # nobody reads it: who looks next has it read
            self.store.change(reading, DocumentStatus.UPLOADED, self.clock())
            raise
        self._close_address(document)
        return reading

    def _close_address(self, document: Document) -> None:
        """An address takes something only while nothing is there. The bucket's lifecycle removes what is."""
        self.objects.put(document_arrival_key(document.user_id, document.document_id), b"", BYTES)


def _off() -> Conflict:
    message = "Documents are off here: they need a stack with Documents=managed and a database."
    return Conflict(message, code="documents_off")
