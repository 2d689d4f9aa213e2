"""Uploads and their parts in DynamoDB, and the twin in memory. Bytes are in the bucket.

All of it vanishes by TTL a day after the upload's hour: until then a request that is sent again finds it.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Table, Values, put_write, update_write
from foreverus.files.records import File
from foreverus.files.store import MemoryFiles, to_item
from foreverus.files.uploads.records import (
    MOST_PARTS,
    MOST_PARTS_OF_FILE,
    UNFINISHED,
    Upload,
    UploadPart,
    UploadStatus,
)
from foreverus.limits.records import CountChange, CountChanged
from foreverus.limits.store import change_write, fewer_bytes_write

KEPT_AFTER = timedelta(days=1)


class Uploads(Protocol):
    """Where a change gives False or None, the upload is at another point, and nothing was changed."""

    def create(self, upload: Upload, place: CountChange | None = None) -> Upload:
        """Keeps it with its place among the person's bytes; returns it, or what an earlier try has kept under the same
        id. Raises CountChanged where the place is somebody else's meanwhile. Cancelling gives the place back,
        completing gives it to the file."""

    def get(self, user_id: str, upload_id: str) -> Upload | None: ...

    def add_part(self, upload: Upload, part: UploadPart) -> bool:
        """While the upload is pending, has fewer than MOST_PARTS, and its parts have no more than MOST_PARTS_OF_FILE
        times its bytes. Once more changes nothing."""

    def part(self, upload_id: str, part_id: str) -> UploadPart | None: ...

    def parts(self, upload_id: str) -> list[UploadPart]:
        """By age."""

    def begin(self, upload: Upload, asked: str) -> bool:
        """From now on it can be completed with nothing else."""

    def reopen(self, upload: Upload, asked: str) -> None:
        """What it was to be completed with was wrong."""

    def complete(self, upload: Upload, asked: str, file: File) -> bool:
        """It has become this file."""

    def cancel(self, upload: Upload) -> Upload | None: ...


class UploadStore:
    def __init__(self, items: Table):
        self.items = items

    def create(self, upload: Upload, place: CountChange | None = None) -> Upload:
        try:
            self.items.transact(
                put_write(_upload_to_item(upload), "attribute_not_exists(pk)"),
                *([change_write(place)] if place else []),
            )
        except ConditionFailed as err:
            if 0 not in err.writes:
                raise CountChanged from err
            return self.get(upload.user_id, upload.upload_id) or upload
        return upload

    def get(self, user_id: str, upload_id: str) -> Upload | None:
        item = self.items.get(keys.upload_key(user_id, upload_id))
        return upload_from_item(item) if item else None

    def add_part(self, upload: Upload, part: UploadPart) -> bool:
        counted = update_write(
            keys.upload_key(upload.user_id, upload.upload_id),
            "ADD parts :one, part_bytes :size",
            {
                ":one": 1,
                ":size": part.bytes,
                ":pending": UploadStatus.PENDING.value,
                ":most": MOST_PARTS,
                ":room": MOST_PARTS_OF_FILE * upload.bytes - part.bytes,
            },
            condition="#status = :pending AND (attribute_not_exists(parts) OR parts < :most)"
            " AND (attribute_not_exists(part_bytes) OR part_bytes <= :room)",
            names={"#status": "status"},
        )
        try:
            self.items.transact(put_write(_part_to_item(upload, part), "attribute_not_exists(pk)"), counted)
        except ConditionFailed as err:
            return 0 in err.writes  # an earlier try has kept it
        return True

    def part(self, upload_id: str, part_id: str) -> UploadPart | None:
        item = self.items.get(keys.upload_part_key(upload_id, part_id))
        return _part_from_item(item) if item else None

    def parts(self, upload_id: str) -> list[UploadPart]:
        return [_part_from_item(item) for item in self.items.query(keys.upload_part_key(upload_id, "")["pk"])]

    def begin(self, upload: Upload, asked: str) -> bool:
        begins = {"status": UploadStatus.COMPLETING.value, "asked": asked}
        return self._change(upload, begins, {UploadStatus.PENDING}) is not None or (
            self._change(upload, begins, {UploadStatus.COMPLETING}, asked) is not None
        )

    def reopen(self, upload: Upload, asked: str) -> None:
        self._change(upload, {"status": UploadStatus.PENDING.value}, {UploadStatus.COMPLETING}, asked)

    def complete(self, upload: Upload, asked: str, file: File) -> bool:
        completed = update_write(
            keys.upload_key(upload.user_id, upload.upload_id),
            "SET #status = :completed",
            {":completed": UploadStatus.COMPLETED.value, ":begun": UploadStatus.COMPLETING.value, ":asked": asked},
            condition="#status = :begun AND asked = :asked",
            names={"#status": "status"},
        )
        # Whoever is counting the person's bytes just now may have seen neither the file nor the upload: counts again.
        moved = fewer_bytes_write(upload.user_id, 0)
        return self.items.transact_if(put_write(to_item(file)), completed, moved)

    def cancel(self, upload: Upload) -> Upload | None:
        cancelled = update_write(
            keys.upload_key(upload.user_id, upload.upload_id),
            "SET #status = :cancelled",
            {
                ":cancelled": UploadStatus.CANCELLED.value,
                ":pending": UploadStatus.PENDING.value,
                ":completing": UploadStatus.COMPLETING.value,
            },
            condition="#status IN (:pending, :completing)",
            names={"#status": "status"},
        )
        given_back = fewer_bytes_write(upload.user_id, upload.bytes)
        return self.get(upload.user_id, upload.upload_id) if self.items.transact_if(cancelled, given_back) else None

    def _change(
        self, upload: Upload, changes: Values, status_in: Collection[UploadStatus], asked: str = ""
    ) -> Upload | None:
        allowed = {f":allowed{n}": status.value for n, status in enumerate(sorted(status_in))}
        condition = f"#status IN ({', '.join(allowed)})" + (" AND asked = :before" if asked else "")
        with suppress(ConditionFailed):
            item = self.items.update(
                keys.upload_key(upload.user_id, upload.upload_id),
                "SET " + ", ".join(f"#{name} = :{name}" for name in changes),
                {f":{name}": value for name, value in changes.items()}
                | allowed
                | ({":before": asked} if asked else {}),
                condition=condition,
                names={"#status": "status"} | {f"#{name}": name for name in changes},
            )
            return upload_from_item(item)
        return None


def _vanishes(upload: Upload) -> int:
    """The table's TTL takes seconds."""
    return int((ids.parse_timestamp(upload.expires_at) + KEPT_AFTER).timestamp())


