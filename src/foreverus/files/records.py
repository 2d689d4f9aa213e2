"""What files are to those who look at them: records, statuses and OpenAI's objects. Pure."""

from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.aws import keys
from foreverus.ids import unix_seconds

Item = dict[str, Any]

SCHEDULE_USER = "schedule"  # the scheduled batches' owner: the whole team may look at them
PENDING = "pending"  # a file whose bytes are still to be put at its presigned address
UPLOADED = "uploaded"

MAX_FILE_BYTES = 200_000_000
MOST_FILENAME_CHARACTERS = 255


def object_key(user_id: str, file_id: str) -> str:
    """Where a file's bytes are in the data bucket."""
    return f"files/{user_id}/{file_id}"


def new_file(
    file_id: str,
    user_id: str,
    filename: str,
    size: int,
    now: datetime,
    *,
    purpose: str = "batch",
    status: str = UPLOADED,
) -> Item:
    """A file's record; `purpose`: batch | batch_output."""
    return {
        **keys.file_key(user_id, file_id),
        "file_id": file_id,
        "user_id": user_id,
        "filename": filename,
        "bytes": size,
        "purpose": purpose,
        "status": status,
        "created_at": ids.timestamp(now),
        "object_key": object_key(user_id, file_id),
    }


def public_file(item: Item) -> Item:
    """OpenAI's file: `processed` is its word for one that can be used (`files.wait_for_processing` waits for it)."""
    return {
        "id": item["file_id"],
        "object": "file",
        "bytes": item["bytes"],
        "created_at": unix_seconds(item["created_at"]),
        "filename": item["filename"],
        "purpose": item["purpose"],
        "status": "processed" if item["status"] == UPLOADED else item["status"],
    }
