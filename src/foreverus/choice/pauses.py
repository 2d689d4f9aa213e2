"""The pauses between requests: what the idle time of a GPU is reckoned from. Pure.

Of the requests only one thing is known: in which minutes at least one came. A pause is the time between two such
minutes that are not neighbours; it is known to a minute.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MINUTE_S = 60
RECENT = timedelta(hours=6)
WEEKS = 4  # so far back weekday and hour are looked at
AROUND = timedelta(hours=1)  # before and after the same moment of another day
MOST_PAUSES = 60  # the newest ones count: what was a month ago may be no habit any more


@dataclass(frozen=True, slots=True, order=True)
class Pause:
    """`begun`: the epoch minute of the last request before it. `seconds`: known to a minute either way."""

    begun: int
    seconds: int


def minute_of(at: datetime) -> int:
    """Minutes since 1970-01-01 in UTC."""
    return int(at.timestamp()) // MINUTE_S


def windows(now: datetime) -> list[tuple[datetime, datetime]]:
    """The times whose pauses say something of the one that begins now, oldest first: the same hour of the same weekday
    in the last weeks, the same hour of yesterday, and the last hours. They do not overlap.

    >>> len(windows(datetime(2026, 11, 29, 12, tzinfo=UTC)))
    6
    """
    now = now.astimezone(UTC)
    days = [*(7 * week for week in range(WEEKS, 0, -1)), 1]
    then = [now - timedelta(days=days_ago) for days_ago in days]
    return [*((at - AROUND, at + AROUND) for at in then), (now - RECENT, now)]


def pauses(minutes: Iterable[int]) -> list[Pause]:
    """Between the minutes of one window in which something came, in their order. `minutes`: epoch minutes, sorted.

    >>> pauses([100, 101, 104, 104, 110])
    [Pause(begun=101, seconds=180), Pause(begun=104, seconds=360)]
    """
    found: list[Pause] = []
    last: int | None = None
    for minute in minutes:
        if last is not None and minute - last > 1:
            found.append(Pause(last, (minute - last) * MINUTE_S))
        last = minute
    return found


def known_pauses(windows_of_minutes: Iterable[Iterable[int]]) -> list[Pause]:
    """Of several windows, the newest `MOST_PAUSES`, oldest first."""
    found = sorted(pause for minutes in windows_of_minutes for pause in pauses(minutes))
    return found[-MOST_PAUSES:]
