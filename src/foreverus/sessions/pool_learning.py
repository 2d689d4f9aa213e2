"""In which order the next spot GPU is asked for: learned from how those before fared, and what EC2 asks for them now.

It is reckoned when a session is closed, and a few times a day for prices that have moved (the reaper's sweep), never
while somebody waits for a launch: a launch reads the order with the GPU slots (`SessionStore.gpus`). Nothing of it must
work for a launch: without an order, or with one of yesterday, EC2's own stands.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Protocol

from foreverus import ids
from foreverus.choice.assumed import ASSUMED_BOOT_S
from foreverus.choice.pools import ASSUMED_USE_S, PoolFigures, PoolOrder, PoolSeen, pool_name, pool_order
from foreverus.costs.launch import Lifecycle
from foreverus.costs.prices import listed_price
from foreverus.sessions.capacity import Pool
from foreverus.sessions.closing import CloseRequest
from foreverus.sessions.gpu_state import BOOTS_TO_LEARN_FROM
from foreverus.sessions.records import Gpus, Outcome, Session, expected_boot_seconds
from foreverus.sessions.spot_lives import SpotLife, spot_lives

log = logging.getLogger(__name__)


class Diary(Protocol):
    def read(self) -> list[Pool]: ...
    def count(self, lives: Iterable[SpotLife]) -> None: ...


class Sessions(Protocol):
    def newest(self, limit: int, after: str = "") -> list[Session]: ...
    def gpus(self) -> Gpus: ...
    def note_pools(self, order: PoolOrder) -> None: ...


@dataclass(frozen=True, kw_only=True)
class PoolLearning:
    """`spot_prices`: USD an hour by type and zone, of these types at a moment. It may raise."""

    diary: Diary
    sessions: Sessions
    spot_prices: Callable[[Sequence[str], datetime], dict[tuple[str, str], float]]
    region: str
    clock: Callable[[], datetime]

    def learn(self, session: Session, request: CloseRequest) -> None:
        """Counts how the session's spot GPUs fared, and reckons anew. Safe to run twice, and raises
        nothing."""
        try:
            self._learn(session, request)
        except Exception:
            log.exception("the order of zones and types misses what %s saw", session.session_id)

    def _learn(self, session: Session, request: CloseRequest) -> None:
        terminated = ids.parse_timestamp(request.terminated_at) if request.terminated_at else self.clock()
        lives = spot_lives(session.launches, request.lost or (), terminated) if request.lost is not None else []
        if lives:
            self.diary.count(lives)
            self.reckon(request.pools)

    def renew(self) -> None:
        """For the same zones and types, with the prices of now. Nothing that fails here is raised."""
        try:
            if known := self.sessions.gpus().pools:
                self.reckon(known.names)
        except Exception:
            log.warning("the order of zones and types was not renewed", exc_info=True)

    def reckon(self, names: Sequence[str]) -> None:
        """`names`: of the pools that can be asked for."""
        now = self.clock()
        counts = {pool_name(one.instance_type, one.zone): one.counts.aged(now) for one in self.diary.read()}
        pairs = [name.split("#", 1) for name in names if "#" in name]
        prices = self._prices(sorted({kind for kind, _ in pairs}), now)
        seen = []
        for kind, zone in pairs:
            usd = prices.get((kind, zone)) or listed_price(kind, self.region, Lifecycle.SPOT).usd_per_hour
            if usd is None:  # of a type that nobody knows a price of, no cost can be expected
                return
            known = counts.get(pool_name(kind, zone))
            hours, interruptions = (known.hours, known.interruptions) if known else (0.0, 0.0)
            seen.append(
                PoolSeen(instance_type=kind, zone=zone, usd_per_hour=usd, hours=hours, interruptions=interruptions)
            )
        if order := pool_order(seen, self._figures(), ids.timestamp(now)):
            self.sessions.note_pools(order)

    def _prices(self, types: Sequence[str], now: datetime) -> dict[tuple[str, str], float]:
        """Nothing where EC2 does not say: then listed prices count, which are the same in all zones."""
        try:
            return self.spot_prices(types, now) if types else {}
        except Exception:
            log.warning("EC2 did not give the spot price history", exc_info=True)
            return {}

    def _figures(self) -> PoolFigures:
        newest = [one for one in self.sessions.newest(BOOTS_TO_LEARN_FROM) if not one.attempt]  # one boot each
        used = [
            (ids.parse_timestamp(one.terminated_at) - ids.parse_timestamp(one.healthy_at)).total_seconds()
            for one in newest
            if one.healthy_at and one.terminated_at and one.outcome is not Outcome.INTERRUPTED  # that was cut short
        ]
        return PoolFigures(
            boot_seconds=expected_boot_seconds(newest) or ASSUMED_BOOT_S,
            use_seconds=max(0.0, median(used)) if used else ASSUMED_USE_S,
        )
