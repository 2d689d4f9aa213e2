"""What is over and not in PostgreSQL yet, and when it is tried again. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from foreverus import ids

GRACE = timedelta(minutes=15)  # its state machine itself is still trying: a sweep leaves it alone
# Each try may wake Aurora up for five minutes. With doubled pauses there are 9 in the first two days, and then no more:
# a database that is always tried never pauses, and costs $43 a month.
MOST_TRIES = 9

Stored = TypeVar("Stored", covariant=True)


@dataclass(frozen=True, slots=True)
class Unsaved(Generic[Stored]):
    """One session or batch. `note_failure`: counts a try that has failed."""

    name: str
    store: Callable[[], Stored]
    note_failure: Callable[[], None]


@dataclass
class Oldest:
    """When the oldest of what is over and not stored yet was over."""

    ended_at: str = ""

    def note(self, ended_at: str) -> None:
        self.ended_at = min(ended_at, self.ended_at or ended_at)

    def minutes(self, now: datetime) -> float:
        """Since then; 0: nothing is missing.

        >>> Oldest("2026-01-01T00:00:00Z").minutes(datetime.fromisoformat("2026-01-01T01:30:00Z"))
        90.0
        """
        return (now - ids.parse_timestamp(self.ended_at)).total_seconds() / 60 if self.ended_at else 0.0


def nobody_asks(ended_at: str) -> None:
    """In place of `Oldest.note`."""


def is_due(ended_at: str, tries: int, now: datetime) -> bool:
    """Whether a sweep tries to store it now: 15 minutes after its end, then after 30, 60, … for two days. `tries`:
    those that have failed.

    >>> is_due("2026-01-01T00:00:00Z", 1, datetime.fromisoformat("2026-01-01T00:20:00Z"))
    False
    """
    return tries < MOST_TRIES and now - ids.parse_timestamp(ended_at) >= GRACE * 2**tries
