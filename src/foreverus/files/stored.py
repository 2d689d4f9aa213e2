"""What a person's files take, counted anew: before somebody is refused, and when their bytes are counted first."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import Table
from foreverus.files.store import from_item
from foreverus.files.uploads.records import UNFINISHED
from foreverus.files.uploads.store import upload_from_item
from foreverus.limits.records import CountChange

# One is told that there is room, or raises LimitReached: (user id, bytes).
Room: TypeAlias = Callable[[str, int], CountChange | None]
# Of an upload whose hour is over: somebody may be completing it just now.
COMPLETING_TAKES = timedelta(minutes=15)


def no_limit(user_id: str, bytes_: int) -> None:
    """In place of a person's limit: for the schedule."""


def stored_bytes(items: Table, user_id: str, now: datetime) -> int:
    """Of the files, and of the uploads that can still become one. A file whose time is over counts until its record is
    gone: that gives its bytes back, and would do so once more than they were counted."""
    partition = keys.file_key(user_id, "")["pk"]
    files = (from_item(item) for item in items.query(partition, "FILE#"))
    uploads = (upload_from_item(item) for item in items.query(partition, "UPLOAD#"))
    late = ids.timestamp(now - COMPLETING_TAKES)
    return sum(one.bytes for one in files) + sum(
        one.bytes for one in uploads if one.status in UNFINISHED and one.expires_at > late
    )
