"""When something was asked, and what it cost on Bedrock: what idle time and a GPU for chats are reckoned from.

One item an hour with the numbers of its minutes: nobody's name, no content, 60 minutes and 60 sums at most, gone after
five weeks. A write that is lost is a minute that nobody knows of: whoever answers does not wait for it or fail by it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from foreverus.aws.demand_keys import demand_key
from foreverus.aws.dynamo import Table
from foreverus.aws.keys import Key
from foreverus.choice.pauses import MINUTE_S, minute_of, windows
from foreverus.costs.money import NOTHING, exact

KEPT = timedelta(weeks=5)
USD = "usd_"  # and the minute: what Bedrock took in it


class Demand(Protocol):
    """The twin is `MemoryDemand`."""

    def note(self, minutes: Iterable[int]) -> None:
        """Something was asked in those epoch minutes. The same minute may be noted again."""

    def spent(self, at: datetime, usd: float) -> None:
        """Bedrock answered, for so much."""

    def of_such_times(self, now: datetime) -> list[list[int]]:
        """The busy minutes of each of `windows(now)`."""

    def bedrock_usd(self, since: datetime, now: datetime) -> dict[int, float]:
        """What Bedrock took, by epoch minute."""


class DemandStore:
    def __init__(self, items: Table):
        self.items = items

    def note(self, minutes: Iterable[int]) -> None:
        by_hour: dict[datetime, set[int]] = {}
        for minute in minutes:
            at = _time_of(minute)
            by_hour.setdefault(_hour(at), set()).add(at.minute)
        for hour, found in by_hour.items():
            values = {":minutes": found, ":until": _expires_at(hour)}
            self.items.update(_key(hour), "SET expires_at = :until ADD minutes :minutes", values)

    def spent(self, at: datetime, usd: float) -> None:
        at = at.astimezone(UTC)
        values = {":minutes": {at.minute}, ":until": _expires_at(at), ":usd": exact(usd)}
        adds = f"ADD minutes :minutes, {USD}{at.minute:02} :usd"
        self.items.update(_key(at), f"SET expires_at = :until {adds}", values)

    def of_such_times(self, now: datetime) -> list[list[int]]:
        spans = windows(now)
        hours = sorted({hour for begin, end in spans for hour in _hours(begin, end)})
        busy = sorted(minute for item in self._items(hours) for minute in _minutes(item))
        return [_between(busy, begin, end) for begin, end in spans]

    def bedrock_usd(self, since: datetime, now: datetime) -> dict[int, float]:
        found: dict[int, float] = {}
        for item in self._items(_hours(since, now)):
            first = minute_of(_begin(item))
            for name, usd in item.items():
                if name.startswith(USD) and (minute := first + int(name.removeprefix(USD))) >= minute_of(since):
                    found[minute] = float(exact(usd))
        return found

    def _items(self, hours: Sequence[datetime]) -> Sequence[Mapping[str, Any]]:
        return list(self.items.get_all([_key(hour) for hour in hours]))


class MemoryDemand:
    """Twin of `DemandStore`."""

    def __init__(self) -> None:
        self.minutes: set[int] = set()
        self.usd: dict[int, Decimal] = {}

    def note(self, minutes: Iterable[int]) -> None:
        self.minutes |= {*minutes}

    def spent(self, at: datetime, usd: float) -> None:
        self.note([minute_of(at)])
        self.usd[minute_of(at)] = self.usd.get(minute_of(at), NOTHING) + exact(usd)

    def of_such_times(self, now: datetime) -> list[list[int]]:
        return [_between(sorted(self.minutes), begin, end) for begin, end in windows(now)]

    def bedrock_usd(self, since: datetime, now: datetime) -> dict[int, float]:
        first, last = minute_of(since), minute_of(now)
        return {minute: float(usd) for minute, usd in self.usd.items() if first <= minute <= last}


def _between(minutes: Iterable[int], begin: datetime, end: datetime) -> list[int]:
    return [minute for minute in minutes if minute_of(begin) <= minute <= minute_of(end)]


def _minutes(item: Mapping[str, Any]) -> list[int]:
    first = minute_of(_begin(item))
    return [first + int(minute) for minute in item.get("minutes", ())]


def _begin(item: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(f"{item['sk']}:00:00+00:00")


def _time_of(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * MINUTE_S, UTC)


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _hours(begin: datetime, end: datetime) -> list[datetime]:
    """That a span touches.

    >>> at = datetime(2026, 11, 29, 21, 50, tzinfo=UTC)
    >>> [hour.hour for hour in _hours(at, at + timedelta(minutes=20))]
    [21, 22]
    """
    first, last = _hour(begin), _hour(end)
    return [first + timedelta(hours=count) for count in range((last - first) // timedelta(hours=1) + 1)]


def _key(at: datetime) -> Key:
    return demand_key(_hour(at).isoformat()[:13])


def _expires_at(at: datetime) -> int:
    return int((at + KEPT).timestamp())
