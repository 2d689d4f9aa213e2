"""Owed deletions: what somebody has deleted, until it is gone from every store.

Who deletes writes an entry in the transaction that takes the thing away from its owner. Whoever may speak to the stores
works the entries off and removes each when everything is gone; what fails is tried again, less and less often, and
never given up. An entry names what is to go and holds nothing of its text. It stays for as long as somebody may still
write the thing back (`SETTLES_AFTER`), and then everything is erased once more. A whole person's deletion will be a
kind of its own, whose work is to owe the deletion of everything they have.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Table, Write, check_write, put_write

FIRST_PAUSE = timedelta(minutes=15)
# Each try may wake Aurora up for five minutes: one a day, once it has failed for a day.
LONGEST_PAUSE = timedelta(days=1)


class OwedKind(StrEnum):
    CONVERSATION = "conversation"
    FILE = "file"


# From the deletion on. Of a conversation nobody writes anything once its questions are gone. A file's presigned address
# (to a place of its own, files/records.py) lives an hour, in whose last second an upload may begin; a batch's end that
# was cut off is repeated within minutes.
SETTLES_AFTER = {OwedKind.CONVERSATION: timedelta(0), OwedKind.FILE: timedelta(hours=2)}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedDeletion:
    """`name`: the conversation's or the file's id. `tries`: those that have failed. `erased_at`: when everything was
    gone, while it is not settled that it stays so; empty: not yet."""

    kind: OwedKind
    name: str
    user_id: str
    deleted_at: str
    tries: int = 0
    erased_at: str = ""

    def is_settled(self, now: datetime) -> bool:
        """Whether nobody can write it back any more."""
        return now - ids.parse_timestamp(self.deleted_at) >= SETTLES_AFTER[self.kind]

    def is_due(self, now: datetime) -> bool:
        """At once, then 15 minutes after the deletion, then 30, 60, … and at last once a day; what is erased, once more
        when it is settled.

        >>> owed = OwedDeletion(
        ...     kind=OwedKind.CONVERSATION, name="conv_1", user_id="u", deleted_at="2026-01-01T00:00:00.000Z", tries=1
        ... )
        >>> owed.is_due(datetime.fromisoformat("2026-01-01T00:10:00Z"))
        False
        """
        if self.erased_at and not self.is_settled(now):
            return False
        if self.tries == 0:
            return True
        doubled = FIRST_PAUSE * (1 << min(self.tries - 1, 7))
        late = max(self.tries - 8, 0) * LONGEST_PAUSE
        return now - ids.parse_timestamp(self.deleted_at) >= doubled + late


def owed_write(owed: OwedDeletion) -> Write:
    """The part of the transaction that deletes."""
    return put_write(
        {
            **keys.owed_deletion_key(owed.kind, owed.name),
            "user_id": owed.user_id,
            "deleted_at": owed.deleted_at,
        }
    )


def not_owed_write(kind: OwedKind, name: str) -> Write:
    """The part of a transaction that keeps something, unless it was deleted a short while ago."""
    return check_write(keys.owed_deletion_key(kind, name), "attribute_not_exists(pk)")


class OwedDeletions:
    def __init__(self, items: Table):
        self.items = items

    def of(self, kind: OwedKind) -> list[OwedDeletion]:
        """Oldest first: ids sort by time."""
        return [
            OwedDeletion(
                kind=kind,
                name=item["sk"],
                user_id=item.get("user_id", ""),
                deleted_at=item["deleted_at"],
                tries=item.get("tries", 0),
                erased_at=item.get("erased_at", ""),
            )
            for item in self.items.query(keys.owed_deletions_partition(kind))
        ]

    def count_try(self, owed: OwedDeletion) -> None:
        key = keys.owed_deletion_key(owed.kind, owed.name)
        self.items.update(key, "ADD tries :one", {":one": 1}, condition="attribute_exists(pk)")

    def erased(self, owed: OwedDeletion, now: datetime) -> None:
        """Everything is gone. Saying so twice changes nothing."""
        key = keys.owed_deletion_key(owed.kind, owed.name)
        if owed.is_settled(now):
            self.items.delete(key)
            return
        with suppress(ConditionFailed):
            self.items.update(
                key, "SET erased_at = :now", {":now": ids.timestamp(now)}, condition="attribute_exists(pk)"
            )
