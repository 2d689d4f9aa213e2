"""What an upload in parts is. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from foreverus import ids
from foreverus.files.records import MOST_FILENAME_CHARACTERS, seconds_of

MOST_PARTS = 1000
# What an upload takes of its person's bytes is the file's; a part that was damaged is sent once more.
MOST_PARTS_OF_FILE = 2
UPLOAD_LASTS = timedelta(hours=1)  # as OpenAI's do


class UploadStatus(StrEnum):
    """OpenAI's words; and COMPLETING, which people see as pending: its parts are being put together."""

    PENDING = "pending"
    COMPLETING = "completing"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @classmethod
    def _missing_(cls, value: object) -> "UploadStatus":
        return cls.EXPIRED  # nobody goes on with what a newer version has begun


UNFINISHED = frozenset({UploadStatus.PENDING, UploadStatus.COMPLETING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """`bytes`: of the whole file, as its owner said; `file_expires_s`: how long the file is kept, 0 for ever;
    `asked`: a digest of what it is completed with, once somebody has begun to."""

    upload_id: str
    user_id: str
    filename: str
    bytes: int
    created_at: str
    expires_at: str
    file_expires_s: int = 0
    status: UploadStatus = UploadStatus.PENDING
    asked: str = ""

    def status_at(self, now: datetime) -> UploadStatus:
        """What has not come to its end in time has expired."""
        is_late = self.status in UNFINISHED and self.expires_at <= ids.timestamp(now)
        return UploadStatus.EXPIRED if is_late else self.status

    @property
    def file_id(self) -> str:
        """Of the file that it becomes: the same whenever it is made.

        >>> Upload(
        ...     upload_id="upload_1f", user_id="ana", filename="p", bytes=1, created_at="", expires_at=""
        ... ).file_id
        'file_1f'
        """
        return "file_" + self.upload_id.removeprefix("upload_")

    @property
    def parts_prefix(self) -> str:
        """Where the bytes of its parts are in the data bucket, until they are put together or a day is over."""
        return f"uploads/{self.user_id}/{self.upload_id}/"


@dataclass(frozen=True, slots=True)
class UploadPart:
    part_id: str
    upload_id: str
    bytes: int
    created_at: str


def new_upload(upload_id: str, user_id: str, request: Mapping[str, Any], now: datetime) -> Upload:
    """`request`: `{filename, purpose, bytes, mime_type, expires_after?}`, checked."""
    return Upload(
        upload_id=upload_id,
        user_id=user_id,
        filename=request["filename"][:MOST_FILENAME_CHARACTERS],
        bytes=int(request["bytes"]),
        created_at=ids.timestamp(now),
        expires_at=ids.timestamp(now + UPLOAD_LASTS),
        file_expires_s=seconds_of(request.get("expires_after")),
    )


def digest_of(part_ids: Sequence[str], md5: str) -> str:
    """Whether two requests to complete an upload ask for the same.

    >>> digest_of(["part_1", "part_2"], "") == digest_of(["part_2", "part_1"], "")
    False
    """
    return hashlib.sha256("\n".join([md5, *part_ids]).encode()).hexdigest()
