"""What the emulator has counted (local/counts), as figures for each answer."""

import json
import urllib.request
from collections import Counter
from dataclasses import dataclass
from typing import Any

from local.counts.counted import PATH
from local.emulator import Emulator

PUSH = "execute-api:ManageConnections POST"
CONFLICT = "TransactionConflict"


@dataclass(frozen=True)
class Counts:
    """See `local.counts.book.Book`."""

    calls: Counter[tuple[str, str, str]]
    conflicts: Counter[str]
    read_bytes: Counter[str]
    written: Counter[str]
    written_bytes: Counter[str]
    invoked: Counter[str]
    peaks: Counter[str]

    def made(self, *, operation: str = "", outcome: str = "") -> int:
        """Calls of that operation (of all), with that outcome (with any)."""
        return sum(
            count for (_, what, how), count in self.calls.items() if operation in ("", what) and outcome in ("", how)
        )


def _asked(emulator: Emulator, order: dict[str, Any] | None = None) -> Any:
    data = json.dumps(order).encode() if order else None
    with urllib.request.urlopen(emulator.url + PATH, data, timeout=60) as answer:
        return json.load(answer)


def begin(emulator: Emulator, busy_s: float) -> None:
    """From now on, with items that a transaction has for so long."""
    _asked(emulator, {"op": "busy", "seconds": busy_s})
    _asked(emulator, {"op": "forget"})


def read(emulator: Emulator) -> Counts:
    found = _asked(emulator)
    names = ("conflicts", "read_bytes", "written", "written_bytes", "invoked", "peaks")
    calls = Counter({(caller, what, how): count for caller, what, how, count in found["calls"]})
    return Counts(calls, *(Counter(found[name]) for name in names))
