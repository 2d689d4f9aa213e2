"""The meter: what the month has cost, what is being spent right now, the caps, and where GPUs were to be had."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.costs.ledger import Ledger
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR, Caps, guard_price, month_of, spent_usd
from foreverus.sessions.capacity import public_capacity
from foreverus.sessions.diary import CapacityDiary
from foreverus.sessions.records import Session
from foreverus.sessions.store import SessionStore

Item = dict[str, Any]


@dataclass(frozen=True)
class Usage:
    store: SessionStore
    ledger: Ledger
    diary: CapacityDiary
    caps: Caps
    region: str
    clock: Callable[[], datetime]

    def show(self) -> Item:
        now = self.clock()
        month = month_of(ids.timestamp(now))
        spent = self.ledger.spent(month)
        live = self._live(now)
        return {
            "object": "usage",
            "month": month,
            "spent_usd": round(spent, 6),
            "live_usd": round(sum(one["usd"] for one in live), 6),
            "total_usd": round(spent + sum(one["usd"] for one in live), 6),
            "live": live,
            "caps": {"monthly_usd": self.caps.monthly_usd, "session_usd": self.caps.session_usd},
            "capacity": public_capacity(self.diary.read()),
        }

    def _live(self, now: datetime) -> list[Item]:
        """One entry for each session that has cost something and is not closed yet."""
        sessions = (self.store.get(session_id) for session_id in self.store.live_session_ids())
        return [
            self._meter(session, now)
            for session in sessions
            if session and not session.is_over and (session.launches or session.bedrock.usd)
        ]

    def _meter(self, session: Session, now: datetime) -> Item:
        usd = spent_usd(session.launches, now, self.region) + session.bedrock.usd
        shown: Item = {"session_id": session.session_id, "usd": round(usd, 6)}
        if not session.launches:
            return {**shown, "usd_per_hour": 0.0, "price_source": "Bedrock, by the token"}
        price = guard_price(self.region)(session.launches[-1])
        per_hour = round((price.usd_per_hour or 0.0) + BESIDE_GPU_USD_PER_HOUR, 6)
        return {**shown, "usd_per_hour": per_hour, "price_source": price.source}
