"""What a session's instances have cost until a moment, and what may be spent. Pure.

The meter, the guard and the receipt share this arithmetic, so they never disagree.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from foreverus.costs.launch import Launch
from foreverus.costs.prices import (
    GP3_OWN_MIBPS,
    GP3_USD_PER_GB_MONTH,
    GP3_USD_PER_MIBPS_MONTH,
    HOURS_PER_MONTH,
    PUBLIC_IPV4_USD_PER_HOUR,
    Price,
    dearest_price,
    listed_price,
)

MINIMUM_BILLED_SECONDS = 60  # EC2 bills Linux by the second with a minimum of 60 s an instance
VOLUME_GB = 100  # the launch template's root volume; a test compares them
NOTICE_PERCENT = 80  # of a cap: people hear of it
VOLUME_MIBPS = 250  # its throughput; the same test
_STORAGE_USD_PER_MONTH = VOLUME_GB * GP3_USD_PER_GB_MONTH + (VOLUME_MIBPS - GP3_OWN_MIBPS) * GP3_USD_PER_MIBPS_MONTH
STORAGE_USD_PER_HOUR = _STORAGE_USD_PER_MONTH / HOURS_PER_MONTH
BESIDE_GPU_USD_PER_HOUR = STORAGE_USD_PER_HOUR + PUBLIC_IPV4_USD_PER_HOUR


@dataclass(frozen=True)
class Cost:
    """USD; `gpu_usd` is None where a price is unknown. `seconds`: how long the instances lived."""

    seconds: float
    gpu_usd: float | None
    storage_usd: float
    address_usd: float

    @property
    def total_usd(self) -> float | None:
        return None if self.gpu_usd is None else self.gpu_usd + self.storage_usd + self.address_usd


def cost(launches: Sequence[Launch], until: datetime, price_of: Callable[[Launch], Price]) -> Cost:
    """Every launch is counted, from its launch to the next one or to `until`: an upper bound, because a lost instance
    is gone before its successor is launched."""
    starts = [datetime.fromisoformat(launch.launched_at) for launch in launches]
    lives = [
        max((end - start).total_seconds(), 0.0)
        for start, end in zip(starts, [*starts[1:], until][: len(starts)], strict=True)
    ]
    hours = [max(life, MINIMUM_BILLED_SECONDS) / 3600 for life in lives]
    gpu_usd: float | None = 0.0
    for spent, launch in zip(hours, launches, strict=True):
        price = price_of(launch).usd_per_hour
        gpu_usd = None if gpu_usd is None or price is None else gpu_usd + spent * price
    return Cost(sum(lives), gpu_usd, sum(hours) * STORAGE_USD_PER_HOUR, sum(hours) * PUBLIC_IPV4_USD_PER_HOUR)


def guard_price(region: str) -> Callable[[Launch], Price]:
    """A price for every launch, for those who guard money: the noted one, else the listed one, else the dearest that we
    know. A guard may err on the expensive side only."""

    def price_of(launch: Launch) -> Price:
        price = launch.noted_price or listed_price(launch.instance_type, region, launch.lifecycle)
        return price if price.usd_per_hour is not None else dearest_price()

    return price_of


def spent_usd(launches: Sequence[Launch], until: datetime, region: str) -> float:
    """What a session has cost at most, until now."""
    return cost(launches, until, guard_price(region)).total_usd or 0.0


@dataclass(frozen=True)
class Caps:
    """USD, from the template's parameters MonthlyCapUsd and SessionCapUsd."""

    monthly_usd: float
    session_usd: float


@dataclass(frozen=True)
class Level:
    """How much of a cap is used up. `cap`: `session` or `month`, whichever is nearer to its end."""

    percent: float
    cap: str

    @property
    def reached(self) -> bool:
        return self.percent >= 100

    @property
    def notice(self) -> int:
        """The notice that is due: 0, 80 or 100."""
        return 100 if self.reached else NOTICE_PERCENT if self.percent >= NOTICE_PERCENT else 0


def level(session_usd: float, month_usd: float, caps: Caps, own: str = "session") -> Level:
    """`month_usd`: what the month had cost before this session. `own`: whose the session's cap is: `month`, where the
    month had no whole one left.

    >>> level(1.5, 18.0, Caps(monthly_usd=20, session_usd=3))
    Level(percent=97.5, cap='month')
    """
    levels = (
        Level(100 * session_usd / caps.session_usd, own),
        Level(100 * (month_usd + session_usd) / caps.monthly_usd, "month"),
    )
    return max(levels, key=lambda one: one.percent)


@dataclass(frozen=True)
class Budget:
    """What a live session counts its spending with; it stands in its record."""

    launches: tuple[Launch, ...]
    caps: Caps
    month_usd: float  # what the month had cost before this session
    own: str = "session"  # see `level`

    def level(self, now: datetime, region: str) -> Level:
        return level(spent_usd(self.launches, now, region), self.month_usd, self.caps, self.own)


def month_of(time: str) -> str:
    """The month that a cost belongs to: that of the session's request, in UTC, whenever it ends.

    >>> month_of("2026-11-21T20:22:30.123Z")
    '2026-11'
    """
    return time[:7]


HOW_TO_RAISE: Mapping[str, str] = {
    "month": "To raise it, deploy with a higher MonthlyCapUsd (sam deploy --parameter-overrides MonthlyCapUsd=…).",
    "session": "To raise it, deploy with a higher SessionCapUsd (sam deploy --parameter-overrides SessionCapUsd=…).",
}
