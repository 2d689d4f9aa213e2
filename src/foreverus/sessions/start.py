"""Starting sessions: one GPU serves everybody, so a second start joins the live session."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from foreverus import ids, tracing
from foreverus.choice.crowd import CrowdDecision
from foreverus.costs.meter import month_of
from foreverus.costs.purse import PurseStore
from foreverus.costs.reservations import refusal
from foreverus.errors import AnotherSessionIsLive, NotAccepted, SpendCapReached
from foreverus.limits.records import CountChange, CountChanged
from foreverus.sessions.records import Gpus, Session, Trigger
from foreverus.sessions.reserving import least_usd

POOLS_HOLD = timedelta(days=1)  # an order of zones and types that nobody has renewed for so long is used no more

logger = logging.getLogger(__name__)


class SessionMachine(Protocol):
    def start(self, name: str, request: dict[str, Any]) -> None:
        """Starts the session's execution under its id. Starting the same session again changes nothing."""


class SessionClaims(Protocol):
    def gpus(self) -> Gpus: ...
    def get(self, session_id: str) -> Session | None: ...
    def claim(
        self, session: Session, purse: PurseStore, session_cap_usd: float, place: CountChange | None = None
    ) -> Session: ...
    def unclaim(self, session: Session) -> bool: ...


@dataclass(frozen=True)
class SessionStarter:
    """`place`: one among those that a person may start; None where nobody counts (sweep, schedule, batches). Raises
    LimitReached."""

    store: SessionClaims
    purse: PurseStore
    machine: SessionMachine
    idle_seconds: int | None  # None: the state machine's own default
    session_cap_usd: float
    clock: Callable[[], datetime]
    max_gpus: int = 1
    place: Callable[[str], CountChange] | None = None

    def start(
        self,
        owner: str,
        trigger: Trigger,
        *,
        idle_seconds: int | None = None,
        allow_on_demand: bool = False,
        batch_id: str = "",
        bake_token: str = "",
        session_id: str = "",
    ) -> tuple[Session, bool]:
        """Returns (session, started). `started` is False when a live session was joined instead.

        The record and the slot are claimed before the execution is started, so two people who press the button
        at once get one GPU. If the execution cannot be started the claim is undone: NotAccepted.
        `session_id`: of a new session, where its caller has one for it.
        Raises SpendCapReached when nothing is live and what the month has left would not even pay a boot; LimitReached.
        """
        for _ in range(3):
            gpus = self.store.gpus()
            if joined := self._live(gpus):
                return joined, False
            session = self._new(owner, trigger, 0, idle_seconds, allow_on_demand, batch_id, gpus=gpus)
            session = replace(session, bake_token=bake_token, session_id=session_id or session.session_id)
            place = self.place(owner) if self.place else None
            try:
                claimed = self.store.claim(session, self.purse, self.session_cap_usd, place)
            except (AnotherSessionIsLive, CountChanged):
                continue  # somebody was faster: join theirs
            return self._start_execution(claimed), True
        raise NotAccepted("Another session is starting or ending just now. Try again in a few seconds.")

    def start_more(self, owner: str, batch_id: str, count: int, allow_on_demand: bool = False) -> int:
        """Starts sessions beside the live one until `count` are live, at most `max_gpus`; returns how many it started.

        Each reserves what it may cost, as the first one did; where the month has too little left, no more are started.
        """
        started = 0
        for slot in range(1, min(count, self.max_gpus)):
            gpus = self.store.gpus()
            if len(gpus.session_ids) >= count:
                break
            session = self._new(owner, Trigger.BATCH, slot, None, allow_on_demand, batch_id, gpus=gpus)
            try:
                claimed = self.store.claim(session, self.purse, self.session_cap_usd)
            except SpendCapReached:
                break
            except AnotherSessionIsLive:
                continue
            self._start_execution(claimed)
            started += 1
        return started

    def start_beside(self, crowd: CrowdDecision) -> Session | None:
        """Another session for a queue of people, within `max_gpus`. None: somebody was faster. Raises SpendCapReached.
        It is nobody's, and counts to nobody's starts."""
        gpus = self.store.gpus()
        found = (self.store.get(one) for one in gpus.session_ids)
        taken = {one.slot for one in found if one}
        slot = next((one for one in range(1, self.max_gpus) if one not in taken), None)
        if slot is None or len(taken) > crowd.gpus:  # one has been bought since it was reckoned
            return None
        new = self._new(Trigger.CROWD.value, Trigger.CROWD, slot, None, False, "", gpus=gpus)
        session = replace(new, crowd=crowd)
        try:
            claimed = self.store.claim(session, self.purse, self.session_cap_usd)
        except AnotherSessionIsLive:
            return None
        return self._start_execution(claimed)

    def _new(
        self,
        owner: str,
        trigger: Trigger,
        slot: int,
        idle_seconds: int | None,
        allow_on_demand: bool,
        batch_id: str,
        *,
        gpus: Gpus,
    ) -> Session:
        now = self.clock()
        known = gpus.pools if gpus.pools and ids.parse_timestamp(gpus.pools.at) > now - POOLS_HOLD else None
        return Session(
            session_id=ids.new_id("ses", now),
            created_at=ids.timestamp(now),
            version=1,
            owner=owner,
            trigger=trigger,
            idle_seconds=self.idle_seconds if idle_seconds is None else idle_seconds,
            allow_on_demand=allow_on_demand,
            slot=slot,
            batch_id=batch_id,
            trace=tracing.header(),
            pools=known.for_launch() if known else None,
        )

    def check_cap(self) -> None:
        """Raises SpendCapReached when nothing is live and `start` would raise it: asked before work goes to the GPU."""
        at, needed = self.purse.month(month_of(ids.timestamp(self.clock()))), least_usd()
        if at.left < needed and not self._live():
            raise refusal(at, needed)

    def check_place(self, owner: str) -> None:
        """Raises LimitReached when nothing is live and `start` would raise it: asked before a message is kept."""
        if self.place and not self._live():
            self.place(owner)

    def _live(self, gpus: Gpus | None = None) -> Session | None:
        """The first live session: all of them serve the same queues."""
        gpus = gpus or self.store.gpus()
        sessions = (self.store.get(session_id) for session_id in gpus.session_ids)
        return next((session for session in sessions if session and not session.is_over), None)

    def _start_execution(self, session: Session) -> Session:
        """The session as it is then. A start whose answer is lost may have taken effect all the same: what its
        execution has opened is started."""
        try:
            bake = {"bake": True} if session.bake_token else {}
            self.machine.start(session.session_id, {"allow_on_demand": session.allow_on_demand, **bake})
        except Exception as err:
            if self.store.unclaim(session):
                raise NotAccepted("The session could not be started. Try again.") from err
            logger.warning("%s runs, although its start failed", session.session_id, exc_info=True)
            return self.store.get(session.session_id) or session
        return session
