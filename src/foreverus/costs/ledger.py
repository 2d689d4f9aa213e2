"""The month's ledger: what sessions, batches and calls have really cost. Each is counted once, under its name.

It is written by those who end what cost something, in the transaction that settles its reservation (costs/purse.py).
Who reserves only reads it.
"""

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from foreverus.aws import keys
from foreverus.aws.dynamo import Found, Table, Write, put_write, update_write
from foreverus.costs.idle import NO_IDLE, IdleCost
from foreverus.costs.money import exact

_DAY = "usd_of_day_"  # and the day of the month: a number for each beside the month's


@dataclass(frozen=True, slots=True)
class CountedCost:
    """What something has cost, in USD. `at`: when it ended. `price_unknown`: it is reckoned at a guard's price, the
    dearest that we know, because nobody knows its own. `sessions`: 1 for a session, 0 for anything else. `idle`: the
    part of it that was paid while nobody asked, as far as that is known."""

    usd: Decimal
    at: str
    price_unknown: bool = False
    sessions: int = 0
    idle: IdleCost = NO_IDLE


class Ledger(Protocol):
    """The twin is `MemoryLedger`. `month`: `2026-11`, see `costs.meter.month_of`."""

    def spent(self, month: str) -> float:
        """USD."""

    def idle(self, month: str) -> IdleCost:
        """Of the sessions that are over."""

    def by_day(self, month: str) -> Mapping[date, float]:
        """USD, of the days (UTC) on which something was counted, which is when it ended. What ended after its month
        counts to its last day."""


def count_writes(month: str, name: str, cost: CountedCost) -> tuple[Write, Write]:
    """The part of a transaction that counts a cost. It does not pass where that name is counted already."""
    entry = {**keys.ledger_entry_key(month, name), "usd": cost.usd, "ended_at": cost.at}
    if cost.price_unknown:
        entry["price_unknown"] = True
    adds, values = f"ADD spent_usd :usd, {_DAY}{_day(month, cost.at):%d} :usd", {":usd": cost.usd}
    if cost.sessions:
        adds, values = f"{adds}, sessions :n", {**values, ":n": Decimal(cost.sessions)}
    if cost.idle.sessions:
        adds = f"{adds}, idle_seconds :s, idle_usd :i, idle_sessions :k"
        values |= {":s": cost.idle.seconds, ":i": cost.idle.usd, ":k": Decimal(cost.idle.sessions)}
    return (
        put_write(entry, "attribute_not_exists(pk)"),
        update_write(keys.ledger_total_key(month), adds, values),
    )


def _day(month: str, at: str) -> date:
    """
    >>> _day("2026-11", "2026-11-09T23:59:59.999Z"), _day("2026-02", "2026-03-01T00:10:00Z")
    (datetime.date(2026, 11, 9), datetime.date(2026, 2, 28))
    """
    if at.startswith(month):
        return date.fromisoformat(at[:10])
    year, number = int(month[:4]), int(month[5:7])
    return date(year, number, monthrange(year, number)[1])


def by_days(ledger: Ledger, months: Iterable[str]) -> dict[date, float]:
    """Of several months."""
    return {day: usd for month in months for day, usd in ledger.by_day(month).items()}


def spent_in(total: Found) -> float:
    """USD, of a month's total as it is kept."""
    return float((total or {}).get("spent_usd", 0.0))


class LedgerStore:
    def __init__(self, items: Table):
        self.items = items

    def spent(self, month: str) -> float:
        return spent_in(self.items.get(keys.ledger_total_key(month)))

    def idle(self, month: str) -> IdleCost:
        total = self.items.get(keys.ledger_total_key(month)) or {}
        seconds, usd = (exact(total.get(f"idle_{name}", 0)) for name in ("seconds", "usd"))
        return IdleCost(seconds, usd, int(total.get("idle_sessions", 0)))

    def by_day(self, month: str) -> Mapping[date, float]:
        total = self.items.get(keys.ledger_total_key(month)) or {}
        days = ((name.removeprefix(_DAY), usd) for name, usd in total.items() if name.startswith(_DAY))
        return {date.fromisoformat(f"{month}-{day}"): float(usd) for day, usd in days}

    def has(self, month: str, name: str) -> bool:
        return self.items.get(keys.ledger_entry_key(month, name)) is not None


class MemoryLedger:
    """Twin of `LedgerStore`. `entries`: by month and name."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], CountedCost] = {}

    def spent(self, month: str) -> float:
        return float(sum(cost.usd for (of, _), cost in self.entries.items() if of == month))

    def idle(self, month: str) -> IdleCost:
        return sum((cost.idle for (of, _), cost in self.entries.items() if of == month), IdleCost())

    def by_day(self, month: str) -> Mapping[date, float]:
        found: dict[date, float] = {}
        for (of, _), cost in self.entries.items():
            if of == month:
                day = _day(month, cost.at)
                found[day] = found.get(day, 0.0) + float(cost.usd)
        return found

    def has(self, month: str, name: str) -> bool:
        return (month, name) in self.entries
