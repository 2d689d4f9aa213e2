"""What a file is: people's inputs, and batches' outputs. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from foreverus import ids

SCHEDULE_USER = "schedule"  # the scheduled batches' owner: the whole team may look at them

MAX_FILE_BYTES = 200_000_000
MOST_FILENAME_CHARACTERS = 255


class FilePurpose(StrEnum):
    BATCH = "batch"
    BATCH_OUTPUT = "batch_output"


class FileStatus(StrEnum):
    PENDING = "pending"  # its bytes are still to be put at its presigned address
    UPLOADED = "uploaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """`object_key`: where its bytes are in the data bucket."""

    file_id: str
    user_id: str
    filename: str
    bytes: int
    created_at: str
    object_key: str
    purpose: FilePurpose = FilePurpose.BATCH
    status: FileStatus = FileStatus.UPLOADED

    @property
    def is_there(self) -> bool:
        return self.status is FileStatus.UPLOADED


def object_key(user_id: str, file_id: str) -> str:
    """Where a file's bytes are in the data bucket."""
    return f"files/{user_id}/{file_id}"


def new_file(
    file_id: str, user_id: str, filename: str, size: int, now: datetime, *, purpose: FilePurpose = FilePurpose.BATCH
) -> File:
    """A file whose bytes are there."""
    return File(
        file_id=file_id,
        user_id=user_id,
        filename=filename,
        bytes=size,
        created_at=ids.timestamp(now),
        object_key=object_key(user_id, file_id),
        purpose=purpose,
    )
