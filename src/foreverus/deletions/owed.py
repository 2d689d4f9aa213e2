"""Owed deletions: what somebody has deleted, until it is gone from every store.

Who deletes writes an entry in the transaction that takes the thing away from its owner. Whoever may speak to the stores
works the entries off and removes each when everything is gone; what fails is tried again, less and less often, and
never given up. An entry names what is to go and holds nothing of its text. It stays for as long as somebody may still
write the thing back (`SETTLES_AFTER`), and then everything is erased once more. A whole person's deletion is a kind of
its own, whose work is to owe the deletion of everything they have (`privacy/erasing.py`).
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Table, Write, check_write, put_write

FIRST_PAUSE = timedelta(minutes=15)
# Each try may wake Aurora up for five minutes: one a day, once it has failed for a day.
LONGEST_PAUSE = timedelta(days=1)


class OwedKind(StrEnum):
    CONVERSATION = "conversation"
    EXCHANGE = "exchange"
    FILE = "file"
    BATCH = "batch"
    DOCUMENT = "document"
    PERSON = "person"


# From the deletion on. Of a conversation or an exchange nobody writes anything once its questions are gone. A file's
# presigned address (to a place of its own, files/records.py) lives an hour, in whose last second an upload may begin; a
# batch's end that was cut off is repeated within minutes, as is what a worker keeps of a line, or who reads a document
# keeps of it. A person's last token lives an hour at most, and what they have settles before they do.
SETTLES_AFTER = {
    OwedKind.CONVERSATION: timedelta(0),
    OwedKind.EXCHANGE: timedelta(0),
    OwedKind.FILE: timedelta(hours=2),
    OwedKind.BATCH: timedelta(hours=2),
    OwedKind.DOCUMENT: timedelta(hours=2),
    OwedKind.PERSON: timedelta(hours=2, minutes=15),
}


# From the deletion on, nothing of that id is kept again: for longer than any request that made one can be repeated,
# which is 24 hours (of a conversation the table remembers that by itself, `DELETED#`).
REMEMBERED_FOR = dict.fromkeys((OwedKind.FILE, OwedKind.DOCUMENT), timedelta(hours=25))


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedDeletion:
    """`name`: the conversation's, the file's, the batch's or the person's id; of an exchange `exchange_name`. `tries`:
    those that have failed. `erased_at`: when everything was gone, while it is not settled that it stays so; empty: not
    yet. `receipt_id`: of a person, where what goes is counted."""

    kind: OwedKind
    name: str
    user_id: str
    deleted_at: str
    tries: int = 0
    erased_at: str = ""
    receipt_id: str = ""

    @property
    def label(self) -> str:
        """How logs call it: a person by their receipt."""
        return self.receipt_id or self.name

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


def exchange_name(conversation_id: str, message_id: str) -> str:
    """A question and its answer, as one name. `message_id`: the question's."""
    return f"{conversation_id}/{message_id}"


def owed_write(owed: OwedDeletion) -> Write:
    """The part of the transaction that deletes."""
    return put_write(
        {
            **keys.owed_deletion_key(owed.kind, owed.name),
            "user_id": owed.user_id,
            "deleted_at": owed.deleted_at,
            **({"receipt_id": owed.receipt_id} if owed.receipt_id else {}),
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
        found = self.items.query(keys.owed_deletions_partition(kind))
        return [_from_item(kind, item) for item in found if "settled_at" not in item]

    def get(self, kind: OwedKind, name: str) -> OwedDeletion | None:
        item = self.items.get(keys.owed_deletion_key(kind, name))
        return _from_item(kind, item) if item and "settled_at" not in item else None

    def forget(self, user_id: str) -> None:
        """What is remembered of somebody who has left: no request of theirs can come again."""
        for kind in REMEMBERED_FOR:
            for item in self.items.query(keys.owed_deletions_partition(kind)):
                if "settled_at" in item and item.get("user_id") == user_id:
                    self.items.delete(keys.owed_deletion_key(kind, item["sk"]))

    def count_try(self, owed: OwedDeletion) -> None:
        key = keys.owed_deletion_key(owed.kind, owed.name)
        self.items.update(key, "ADD tries :one", {":one": 1}, condition="attribute_exists(pk)")

    def erased(self, owed: OwedDeletion, now: datetime) -> None:
        """Everything is gone. Saying so twice changes nothing. What is settled is owed no more, and remembered for as
        long as something may come back of it (`REMEMBERED_FOR`)."""
        key = keys.owed_deletion_key(owed.kind, owed.name)
        until = ids.parse_timestamp(owed.deleted_at) + REMEMBERED_FOR.get(owed.kind, timedelta(0))
        if owed.is_settled(now) and until <= now:
            self.items.delete(key)
            return
        set_them = "SET erased_at = :now"
        values: dict[str, object] = {":now": ids.timestamp(now)}
        if owed.is_settled(now):
            set_them += ", settled_at = :now, expires_at = :until"
            values |= {":until": int(until.timestamp())}
        with suppress(ConditionFailed):
            self.items.update(key, set_them, values, condition="attribute_exists(pk)")


def _from_item(kind: OwedKind, item: Mapping[str, Any]) -> OwedDeletion:
    return OwedDeletion(
        kind=kind,
        name=item["sk"],
        user_id=item.get("user_id", ""),
        deleted_at=item["deleted_at"],
        tries=item.get("tries", 0),
        erased_at=item.get("erased_at", ""),
        receipt_id=item.get("receipt_id", ""),
    )
