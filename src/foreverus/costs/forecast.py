"""What the month will have cost at its end, at the pace of the last days. Pure.

Expected: what is spent already, and the mean of the last whole days for as long as the month goes on. A whole day is
one of UTC that is over, a quiet one too, from the first on which anything was counted; two weeks of them at most, so
that a course's weekdays weigh alike. The range holds eight months of ten, where days are independent of each other:
what the rest of the month varies by, and what the mean of so few days may be off by. Of fewer than three days nobody
knows how much they vary: then by as much as their mean, and the forecast says that it is a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import sqrt
from statistics import stdev

from foreverus.costs.assumptions import Range

WINDOW = timedelta(days=14)
ENOUGH_DAYS = 3
EIGHT_OF_TEN = 1.2816  # standard deviations of a normal distribution on either side
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Spent:
    """USD of this month: what the ledger has, and what is on now has cost."""

    usd: float
    live_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """`usd`: of the whole month, by its end. `first`, `last`: the days that the pace is from, the last one begun and
    not over where none is. `enough`: False, it is a guess. `passes_cap_on`: the day on which the cap is reached at this
    pace, None: not in this month."""

    usd: Range
    so_far_usd: float
    usd_per_day: float
    days_left: float
    first: date
    last: date
    days: int
    enough: bool
    cap_usd: float
    passes_cap_on: date | None


def forecast(by_day: Mapping[date, float], spent: Spent, now: datetime, cap_usd: float) -> Forecast:
    """`by_day`: what was counted on each day in USD, of the last two weeks at least; days without an entry cost
    nothing.

    >>> days = {date(2026, 11, day): 0.5 for day in range(1, 21)}
    >>> said = forecast(days, Spent(10.0), datetime(2026, 11, 21, tzinfo=UTC), 12.0)
    >>> said.usd.expected, said.days, said.passes_cap_on
    (15.0, 14, datetime.date(2026, 11, 25))
    """
    now = now.astimezone(UTC)
    today = now.date()
    first, days, pace = _pace(by_day, today, spent.live_usd)
    known, so_far = len(days), spent.usd + spent.live_usd
    spread = stdev(days) if known >= ENOUGH_DAYS else pace
    left = (_next_month(now) - now).total_seconds() / DAY_S
    expected = so_far + pace * left
    around = EIGHT_OF_TEN * spread * sqrt(left + left * left / max(known, 1))
    return Forecast(
        usd=Range(max(so_far, expected - around), expected, expected + around),
        so_far_usd=so_far,
        usd_per_day=pace,
        days_left=left,
        first=first,
        last=today - timedelta(days=1) if known else today,
        days=known,
        enough=known >= ENOUGH_DAYS,
        cap_usd=cap_usd,
        passes_cap_on=_reached(cap_usd, so_far, pace, now),
    )


def sentence(of: Forecast) -> str:
    """For people, with the sum.

    >>> days = {date(2026, 11, day): 0.5 for day in range(1, 21)}
    >>> print(sentence(forecast(days, Spent(10.0), datetime(2026, 11, 21, tzinfo=UTC), 20.0)))  # doctest: +ELLIPSIS
    At the present pace the month ends at US$ 15.00: US$ 10.00 so far and US$ 0.50 a day for 10.0 more days. The ...
    """
    usd, days = of.usd, "1 day is" if of.days == 1 else f"{of.days} days are"
    between = "" if f"{usd.low:.2f}" == f"{usd.high:.2f}" else f" ({usd.low:.2f} to {usd.high:.2f})"
    said = (
        f"At the present pace the month ends at US$ {usd.expected:.2f}{between}: US$ {of.so_far_usd:.2f} so far and "
        f"US$ {of.usd_per_day:.2f} a day for {of.days_left:.1f} more days."
    )
    if of.enough:
        said += f" The pace is the mean of the {of.days} days from {of.first} to {of.last}."
    else:
        said += f" Only {days} known, so this is a guess."
    if of.passes_cap_on:
        said += f" The cap of US$ {of.cap_usd:.2f} is reached on {of.passes_cap_on}: nothing is started from then on."
    return said


def months_of(now: datetime) -> tuple[str, ...]:
    """The months that the pace is from: this one, and the last one while the window reaches back into it.

    >>> months_of(datetime(2026, 1, 3, tzinfo=UTC)), months_of(datetime(2026, 1, 15, tzinfo=UTC))
    (('2025-12', '2026-01'), ('2026-01',))
    """
    today = now.astimezone(UTC).date()
    months = (f"{day:%Y-%m}" for day in (today - WINDOW, today))
    return tuple(dict.fromkeys(months))


def _pace(by_day: Mapping[date, float], today: date, live_usd: float) -> tuple[date, list[float], float]:
    """(first day, what each whole day has cost, USD a day). Where too few are over, today counts as a whole one."""
    begun = min((day for day, usd in by_day.items() if usd and day < today), default=today)
    first = max(begun, today - WINDOW)
    known = [by_day.get(first + timedelta(days=number), 0.0) for number in range((today - first).days)]
    if len(known) >= ENOUGH_DAYS:
        return first, known, sum(known) / len(known)
    counted = [*known, by_day.get(today, 0.0) + live_usd]
    return first, known, sum(counted) / len(counted)


def _next_month(now: datetime) -> datetime:
    return (now.replace(day=28, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=4)).replace(day=1)


def _reached(cap_usd: float, so_far: float, pace: float, now: datetime) -> date | None:
    missing = cap_usd - so_far
    if missing <= 0:
        return now.date()
    if not pace or missing / pace >= (_next_month(now) - now).total_seconds() / DAY_S:
        return None
    return (now + timedelta(days=missing / pace)).date()
