"""What people have used, in DynamoDB; the twin is `MemoryUsage`.

One item for each person and day, in a partition for each month. Whoever saves something that was answered puts
`usage_write` into the same transaction: there is no other way to count.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import Protocol

from foreverus.aws import keys
from foreverus.aws.dynamo import Item, Table, Write, delete_write, update_write
from foreverus.costs.money import exact
from foreverus.costs.usage.records import ERASED, KEPT, DayUsage, Parts, UsageKind, Used, UsedService, added, day_of

_COUNTS = ("messages", "prompt_tokens", "completion_tokens")
# Of an item's attributes: `gpu_chat_prompt_tokens`.
_NAMES = {
    (service, kind): tuple(f"{service}_{kind}_{name}" for name in (*_COUNTS, "usd"))
    for service, kind in product(UsedService, UsageKind)
}


class UsageDays(Protocol):
    """Months are `2026-11`, days `2026-11-29`."""

    def day(self, user_id: str, day: str) -> DayUsage: ...

    def days(self, first: str, last: str) -> Iterator[DayUsage]:
        """Everybody's, from the first day to the last, both with it, in the order of days."""


def usage_write(user_id: str, now: datetime, *used: Used) -> Write:
    """The part of a transaction that saves what was answered."""
    return _add(keys.usage_key(day_of(now), user_id), int((now + KEPT).timestamp()), added({}, used))


class UsageStore:
    def __init__(self, items: Table):
        self.items = items

    def day(self, user_id: str, day: str) -> DayUsage:
        item = self.items.get(keys.usage_key(day, user_id))
        return _from_item(item) if item else DayUsage(day, user_id)

    def days(self, first: str, last: str) -> Iterator[DayUsage]:
        for month in months_between(first[:7], last[:7]):
            for item in self.items.query(keys.usage_partition(month)):
                found = _from_item(item)
                if first <= found.day <= last:
                    yield found

    def of_person(self, user_id: str, now: datetime) -> Iterator[DayUsage]:
        """Everything that is kept of one person."""
        return (one for one in self.days(day_of(now - KEPT), day_of(now)) if one.user_id == user_id)

    def forget_person(self, user_id: str, now: datetime) -> int:
        """Their numbers become nobody's, so that the months' sums stay. Returns of how many days. What is counted
        while this runs is left for the next time."""
        found = 0
        for month in months_between(day_of(now - KEPT)[:7], day_of(now)[:7]):
            for item in list(self.items.query(keys.usage_partition(month))):
                one = _from_item(item)
                if one.user_id != user_id:
                    continue
                expires_at, writes = int(item["expires_at"]), int(item["writes"])
                found += self.items.transact_if(
                    delete_write(keys.usage_key(one.day, user_id), "writes = :n", {":n": writes}),
                    _add(keys.usage_key(one.day, ERASED), expires_at, one.parts),
                )
        return found


class MemoryUsage:
    """Twin of `UsageStore`; `add` is what `usage_write` does."""

    def __init__(self) -> None:
        self.parts: dict[tuple[str, str], Parts] = {}  # by day and person

    def add(self, user_id: str, now: datetime, *used: Used) -> None:
        key = day_of(now), user_id
        self.parts[key] = added(self.parts.get(key, {}), used)

    def day(self, user_id: str, day: str) -> DayUsage:
        return DayUsage(day, user_id, self.parts.get((day, user_id), {}))

    def days(self, first: str, last: str) -> Iterator[DayUsage]:
        for day, user_id in sorted(self.parts):
            if first <= day <= last:
                yield self.day(user_id, day)

    def of_person(self, user_id: str, now: datetime) -> Iterator[DayUsage]:
        return (one for one in self.days("", day_of(now)) if one.user_id == user_id)

    def forget_person(self, user_id: str, now: datetime) -> int:
        mine = [key for key in self.parts if key[1] == user_id]
        for day, _ in mine:
            parts = self.parts.pop((day, user_id))
            self.parts[day, ERASED] = added(self.parts.get((day, ERASED), {}), parts.values())
        return len(mine)


def months_between(first: str, last: str) -> list[str]:
    """
    >>> months_between("2026-11", "2027-01")
    ['2026-11', '2026-12', '2027-01']
    """
    begin, end = (int(month[:4]) * 12 + int(month[5:7]) - 1 for month in (first, last))
    return [f"{at // 12:04d}-{at % 12 + 1:02d}" for at in range(begin, end + 1)]


def _add(key: keys.Key, expires_at: int, parts: Parts) -> Write:
    """`writes` counts them, for who would take the item away as it was read."""
    values: dict[str, object] = {":until": expires_at, ":one": 1}
    adds = ["writes :one"]
    for name, number in _numbers(parts.values()):
        adds.append(f"{name} :{name}")
        values[f":{name}"] = number
    return update_write(key, f"SET expires_at = :until ADD {', '.join(adds)}", values)


def _numbers(parts: Iterable[Used]) -> Iterator[tuple[str, int | Decimal]]:
    """(attribute, what is added to it): `gpu_chat_prompt_tokens`."""
    for one in parts:
        numbers = {**{name: getattr(one, name) for name in _COUNTS}, "usd": exact(one.usd)}
        yield from ((f"{one.service}_{one.kind}_{name}", number) for name, number in numbers.items() if number)


def _from_item(item: Item) -> DayUsage:
    day, _, user_id = item["sk"].partition("#")
    parts = {}
    for (service, kind), names in _NAMES.items():
        *counts, usd = (item.get(name, 0) for name in names)
        if usd or any(counts):  # of two dozen parts a person has used a few
            numbers = dict(zip(_COUNTS, map(int, counts), strict=True))
            parts[service, kind] = Used(service=service, kind=kind, usd=exact(usd), **numbers)
    return DayUsage(day, user_id, parts)
