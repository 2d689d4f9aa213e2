"""Owed deletions: what somebody has deleted, until it is gone from every store.

Who deletes writes an entry in the transaction that takes the thing away from its owner. Whoever may speak to the stores
works the entries off and removes each when everything is gone; what fails is tried again, less and less often, and
never given up. An entry names what is to go and holds nothing of its text. A whole person's deletion will be a kind of
its own, whose work is to owe the deletion of everything they have.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import Table, Write, put_write

FIRST_PAUSE = timedelta(minutes=15)
# Each try may wake Aurora up for five minutes: one a day, once it has failed for a day.
LONGEST_PAUSE = timedelta(days=1)


class OwedKind(StrEnum):
    CONVERSATION = "conversation"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedDeletion:
    """`name`: the conversation's id. `tries`: those that have failed."""

    kind: OwedKind
    name: str
    user_id: str
    deleted_at: str
    tries: int = 0

    def is_due(self, now: datetime) -> bool:
        """At once, then 15 minutes after the deletion, then 30, 60, … and at last once a day.

        >>> owed = OwedDeletion(
        ...     kind=OwedKind.CONVERSATION, name="conv_1", user_id="u", deleted_at="2026-01-01T00:00:00.000Z", tries=1
        ... )
        >>> owed.is_due(datetime.fromisoformat("2026-01-01T00:10:00Z"))
        False
        """
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
            )
            for item in self.items.query(keys.owed_deletions_partition(kind))
        ]

    def count_try(self, owed: OwedDeletion) -> None:
        key = keys.owed_deletion_key(owed.kind, owed.name)
        self.items.update(key, "ADD tries :one", {":one": 1}, condition="attribute_exists(pk)")

    def done(self, owed: OwedDeletion) -> None:
        """Everything is gone. Saying so twice changes nothing."""
        self.items.delete(keys.owed_deletion_key(owed.kind, owed.name))
