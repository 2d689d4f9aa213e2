"""What a session's instances have cost until a moment, and what may be spent. Pure.

The meter, the guard and the receipt share this arithmetic, so they never disagree.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foreverus.costs.prices import (
    GP3_USD_PER_GB_MONTH,
    HOURS_PER_MONTH,
    PUBLIC_IPV4_USD_PER_HOUR,
    Price,
    dearest_price,
    listed_price,
)
from foreverus.errors import SpendCapReached

Item = dict[str, Any]

MINIMUM_BILLED_SECONDS = 60  # EC2 bills Linux by the second with a minimum of 60 s an instance
VOLUME_GB = 100  # the launch template's root volume; a test compares them
NOTICE_PERCENT = 80  # of a cap: people hear of it
STORAGE_USD_PER_HOUR = VOLUME_GB * GP3_USD_PER_GB_MONTH / HOURS_PER_MONTH
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


def cost(launches: list[Item], until: datetime, price_of: Callable[[Item], Price]) -> Cost:
    """Every launch is counted, from its launch to the next one or to `until`: an upper bound, because a lost instance
    is gone before its successor is launched."""
    starts = [datetime.fromisoformat(launch["launched_at"]) for launch in launches]
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


def bedrock_usd(session: Item) -> float | None:
    """What Bedrock took for a session's answers; None when it answered and its price is not known. Receipts do not
    guess; `guard_bedrock_usd` does.

    >>> bedrock_usd({}), bedrock_usd({"bedrock_usd": 0.25})
    (0.0, 0.25)
    """
    return None if session.get("bedrock_price_unknown") else guard_bedrock_usd(session)


def guard_bedrock_usd(session: Item) -> float:
    return float(session.get("bedrock_usd", 0.0))


def noted_price(launch: Item) -> Price | None:
    """The price that was looked up when the instance was bought; None: not yet."""
    if "price_source" not in launch:
        return None
    return Price(launch.get("price_per_hour_usd"), launch["price_source"])


def guard_price(region: str) -> Callable[[Item], Price]:
    """A price for every launch, for those who guard money: the noted one, else the listed one, else the dearest that we
    know. A guard may err on the expensive side only."""

    def price_of(launch: Item) -> Price:
        price = noted_price(launch) or listed_price(launch["instance_type"], region, launch["lifecycle"])
        return price if price.usd_per_hour is not None else dearest_price()

    return price_of


def spent_usd(launches: list[Item], until: datetime, region: str) -> float:
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


def level(session_usd: float, month_usd: float, caps: Caps) -> Level:
    """`month_usd`: what the month had cost before this session.

    >>> level(1.5, 18.0, Caps(monthly_usd=20, session_usd=3))
    Level(percent=97.5, cap='month')
    """
    levels = (
        Level(100 * session_usd / caps.session_usd, "session"),
        Level(100 * (month_usd + session_usd) / caps.monthly_usd, "month"),
    )
    return max(levels, key=lambda one: one.percent)


@dataclass(frozen=True)
class Budget:
    """What a live session counts its spending with; it stands in its record."""

    launches: tuple[Item, ...]
    caps: Caps
    month_usd: float  # what the month had cost before this session

    @classmethod
    def from_item(cls, item: Item) -> "Budget | None":
        """None while the record has no caps or nothing is bought."""
        if not item.get("launches") or not item.get("session_cap_usd") or not item.get("monthly_cap_usd"):
            return None
        caps = Caps(float(item["monthly_cap_usd"]), float(item["session_cap_usd"]))
        return cls(tuple(item["launches"]), caps, float(item.get("month_usd") or 0.0))

    def level(self, now: datetime, region: str) -> Level:
        return level(spent_usd(list(self.launches), now, region), self.month_usd, self.caps)


def month_of(time: str) -> str:
    """The month that a cost belongs to: that of the session's request, in UTC, whenever it ends.

    >>> month_of("2026-11-21T20:22:30.123Z")
    '2026-11'
    """
    return time[:7]


def spend_cap_reached(month: str, spent: float, cap: float) -> SpendCapReached:
    """The refusal that people read."""
    return SpendCapReached(
        f"The sessions of {month} have cost US$ {spent:.2f} and the monthly cap is US$ {cap:.2f}: nothing was started. "
        f"{HOW_TO_RAISE['month']} The count starts again on the first of the month (UTC)."
    )


HOW_TO_RAISE: Mapping[str, str] = {
    "month": "To raise it, deploy with a higher MonthlyCapUsd (sam deploy --parameter-overrides MonthlyCapUsd=…).",
    "session": "To raise it, deploy with a higher SessionCapUsd (sam deploy --parameter-overrides SessionCapUsd=…).",
}
