"""The month's ledger: what closed sessions, and batches on Bedrock, have cost. Each is counted once, under its name.

A cost is counted in the transaction that ends what it was for, and a start is checked in the transaction that claims a
GPU: so those who write them take `session_writes` and `cap_check` from here.
"""

from datetime import datetime
from typing import Protocol

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import Table, Write, check_write, put_write, update_write


class Ledger(Protocol):
    """The twin is `MemoryLedger`. `month`: `2026-11`, see `costs.meter.month_of`."""

    def spent(self, month: str) -> float:
        """USD."""

    def count(self, month: str, name: str, usd: float, now: datetime) -> None:
        """Adds a cost that no session's closing counts, such as a batch's on Bedrock: once for each name."""


def cap_check(month: str, cap_usd: float) -> Write:
    """The part of a transaction that lets it pass only while the month has cost less than its cap."""
    condition = "attribute_not_exists(spent_usd) OR spent_usd < :cap"
    return check_write(keys.ledger_total_key(month), condition, {":cap": cap_usd})


def session_writes(month: str, session_id: str, usd: float, ended_at: str) -> tuple[Write, Write]:
    """The part of a transaction that counts a session. What makes it count once is the transaction's own condition."""
    return (
        put_write({**keys.ledger_entry_key(month, session_id), "usd": usd, "ended_at": ended_at}),
        update_write(keys.ledger_total_key(month), "ADD spent_usd :usd, sessions :one", {":usd": usd, ":one": 1}),
    )


class LedgerStore:
    def __init__(self, items: Table):
        self.items = items

    def spent(self, month: str) -> float:
        total = self.items.get(keys.ledger_total_key(month)) or {}
        return float(total.get("spent_usd", 0.0))

    def count(self, month: str, name: str, usd: float, now: datetime) -> None:
        entry = {**keys.ledger_entry_key(month, name), "usd": usd, "ended_at": ids.timestamp(now)}
        self.items.transact_if(
            put_write(entry, "attribute_not_exists(pk)"),
            update_write(keys.ledger_total_key(month), "ADD spent_usd :usd", {":usd": usd}),
        )


class MemoryLedger:
    """Twin of `LedgerStore`. `entries`: USD by month and name."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], float] = {}

    def spent(self, month: str) -> float:
        return sum(usd for (of, _), usd in self.entries.items() if of == month)

    def count(self, month: str, name: str, usd: float, now: datetime) -> None:
        self.entries.setdefault((month, name), usd)
