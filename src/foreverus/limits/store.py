"""The counts in DynamoDB, and their twin in memory."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from operator import sub
from typing import Any, Protocol

from foreverus.aws import keys
from foreverus.aws.dynamo import Table, Values, Write, put_write, update_write
from foreverus.costs.usage.records import day_of
from foreverus.costs.usage.store import MemoryUsage, UsageStore
from foreverus.limits.records import Count, CountChange, Kind

_ENCODER = json.JSONEncoder(separators=(",", ":"))
EVERYBODY = "everybody"  # whose count is that of all: no person has such an id


class Counts(Protocol):
    """The twin is `MemoryCounts`."""

    def read(self, user_id: str, kind: Kind, key_id: str = "") -> Count: ...

    def read_requests(self, *whose: tuple[str, str]) -> list[Count]:
        """Of each person and key (empty: of the person alone)."""

    def apply(self, *changes: CountChange) -> bool:
        """Changes by themselves, all or none. False, and nothing is written, where somebody has changed one of the
        counts since it was read."""

    def tokens(self, user_id: str, day: str) -> int:
        """What the day's answers have taken until now, on every backend (costs/usage/)."""


def request_keys(user_id: str, key_id: str, now: datetime) -> list[keys.Key]:
    """Of what is read before a request of OpenAI's API is let in: the person's usage of the day, and the counts of the
    person, their key and everybody."""
    whose = [(user_id, ""), *([(user_id, key_id)] if key_id else []), (EVERYBODY, "")]
    counts = [_key(Count(user_id=who, kind=Kind.REQUESTS, key_id=key)) for who, key in whose]
    return [keys.usage_key(day_of(now), user_id), *counts]


def message_keys(user_id: str, now: datetime) -> list[keys.Key]:
    """Of what is read before a message is accepted: the person's usage of the day, and their messages' count."""
    return [keys.usage_key(day_of(now), user_id), _key(Count(user_id=user_id, kind=Kind.MESSAGES))]


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

    def read_requests(self, *whose: tuple[str, str]) -> list[Count]:
        empty = [Count(user_id=user_id, kind=Kind.REQUESTS, key_id=key_id) for user_id, key_id in whose]
        found = zip(self.items.get_each(*map(_key, empty)), empty, strict=True)
        return [_from_item(item, nothing) if item else nothing for item, nothing in found]

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

    def read_requests(self, *whose: tuple[str, str]) -> list[Count]:
        return [self.read(user_id, Kind.REQUESTS, key_id) for user_id, key_id in whose]

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
    held = _ENCODER.encode(count.held) if count.held else ""
    parts: Values = {"recent": times_text(count.times), "places": held, "used": count.used, "day": count.day}
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
        times=read_times(item["recent"]) if "recent" in item else tuple(map(int, item.get("times", ()))),
        held=_ints(json.loads(item["places"]) if "places" in item else item.get("held", {})),
        used=int(item.get("used", 0)),
        is_complete=bool(item.get("is_complete")),
    )


# Times and places are one text each. Each request reads and writes those of its last minute and of all who are at it:
# as lists and maps of numbers they were a third of its processor time, here and in the table, and twice the bytes.
# Items of earlier versions have them as `times` and `held`. Under names of their own, a version that is taken back
# reads none, and goes on.


def times_text(times: Sequence[int]) -> str:
    """The first one, then the differences.

    >>> times_text([1767225600000, 1767225600012, 1767225600312])
    '1767225600000 12 300'
    """
    return " ".join(map(str, map(sub, times, (0, *times))))


def read_times(text: str) -> tuple[int, ...]:
    """
    >>> read_times("1767225600000 12 300")
    (1767225600000, 1767225600012, 1767225600312)
    """
    return tuple(accumulate(map(int, text.split())))


def _ints(held: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(until) for name, until in held.items()}
