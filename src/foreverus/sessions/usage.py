"""The meter: what the month has cost, what is being spent right now, the caps, and where GPUs were to be had."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from foreverus import ids
from foreverus.costs.forecast import Forecast, Spent, forecast, months_of
from foreverus.costs.idle import NO_IDLE, IdleCost
from foreverus.costs.ledger import Ledger, by_days
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR, Caps, guard_price, month_of, spent_usd
from foreverus.costs.purse import Purse
from foreverus.costs.reservations import Month
from foreverus.sessions.capacity import Pool
from foreverus.sessions.diary import CapacityDiary
from foreverus.sessions.records import Session
from foreverus.sessions.store import SessionStore


@dataclass(frozen=True, slots=True)
class LiveCost:
    """What a session that is not closed yet has cost, in USD."""

    session_id: str
    usd: float
    usd_per_hour: float
    price_source: str


@dataclass(frozen=True, slots=True)
class MonthUsage:
    """`purse`: what is spent and reserved of the month, and its cap. `idle`: what was paid while nobody asked."""

    purse: Month
    live: tuple[LiveCost, ...]
    caps: Caps
    pools: tuple[Pool, ...]
    forecast: Forecast
    idle: IdleCost = NO_IDLE

    @property
    def live_usd(self) -> float:
        return sum(one.usd for one in self.live)


@dataclass(frozen=True)
class Usage:
    store: SessionStore
    purse: Purse
    ledger: Ledger
    diary: CapacityDiary
    caps: Caps
    region: str
    clock: Callable[[], datetime]

    def show(self) -> MonthUsage:
        now = self.clock()
        name = month_of(ids.timestamp(now))
        month, pools = self.purse.month(name), tuple(self.diary.read())
        live, days = self._live(now), by_days(self.ledger, months_of(now))
        spent = Spent(float(month.spent), sum(one.usd for one in live))
        end = forecast(days, spent, now, self.caps.monthly_usd)
        return MonthUsage(month, live, self.caps, pools, end, self.ledger.idle(name))

    def _live(self, now: datetime) -> tuple[LiveCost, ...]:
        """One entry for each session that has cost something and is not closed yet."""
        sessions = (self.store.get(session_id) for session_id in self.store.live_session_ids())
        return tuple(
            self._meter(session, now)
            for session in sessions
            if session and not session.is_over and (session.launches or session.bedrock.usd)
        )

    def _meter(self, session: Session, now: datetime) -> LiveCost:
        usd = round(spent_usd(session.launches, now, self.region) + session.bedrock.usd, 6)
        if not session.launches:
            return LiveCost(session.session_id, usd, 0.0, "Bedrock, by the token")
        price = guard_price(self.region)(session.launches[-1])
        per_hour = round((price.usd_per_hour or 0.0) + BESIDE_GPU_USD_PER_HOUR, 6)
        return LiveCost(session.session_id, usd, per_hour, price.source)
