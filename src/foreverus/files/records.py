"""What a file is: people's inputs, and batches' outputs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from foreverus import ids
from foreverus.backends.images import ImageKind

SCHEDULE_USER = "schedule"  # the scheduled batches' owner: the whole team may look at them

MAX_FILE_BYTES = 200_000_000
UNSENT_IMAGE_S = 86_400  # so long an image is kept that no message has
MOST_FILENAME_CHARACTERS = 255


class FilePurpose(StrEnum):
    BATCH = "batch"
    BATCH_OUTPUT = "batch_output"
    VISION = "vision"  # an image for messages


@dataclass(frozen=True, slots=True)
class ImageFacts:
    kind: ImageKind
    width: int
    height: int

    @property
    def content_type(self) -> str:
        return f"image/{self.kind.value}"


class FileStatus(StrEnum):
    PENDING = "pending"  # its bytes are still to be put at its presigned address
    UPLOADED = "uploaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """`object_key`: where its bytes are in the data bucket. `expires_at`: from then on there is no such file; empty: it
    stays until somebody deletes it. `image`: what is in one that is an image."""

    file_id: str
    user_id: str
    filename: str
    bytes: int
    created_at: str
    object_key: str
    purpose: FilePurpose = FilePurpose.BATCH
    status: FileStatus = FileStatus.UPLOADED
    expires_at: str = ""
    image: ImageFacts | None = None

    def has_expired(self, now: datetime) -> bool:
        return bool(self.expires_at) and self.expires_at <= ids.timestamp(now)

    @property
    def is_there(self) -> bool:
        return self.status is FileStatus.UPLOADED


@dataclass(frozen=True, slots=True)
class ExpiringFile:
    """What is to be deleted at a time."""

    user_id: str
    file_id: str
    expires_at: str


def object_key(user_id: str, file_id: str) -> str:
    """Where a file's bytes are in the data bucket."""
    return f"files/{user_id}/{file_id}"


def arrival_key(user_id: str, file_id: str) -> str:
    """Where a presigned address leads to. Nobody reads it but who copies it to the file's own place; once the file is
    deleted, the address takes nothing any more."""
    return f"uploads/{user_id}/{file_id}/content"


def new_file(
    file_id: str,
    user_id: str,
    filename: str,
    size: int,
    now: datetime,
    *,
    purpose: FilePurpose = FilePurpose.BATCH,
    expires_s: int = 0,
) -> File:
    """A file whose bytes are there. `expires_s`: so long after `now`; 0: never."""
    return File(
        file_id=file_id,
        user_id=user_id,
        filename=filename,
        bytes=size,
        created_at=ids.timestamp(now),
        object_key=object_key(user_id, file_id),
        purpose=purpose,
        expires_at=ids.timestamp(now + timedelta(seconds=expires_s)) if expires_s else "",
    )


def kept_s(asked_s: int, most_s: int) -> int:
    """How long a file is kept: as somebody asked (0: for ever), and no longer than the stack keeps files (0: for ever).

    >>> kept_s(0, 86_400), kept_s(3600, 86_400), kept_s(3600, 0), kept_s(0, 0)
    (86400, 3600, 3600, 0)
    """
    return min(asked_s or most_s, most_s) if most_s else asked_s


def seconds_of(expires_after: Mapping[str, int | str] | None) -> int:
    """OpenAI's `{"anchor": "created_at", "seconds"}`, checked: how long a file is kept, 0 for ever.

    >>> seconds_of({"anchor": "created_at", "seconds": 3600}), seconds_of(None)
    (3600, 0)
    """
    return int(expires_after["seconds"]) if expires_after else 0
