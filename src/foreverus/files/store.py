"""The files' records in DynamoDB, and their twin in memory. The bytes are in the bucket: `aws/s3.py`."""

from collections.abc import Iterator
from copy import deepcopy
from itertools import islice
from typing import Any, Protocol

from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Table
from foreverus.files.records import UPLOADED

Item = dict[str, Any]


class Files(Protocol):
    """`page`: a user's files by age, the newest first unless `ascending`, those behind the file `after`. `arrived`:
    the bytes are there; None when the file was deleted meanwhile."""

    def put(self, file: Item) -> None: ...
    def get(self, user_id: str, file_id: str) -> Item | None: ...
    def page(
        self, user_id: str, limit: int, after: str = "", *, ascending: bool = False, purpose: str = ""
    ) -> list[Item]: ...
    def arrived(self, user_id: str, file_id: str, size: int) -> Item | None: ...
    def delete(self, user_id: str, file_id: str) -> None: ...


class FileStore:
    def __init__(self, items: Table):
        self.items = items

    def put(self, file: Item) -> None:
        self.items.put({**keys.file_key(file["user_id"], file["file_id"]), **file})

    def get(self, user_id: str, file_id: str) -> Item | None:
        return self.items.get(keys.file_key(user_id, file_id))

    def page(
        self, user_id: str, limit: int, after: str = "", *, ascending: bool = False, purpose: str = ""
    ) -> list[Item]:
        key = keys.file_key(user_id, after)
        if ascending:
            found: Iterator[Item] = self.items.query(key["pk"], "FILE#")
            found = (file for file in found if file["file_id"] > after)
        else:
            most = 0 if purpose else limit
            before = key["sk"] if after else ""
            found = self.items.query(key["pk"], "FILE#", newest_first=True, limit=most, before=before)
        return list(islice((file for file in found if purpose in ("", file["purpose"])), limit))

    def arrived(self, user_id: str, file_id: str, size: int) -> Item | None:
        try:
            return self.items.update(
                keys.file_key(user_id, file_id),
                "SET #status = :status, #bytes = :bytes",
                {":status": UPLOADED, ":bytes": size},
                condition="attribute_exists(pk)",
                names={"#status": "status", "#bytes": "bytes"},
            )
        except ConditionFailed:
            return None

    def delete(self, user_id: str, file_id: str) -> None:
        self.items.delete(keys.file_key(user_id, file_id))


class MemoryFiles:
    """Twin of `FileStore`."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], Item] = {}

    def put(self, file: Item) -> None:
        self.records[file["user_id"], file["file_id"]] = deepcopy(file)

    def get(self, user_id: str, file_id: str) -> Item | None:
        return deepcopy(self.records.get((user_id, file_id)))

    def page(
        self, user_id: str, limit: int, after: str = "", *, ascending: bool = False, purpose: str = ""
    ) -> list[Item]:
        mine = [file for (owner, _), file in self.records.items() if owner == user_id]
        mine = [file for file in mine if purpose in ("", file["purpose"])]
        mine.sort(key=lambda file: str(file["file_id"]), reverse=not ascending)
        behind = [f for f in mine if not after or (f["file_id"] > after if ascending else f["file_id"] < after)]
        return deepcopy(behind[:limit])

    def arrived(self, user_id: str, file_id: str, size: int) -> Item | None:
        file = self.records.get((user_id, file_id))
        if file is None:
            return None
        file |= {"status": UPLOADED, "bytes": size}
        return deepcopy(file)

    def delete(self, user_id: str, file_id: str) -> None:
        self.records.pop((user_id, file_id), None)
