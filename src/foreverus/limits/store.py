"""The counts in DynamoDB, and their twin in memory."""

from collections.abc import Mapping
from typing import Any, Protocol

from foreverus.aws import keys
from foreverus.aws.dynamo import Table, Values, Write, put_write, update_write
from foreverus.costs.usage.store import MemoryUsage, UsageStore
from foreverus.limits.records import Count, CountChange, Kind


class Counts(Protocol):
    """The twin is `MemoryCounts`."""

    def read(self, user_id: str, kind: Kind, key_id: str = "") -> Count: ...

    def apply(self, *changes: CountChange) -> bool:
        """Changes by themselves, all or none. False, and nothing is written, where somebody has changed one of the
        counts since it was read."""

    def tokens(self, user_id: str, day: str) -> int:
        """What the day's answers have taken until now, on every backend (costs/usage/)."""


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


class CountStore:
    def __init__(self, items: Table):
        self.items = items

    def read(self, user_id: str, kind: Kind, key_id: str = "") -> Count:
        nothing = Count(user_id=user_id, kind=kind, key_id=key_id)
        item = self.items.get(_key(nothing))
        return _from_item(item, nothing) if item else nothing

    def apply(self, *changes: CountChange) -> bool:
        return self.items.transact_if(*map(change_write, changes))

    def tokens(self, user_id: str, day: str) -> int:
        return UsageStore(self.items).day(user_id, day).tokens


class MemoryCounts:
    """Twin of `CountStore`; `add_bytes` is what `fewer_bytes_write` does."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, Kind, str], Count] = {}
        self.usage = MemoryUsage()

    def read(self, user_id: str, kind: Kind, key_id: str = "") -> Count:
        return self.counts.get((user_id, kind, key_id), Count(user_id=user_id, kind=kind, key_id=key_id))

    def apply(self, *changes: CountChange) -> bool:
        befores = [change.before for change in changes]
        if any(self.read(one.user_id, one.kind, one.key_id).version != one.version for one in befores):
            return False
        self.counts |= {(one.after.user_id, one.after.kind, one.after.key_id): one.after for one in changes}
        return True

    def tokens(self, user_id: str, day: str) -> int:
        return self.usage.day(user_id, day).tokens

    def add_bytes(self, user_id: str, bytes_: int) -> None:
        known = self.read(user_id, Kind.BYTES)
        self.counts[user_id, Kind.BYTES, ""] = Count(
            user_id=user_id,
            kind=Kind.BYTES,
            version=known.version + 1,
            used=known.used + bytes_,
            is_complete=known.is_complete,
        )


def _to_item(count: Count) -> Values:
    parts: Values = {"times": list(count.times), "held": dict(count.held), "used": count.used, "day": count.day}
    return {
        **_key(count),
        "version": count.version,
        **{name: value for name, value in parts.items() if value},
        **({"is_complete": True} if count.is_complete else {}),
    }


def _key(count: Count) -> keys.Key:
    return keys.person_count_key(count.user_id, f"{count.kind}/{count.key_id}" if count.key_id else count.kind)


def _from_item(item: Mapping[str, Any], of: Count) -> Count:
    return Count(
        user_id=of.user_id,
        kind=of.kind,
        key_id=of.key_id,
        day=str(item.get("day", "")),
        version=int(item["version"]),
        times=tuple(int(at) for at in item.get("times", ())),
        held={name: int(until) for name, until in item.get("held", {}).items()},
        used=int(item.get("used", 0)),
        is_complete=bool(item.get("is_complete")),
    )
