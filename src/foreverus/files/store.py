"""The files' records in DynamoDB, and their twin in memory. The bytes are in the bucket: `aws/s3.py`."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Protocol

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Item, Table, Values, Write, delete_write, put_write, update_write
from foreverus.backends.images import ImageKind
from foreverus.deletions.owed import OwedDeletion, OwedKind, not_owed_write, owed_write
from foreverus.files.records import SCHEDULE_USER, ExpiringFile, File, FilePurpose, FileStatus, ImageFacts
from foreverus.limits.records import CountChange, CountChanged
from foreverus.limits.store import MemoryCounts, change_write, fewer_bytes_write


class Files(Protocol):
    """`put`: False, and nothing is kept, where the file was deleted a short while ago: who writes its bytes late takes
    them away again. Its bytes are counted with it: as `place`, which may be somebody else's meanwhile (CountChanged),
    or without a limit; what changes or deletes it counts too. `by_age`: a user's files by age, the newest first unless
    `ascending`, those behind the file `after`; none that has expired by `now` (ISO 8601). `arrived`: the bytes are
    there; None when the file was deleted meanwhile. `delete`: the rest is owed.

    `note_expiry` comes before the bytes and before `put`, so that whatever crash comes in between leaves nothing that
    nobody deletes. `expired`: what was noted for then, oldest first. `forget_expiry`: it is gone."""

    def put(self, file: File, place: CountChange | None = None) -> bool: ...
    def get(self, user_id: str, file_id: str) -> File | None: ...
    def by_age(
        self, user_id: str, limit: int, after: str = "", *, ascending: bool = False, purpose: str = "", now: str = ""
    ) -> list[File]: ...
    def arrived(self, user_id: str, file_id: str, size: int) -> File | None: ...
    def delete(self, user_id: str, file_id: str, now: datetime) -> None: ...
    def note_expiry(self, file: File) -> None: ...
    def expired(self, now: datetime) -> list[ExpiringFile]: ...
    def forget_expiry(self, one: ExpiringFile) -> None: ...


class FileStore:
    def __init__(self, items: Table):
        self.items = items

    def put(self, file: File, place: CountChange | None = None) -> bool:
        while True:
            known = None if place else self.get(file.user_id, file.file_id)
            counting = [change_write(place)] if place else _counting(file, file.bytes - (known.bytes if known else 0))
            try:
                self.items.transact(
                    put_write(to_item(file), *_as_read(known)),
                    not_owed_write(OwedKind.FILE, file.file_id),
                    *counting,
                )
            except ConditionFailed as err:
                if 1 in err.writes:
                    return False
                if 0 not in err.writes:
                    raise CountChanged from err
                place = None  # another try of the same request has kept and counted it
                continue
            return True

    def get(self, user_id: str, file_id: str) -> File | None:
        item = self.items.get(keys.file_key(user_id, file_id))
        return from_item(item) if item else None

    def by_age(
        self, user_id: str, limit: int, after: str = "", *, ascending: bool = False, purpose: str = "", now: str = ""
    ) -> list[File]:
        key = keys.file_key(user_id, after)
        where, page = key["sk"] if after else "", 1 + (2 * limit if purpose else limit)  # there are some purposes
        if ascending:
            found: Iterator[Item] = self.items.query(key["pk"], "FILE#", start=where, page=page)
            found = (item for item in found if item["file_id"] > after)
        else:
            found = self.items.query(key["pk"], "FILE#", newest_first=True, page=page, before=where)
        fitting = (
            item for item in found if purpose in ("", item["purpose"]) and not "" < item.get("expires_at", "") <= now
        )
        return [from_item(item) for item in islice(fitting, limit)]

    def arrived(self, user_id: str, file_id: str, size: int) -> File | None:
        while known := self.get(user_id, file_id):
            condition, values, names = _as_read(known)
            update = update_write(
                keys.file_key(user_id, file_id),
                "SET #status = :status, #bytes = :bytes",
                {":status": FileStatus.UPLOADED.value, ":bytes": size, **values},
                condition=condition,
                names={"#status": "status", **names},
            )
            if self.items.transact_if(update, *_counting(known, size - known.bytes)):
                return replace(known, status=FileStatus.UPLOADED, bytes=size)
        return None

    def delete(self, user_id: str, file_id: str, now: datetime) -> None:
        owed = OwedDeletion(kind=OwedKind.FILE, name=file_id, user_id=user_id, deleted_at=ids.timestamp(now))
        while True:
            known = self.get(user_id, file_id)
            gone = delete_write(keys.file_key(user_id, file_id), *_as_read(known))
            if self.items.transact_if(gone, owed_write(owed), *(_counting(known, -known.bytes) if known else [])):
                return

    def note_expiry(self, file: File) -> None:
        key = keys.expiring_file_key(file.expires_at, file.file_id)
        self.items.put({**key, "user_id": file.user_id, "file_id": file.file_id})

    def expired(self, now: datetime) -> list[ExpiringFile]:
        found = self.items.query(keys.EXPIRING_FILES, before=ids.timestamp(now) + "~")
        return [ExpiringFile(item["user_id"], item["file_id"], item["sk"].partition("#")[0]) for item in found]

    def forget_expiry(self, one: ExpiringFile) -> None:
        self.items.delete(keys.expiring_file_key(one.expires_at, one.file_id))


def _as_read(known: File | None) -> tuple[str, dict[str, object], dict[str, str]]:
    """(condition, values, names): what is counted is what is there."""
    if known is None:
        return "attribute_not_exists(pk)", {}, {}
    return "#bytes = :before", {":before": known.bytes}, {"#bytes": "bytes"}


def _counting(file: File, more: int) -> list[Write]:
    """The schedule's files are nobody's."""
    return [fewer_bytes_write(file.user_id, -more)] if more and file.user_id != SCHEDULE_USER else []


def to_item(file: File) -> Item:
    return {
        **keys.file_key(file.user_id, file.file_id),
        "file_id": file.file_id,
        "user_id": file.user_id,
        "filename": file.filename,
        "bytes": file.bytes,
        "purpose": file.purpose.value,
        "status": file.status.value,
        "created_at": file.created_at,
        "object_key": file.object_key,
        **({"expires_at": file.expires_at} if file.expires_at else {}),
        **(_image_to_item(file.image) if file.image else {}),
    }


def _image_to_item(image: ImageFacts) -> Values:
    return {"image": {"kind": image.kind.value, "width": image.width, "height": image.height}}


def from_item(item: Item) -> File:
    """A purpose that this version does not know is nobody's input; of a status it does not know, the bytes are there
    or not, and S3 knows."""
    is_there, image = item["status"] == FileStatus.UPLOADED, item.get("image")
    return File(
        file_id=item["file_id"],
        user_id=item["user_id"],
        filename=item["filename"],
        bytes=int(item["bytes"]),
        created_at=item["created_at"],
        object_key=item["object_key"],
        purpose=_PURPOSES.get(item["purpose"], FilePurpose.BATCH_OUTPUT),
        status=FileStatus.UPLOADED if is_there else FileStatus.PENDING,
        expires_at=item.get("expires_at", ""),
        image=ImageFacts(ImageKind(image["kind"]), int(image["width"]), int(image["height"])) if image else None,
    )


_PURPOSES = {purpose.value: purpose for purpose in FilePurpose}


class MemoryFiles:
    """Twin of `FileStore`."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], File] = {}
        self.expiring: set[ExpiringFile] = set()
        self.deleted: set[str] = set()
        self.counts = MemoryCounts()

    def put(self, file: File, place: CountChange | None = None) -> bool:
        known = self.get(file.user_id, file.file_id)
        if file.file_id in self.deleted:
            return False
        if place is None or known:
            self._count(file, file.bytes - (known.bytes if known else 0))
        elif not self.counts.apply(place):
            raise CountChanged
        self.records[file.user_id, file.file_id] = file
        return True

    def get(self, user_id: str, file_id: str) -> File | None:
        return self.records.get((user_id, file_id))

    def by_age(
        self, user_id: str, limit: int, after: str = "", *, ascending: bool = False, purpose: str = "", now: str = ""
    ) -> list[File]:
        mine = [file for (owner, _), file in self.records.items() if owner == user_id]
        mine = [f for f in mine if purpose in ("", f.purpose) and not "" < f.expires_at <= now]
        mine.sort(key=lambda file: file.file_id, reverse=not ascending)
        behind = [f for f in mine if not after or (f.file_id > after if ascending else f.file_id < after)]
        return behind[:limit]

    def arrived(self, user_id: str, file_id: str, size: int) -> File | None:
        file = self.records.get((user_id, file_id))
        if file is None:
            return None
        self._count(file, size - file.bytes)
        self.records[user_id, file_id] = replace(file, status=FileStatus.UPLOADED, bytes=size)
        return self.records[user_id, file_id]

    def delete(self, user_id: str, file_id: str, now: datetime) -> None:
        if known := self.records.pop((user_id, file_id), None):
            self._count(known, -known.bytes)
        self.deleted.add(file_id)

    def _count(self, file: File, more: int) -> None:
        if more and file.user_id != SCHEDULE_USER:
            self.counts.add_bytes(file.user_id, more)

    def note_expiry(self, file: File) -> None:
        self.expiring.add(ExpiringFile(file.user_id, file.file_id, file.expires_at))

    def expired(self, now: datetime) -> list[ExpiringFile]:
        due = (one for one in self.expiring if one.expires_at <= ids.timestamp(now))
        return sorted(due, key=lambda one: (one.expires_at, one.file_id))

    def forget_expiry(self, one: ExpiringFile) -> None:
        self.expiring.discard(one)
