"""The month's ledger: what sessions, batches and calls have really cost. Each is counted once, under its name.

It is written by those who end what cost something, in the transaction that settles its reservation (costs/purse.py).
Who reserves only reads it.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from foreverus.aws import keys
from foreverus.aws.dynamo import Table, Write, put_write, update_write


@dataclass(frozen=True, slots=True)
class CountedCost:
    """What something has cost, in USD. `at`: when it ended. `price_unknown`: it is reckoned at a guard's price, the
    dearest that we know, because nobody knows its own. `sessions`: 1 for a session, 0 for anything else."""

    usd: Decimal
    at: str
    price_unknown: bool = False
    sessions: int = 0


class Ledger(Protocol):
    """The twin is `MemoryLedger`. `month`: `2026-11`, see `costs.meter.month_of`."""

    def spent(self, month: str) -> float:
        """USD."""


def count_writes(month: str, name: str, cost: CountedCost) -> tuple[Write, Write]:
    """The part of a transaction that counts a cost. It does not pass where that name is counted already."""
    entry = {**keys.ledger_entry_key(month, name), "usd": cost.usd, "ended_at": cost.at}
    if cost.price_unknown:
        entry["price_unknown"] = True
    adds, values = "ADD spent_usd :usd", {":usd": cost.usd}
    if cost.sessions:
        adds, values = f"{adds}, sessions :n", {**values, ":n": Decimal(cost.sessions)}
    return (
        put_write(entry, "attribute_not_exists(pk)"),
        update_write(keys.ledger_total_key(month), adds, values),
    )


class LedgerStore:
    def __init__(self, items: Table):
        self.items = items

    def spent(self, month: str) -> float:
        total = self.items.get(keys.ledger_total_key(month)) or {}
        return float(total.get("spent_usd", 0.0))

    def has(self, month: str, name: str) -> bool:
        return self.items.get(keys.ledger_entry_key(month, name)) is not None


class MemoryLedger:
    """Twin of `LedgerStore`. `entries`: by month and name."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], CountedCost] = {}

    def spent(self, month: str) -> float:
        return float(sum(cost.usd for (of, _), cost in self.entries.items() if of == month))

    def has(self, month: str, name: str) -> bool:
        return (month, name) in self.entries
