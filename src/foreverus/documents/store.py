"""The documents' records in DynamoDB: an item each, in a partition of their person's own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.aws import person_keys
from foreverus.aws.dynamo import ConditionFailed, Table, Values, Write, delete_write, put_write, update_write
from foreverus.costs.money import exact
from foreverus.deletions.owed import OwedDeletion, OwedKind, not_owed_write, owed_write
from foreverus.documents.records import MOST_DOCUMENT_BYTES, MOST_DOCUMENTS, Document, DocumentStatus
from foreverus.errors import Conflict, NotFound
from foreverus.idempotency.deleted import made_and_deleted
from foreverus.text import quoted

PREFIX = "doc_"
_STATUSES = {status.value: status for status in DocumentStatus}


def document_from_item(item: Mapping[str, Any]) -> Document:
    """A status that this version does not know is nothing that can be asked."""
    return Document(
        document_id=item["document_id"],
        user_id=item["user_id"],
        filename=item.get("filename", ""),
        bytes=int(item.get("bytes", 0)),
        created_at=item.get("created_at", ""),
        status=_STATUSES.get(item.get("status", ""), DocumentStatus.FAILED),
        trouble=item.get("trouble", ""),
        pages=int(item.get("pages", 0)),
        chunks=int(item.get("chunks", 0)),
        characters=int(item.get("characters", 0)),
        tokens=int(item.get("tokens", 0)),
        usd=float(item.get("usd", 0)),
        read_at=item.get("read_at", ""),
        has_headings=bool(item.get("has_headings")),
    )


def document_to_item(document: Document) -> Values:
    return {
        **person_keys.document_key(document.user_id, document.document_id),
        "document_id": document.document_id,
        "user_id": document.user_id,
        "filename": document.filename,
        "bytes": document.bytes,
        "created_at": document.created_at,
        "status": document.status.value,
    }


@dataclass(frozen=True)
class DocumentStore:
    items: Table

    def all(self, user_id: str) -> list[Document]:
        """Oldest first: ids sort by time."""
        found = self.items.query(person_keys.documents_partition(user_id), PREFIX)
        return [document_from_item(item) for item in found]

    def get(self, user_id: str, document_id: str) -> Document:
        """Raises NotFound for one that is not there or belongs to somebody else."""
        found = self.find(user_id, document_id)
        if found is None:
            message = f"There is no document {quoted(document_id)}."
            raise NotFound(message, param="document_id", code="document_not_found")
        return found

    def find(self, user_id: str, document_id: str) -> Document | None:
        if not document_id.startswith(PREFIX):
            return None
        item = self.items.get(person_keys.document_key(user_id, document_id))
        return document_from_item(item) if item else None

    def create(self, document: Document) -> Document:
        """The document, or the one that an earlier try has kept under the same id. Counted in the same transaction.
        Raises Conflict, also where that was deleted since: what is still to be erased of it would take the new one's
        passages along."""
        counted = _count_write(document, 1, MOST_DOCUMENTS, MOST_DOCUMENT_BYTES)
        try:
            self.items.transact(
                put_write(document_to_item(document), "attribute_not_exists(pk)"),
                counted,
                not_owed_write(OwedKind.DOCUMENT, document.document_id),
            )
        except ConditionFailed as err:
            if 0 in err.writes:
                return self.get(document.user_id, document.document_id)
            if 2 in err.writes:
                raise made_and_deleted("document") from err
            most = f"{MOST_DOCUMENTS} documents or {MOST_DOCUMENT_BYTES // 1_000_000} MB of them"
            message = f"You would have more than {most}, the most that there can be. Delete some, then try again."
            raise Conflict(message, code="too_many_documents") from err
        return document

    def ready(self, document: Document, now: datetime, **counts: object) -> bool:
        """From here on questions are given its passages. False where it is deleted, or nobody reads it any more."""
        values = {"status": DocumentStatus.READY.value, **counts}
        known = update_write(
            person_keys.ready_documents_key(document.user_id),
            "SET user_id = :user ADD ids :ids",
            {":user": document.user_id, ":ids": {document.document_id}},
        )
        return self.items.transact_if(
            update_write(
                person_keys.document_key(document.user_id, document.document_id),
                *_sets(values, document.status),
                condition="#status = :before",
                names={f"#{name}": name for name in values},
            ),
            known,
        )

    def change(self, document: Document, status: DocumentStatus, now: datetime, **changes: object) -> Document | None:
        """From the status that was read to another one; None where somebody was faster, or it is deleted."""
        begun = {"read_at": ids.timestamp(now)} if status is DocumentStatus.READING else {}
        values = {"status": status.value, **begun, **changes}
        try:
            item = self.items.update(
                person_keys.document_key(document.user_id, document.document_id),
                *_sets(values, document.status),
                condition="#status = :before",
                names={f"#{name}": name for name in values},
            )
        except ConditionFailed:
            return None
        return document_from_item(item)

    def delete(self, document: Document, now: datetime) -> None:
        """What else there is of it is owed. Once more changes nothing."""
        owed = OwedDeletion(
            kind=OwedKind.DOCUMENT, name=document.document_id, user_id=document.user_id, deleted_at=ids.timestamp(now)
        )
        key = person_keys.document_key(document.user_id, document.document_id)
        gone = delete_write(key, "attribute_exists(pk)")
        unknown = update_write(
            person_keys.ready_documents_key(document.user_id), "DELETE ids :ids", {":ids": {document.document_id}}
        )
        counted = _count_write(replace(document, bytes=-document.bytes), -1)
        self.items.transact_if(gone, owed_write(owed), counted, unknown)


def has_ready(items: Table, user_id: str) -> bool:
    """Whether the person has a document whose passages can be asked for."""
    return bool((items.get(person_keys.ready_documents_key(user_id)) or {}).get("ids"))


def _sets(values: Values, before: DocumentStatus) -> tuple[str, Values]:
    kept: Values = {f":{name}": _kept(value) for name, value in values.items()}
    return "SET " + ", ".join(f"#{name} = :{name}" for name in values), {**kept, ":before": before.value}


def _kept(value: object) -> object:
    return exact(value) if isinstance(value, float) else value


def _count_write(document: Document, more: int, most: int = 0, most_bytes: int = 0) -> Write:
    """`most`: after it there are no more than so many; 0: it takes away."""
    values: dict[str, object] = {":more": more, ":bytes": document.bytes}
    limits: Mapping[str, object] = {":most": most, ":left": most_bytes - document.bytes} if most else {}
    room = "(attribute_not_exists(#n) OR #n < :most) AND (attribute_not_exists(#bytes) OR #bytes <= :left)"
    return update_write(
        person_keys.documents_count_key(document.user_id),
        "ADD #n :more, #bytes :bytes",
        {**values, **limits},
        condition=room if most else "attribute_exists(pk)",
        names={"#n": "n", "#bytes": "bytes"},
    )
