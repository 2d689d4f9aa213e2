"""What a session reserves of the month: at its claim, when the price of its GPU is known, and when it is about to end.
Pure.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

from foreverus import ids
from foreverus.costs.database import wake_usd
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR, guard_price, month_of, spent_usd
from foreverus.costs.money import at_least, at_most
from foreverus.costs.prices import cheapest_price
from foreverus.costs.reservations import Owner, Reservation
from foreverus.sessions.records import Session, SpendCap

EXECUTION_S = 100_000  # no session lives longer: gpu_session's own TimeoutSeconds; a test compares them
TIMER_S = 121  # from the machine's own timer to its end (costs/bound.py)
ENDING_S = 300  # from the word that ends a session to its GPU's end: two minutes for answers, the log, the power off
BOOT_S = 480  # estimated (docs/costs.md): a session that cannot pay so much answers nobody
ALL_USED_UP = 100  # percent: the notice that ends a session
LEAST_CAP_USD = 1e-6  # of a session that may spend nothing any more: its worker ends it at its next look


@dataclass(frozen=True)
class Lives:
    """How long GPUs may live, in seconds, from the template's parameters MaxSessionSeconds and BootTimeoutSeconds."""

    max_session_s: float
    boot_timeout_s: float
    region: str

    @property
    def longest_s(self) -> float:
        """From launch, whatever fails but the machine's own timer."""
        return self.max_session_s + self.boot_timeout_s + TIMER_S


def first_reservation(session: Session, session_cap_usd: float) -> Reservation:
    """At the claim, when nobody knows yet which GPU it will be: its whole cap, and what it costs to store it."""
    until = ids.parse_timestamp(session.created_at) + timedelta(seconds=EXECUTION_S)
    usd = at_most(session_cap_usd) + at_most(wake_usd())
    month = month_of(session.created_at)
    return Reservation(month, session.session_id, Owner.SESSION, usd, session.created_at, ids.timestamp(until))


@cache
def least_usd() -> Decimal:
    """A boot of the cheapest GPU, its end, and the storing: with less left of the month a session would answer nobody.
    Its end is kept back from its cap (`cap_within`), so that without it a GPU would be bought and ended in its boot.

    >>> 0.02 < float(least_usd()) < 0.06
    True
    """
    hourly = (cheapest_price().usd_per_hour or 0.0) + BESIDE_GPU_USD_PER_HOUR
    return at_most((BOOT_S + ENDING_S) / 3600 * hourly + wake_usd())


def with_cap(session: Session, reserved: Decimal, session_cap_usd: float) -> Session:
    """The session with its own cap: what it has reserved, without what its storing costs."""
    left = float(at_least(reserved - at_most(wake_usd())))
    if left >= session_cap_usd:
        return replace(session, session_cap_usd=session_cap_usd)
    return replace(session, session_cap_usd=left, capped_by=SpendCap.MONTH)


def is_ending(session: Session) -> bool:
    """It was told to end, and nothing takes that back."""
    return session.end_requested or session.spend_notice == ALL_USED_UP


def over_at(session: Session, now: datetime, lives: Lives) -> datetime:
    """When its newest GPU is gone at the latest; for a session that has bought one."""
    last = ids.parse_timestamp(session.launches[-1].launched_at) + timedelta(seconds=lives.longest_s)
    return min(last, now + timedelta(seconds=ENDING_S)) if is_ending(session) else last


def most_usd(session: Session, now: datetime, lives: Lives) -> float:
    """What a session that has bought a GPU can have cost at its end: that GPU's longest life, or its cap with what
    ending takes, whichever is less. A relaunch reserves again."""
    by_life = spent_usd(session.launches, over_at(session, now, lives), lives.region)
    if not is_ending(session):
        by_cap = (session.session_cap_usd or float("inf")) + ending_usd(session, lives.region)
        by_life = min(by_life + ending_usd(session, lives.region), by_cap)
    return by_life + beside_usd(session)


def cap_within(session: Session, reserved: Decimal, region: str) -> float:
    """The cap of a session that could not reserve what it may cost."""
    return max(float(reserved) - ending_usd(session, region) - beside_usd(session), LEAST_CAP_USD)


def ending_usd(session: Session, region: str) -> float:
    price = guard_price(region)(session.launches[-1]).usd_per_hour or 0.0
    return ENDING_S / 3600 * (price + BESIDE_GPU_USD_PER_HOUR)


def beside_usd(session: Session) -> float:
    """What it costs to store the session, and what Bedrock has taken in it."""
    return wake_usd() + session.bedrock.usd
