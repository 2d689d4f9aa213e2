"""The counts in DynamoDB, and their twin in memory."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from foreverus.aws import keys
from foreverus.aws.dynamo import Table, Values, Write, put_write, update_write
from foreverus.limits.records import Count, CountChange, Kind
from foreverus.limits.rules import day_of

TOKENS_KEPT = timedelta(days=3)


class Counts(Protocol):
    """The twin is `MemoryCounts`."""

    def read(self, user_id: str, kind: Kind) -> Count: ...

    def apply(self, change: CountChange) -> bool:
        """A change by itself. False, and nothing is written, where somebody has changed the count since it was read."""

    def tokens(self, user_id: str, day: str) -> int:
        """What the day's answers have taken until now."""


def change_write(change: CountChange) -> Write:
    """The part of the transaction that keeps what is counted."""
    before, after = change.before, change.after
    if before.version:
        return put_write(_to_item(after), "version = :before", {":before": before.version})
    return put_write(_to_item(after), "attribute_not_exists(version)")


def fewer_bytes_write(user_id: str, bytes_: int) -> Write:
    """The part of a transaction that takes something away, or keeps what may not be refused (a negative number)."""
    key = keys.person_count_key(user_id, Kind.BYTES)
    return update_write(key, "ADD used :less, version :one", {":less": -bytes_, ":one": 1})


def tokens_write(user_id: str, tokens: int, now: datetime) -> Write:
    """The part of a transaction that saves what was answered."""
    return update_write(
        keys.person_tokens_key(user_id, day_of(now)),
        "SET expires_at = :until ADD used :tokens",
        {":until": int((now + TOKENS_KEPT).timestamp()), ":tokens": tokens},
    )


class CountStore:
    def __init__(self, items: Table):
        self.items = items

    def read(self, user_id: str, kind: Kind) -> Count:
        item = self.items.get(keys.person_count_key(user_id, kind))
        return _from_item(item, user_id, kind) if item else Count(user_id=user_id, kind=kind)

    def apply(self, change: CountChange) -> bool:
        return self.items.transact_if(change_write(change))

    def tokens(self, user_id: str, day: str) -> int:
        item = self.items.get(keys.person_tokens_key(user_id, day))
        return int(item["used"]) if item else 0


class MemoryCounts:
    """Twin of `CountStore`; `add_tokens` and `add_bytes` are what `tokens_write` and `fewer_bytes_write` do."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, Kind], Count] = {}
        self.used_tokens: dict[tuple[str, str], int] = {}

    def read(self, user_id: str, kind: Kind) -> Count:
        return self.counts.get((user_id, kind), Count(user_id=user_id, kind=kind))

    def apply(self, change: CountChange) -> bool:
        user_id, kind = change.before.user_id, change.before.kind
        if self.read(user_id, kind).version != change.before.version:
            return False
        self.counts[user_id, kind] = change.after
        return True

    def tokens(self, user_id: str, day: str) -> int:
        return self.used_tokens.get((user_id, day), 0)

    def add_tokens(self, user_id: str, tokens: int, now: datetime) -> None:
        self.used_tokens[user_id, day_of(now)] = self.tokens(user_id, day_of(now)) + tokens

    def add_bytes(self, user_id: str, bytes_: int) -> None:
        known = self.read(user_id, Kind.BYTES)
        self.counts[user_id, Kind.BYTES] = Count(
            user_id=user_id,
            kind=Kind.BYTES,
            version=known.version + 1,
            used=known.used + bytes_,
            is_complete=known.is_complete,
        )


def _to_item(count: Count) -> Values:
    parts: Values = {"times": list(count.times), "held": dict(count.held), "used": count.used}
    return {
        **keys.person_count_key(count.user_id, count.kind),
        "version": count.version,
        **{name: value for name, value in parts.items() if value},
        **({"is_complete": True} if count.is_complete else {}),
    }


def _from_item(item: Mapping[str, Any], user_id: str, kind: Kind) -> Count:
    return Count(
        user_id=user_id,
        kind=kind,
        version=int(item["version"]),
        times=tuple(int(at) for at in item.get("times", ())),
        held={name: int(until) for name, until in item.get("held", {}).items()},
        used=int(item.get("used", 0)),
        is_complete=bool(item.get("is_complete")),
    )