def _upload_to_item(upload: Upload) -> Values:
    return {
        **keys.upload_key(upload.user_id, upload.upload_id),
        "upload_id": upload.upload_id,
        "user_id": upload.user_id,
        "filename": upload.filename,
        "bytes": upload.bytes,
        "created_at": upload.created_at,
        "until": upload.expires_at,
        "file_expires_s": upload.file_expires_s,
        "status": upload.status.value,
        "asked": upload.asked,
        "expires_at": _vanishes(upload),
    }


def upload_from_item(item: Mapping[str, Any]) -> Upload:
    return Upload(
        upload_id=item["upload_id"],
        user_id=item["user_id"],
        filename=item["filename"],
        bytes=int(item["bytes"]),
        created_at=item["created_at"],
        expires_at=item["until"],
        file_expires_s=int(item["file_expires_s"]),
        status=UploadStatus(item["status"]),
        asked=item["asked"],
    )


def _part_to_item(upload: Upload, part: UploadPart) -> Values:
    return {
        **keys.upload_part_key(part.upload_id, part.part_id),
        "bytes": part.bytes,
        "created_at": part.created_at,
        "expires_at": _vanishes(upload),
    }


def _part_from_item(item: Mapping[str, Any]) -> UploadPart:
    upload_id = item["pk"].removeprefix("UPLOAD#")
    return UploadPart(item["sk"].removeprefix("PART#"), upload_id, int(item["bytes"]), item["created_at"])


class MemoryUploads:
    """Twin of `UploadStore`; `files` has what uploads become."""

    def __init__(self, files: MemoryFiles) -> None:
        self.files = files
        self.records: dict[tuple[str, str], Upload] = {}
        self.held: dict[tuple[str, str], UploadPart] = {}

    def create(self, upload: Upload, place: CountChange | None = None) -> Upload:
        if place and (upload.user_id, upload.upload_id) not in self.records and not self.files.counts.apply(place):
            raise CountChanged
        return self.records.setdefault((upload.user_id, upload.upload_id), upload)

    def get(self, user_id: str, upload_id: str) -> Upload | None:
        return self.records.get((user_id, upload_id))

    def add_part(self, upload: Upload, part: UploadPart) -> bool:
        if (upload.upload_id, part.part_id) in self.held:
            return True
        known = self.get(upload.user_id, upload.upload_id)
        held = self.parts(upload.upload_id)
        if not known or known.status is not UploadStatus.PENDING or len(held) >= MOST_PARTS:
            return False
        if sum(one.bytes for one in held) > MOST_PARTS_OF_FILE * upload.bytes - part.bytes:
            return False
        self.held[upload.upload_id, part.part_id] = part
        return True

    def part(self, upload_id: str, part_id: str) -> UploadPart | None:
        return self.held.get((upload_id, part_id))

    def parts(self, upload_id: str) -> list[UploadPart]:
        return [self.held[key] for key in sorted(self.held) if key[0] == upload_id]

    def begin(self, upload: Upload, asked: str) -> bool:
        known = self.records[upload.user_id, upload.upload_id]
        if known.status is not UploadStatus.PENDING and (known.status, known.asked) != (UploadStatus.COMPLETING, asked):
            return False
        self._set(known, status=UploadStatus.COMPLETING, asked=asked)
        return True

    def reopen(self, upload: Upload, asked: str) -> None:
        known = self.records[upload.user_id, upload.upload_id]
        if (known.status, known.asked) == (UploadStatus.COMPLETING, asked):
            self._set(known, status=UploadStatus.PENDING, asked=asked)

    def complete(self, upload: Upload, asked: str, file: File) -> bool:
        known = self.records[upload.user_id, upload.upload_id]
        if (known.status, known.asked) != (UploadStatus.COMPLETING, asked):
            return False
        self.files.records[file.user_id, file.file_id] = file  # its bytes were the upload's
        self.files.counts.add_bytes(file.user_id, 0)
        self._set(known, status=UploadStatus.COMPLETED, asked=asked)
        return True

    def cancel(self, upload: Upload) -> Upload | None:
        known = self.records[upload.user_id, upload.upload_id]
        if known.status not in UNFINISHED:
            return None
        self.files.counts.add_bytes(upload.user_id, -upload.bytes)
        return self._set(known, status=UploadStatus.CANCELLED, asked=known.asked)

    def _set(self, known: Upload, *, status: UploadStatus, asked: str) -> Upload:
        changed = replace(known, status=status, asked=asked)
        self.records[known.user_id, known.upload_id] = changed
        return changed
