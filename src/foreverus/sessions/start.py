"""Starting sessions: one GPU serves everybody, so a second start joins the live session."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from foreverus import ids
from foreverus.costs.ledger import Ledger
from foreverus.costs.meter import month_of, spend_cap_reached
from foreverus.errors import AnotherSessionIsLive, NotAccepted
from foreverus.sessions.records import Session, Trigger

logger = logging.getLogger(__name__)


class SessionMachine(Protocol):
    def start(self, name: str, request: dict[str, Any]) -> None:
        """Starts the session's execution under its id. Starting the same session again changes nothing."""


class SessionClaims(Protocol):
    def live_session_ids(self) -> list[str]: ...
    def get(self, session_id: str) -> Session | None: ...
    def claim(self, session: Session, monthly_cap_usd: float) -> bool: ...
    def unclaim(self, session_id: str, slot: int = 0) -> bool: ...


@dataclass(frozen=True)
class SessionStarter:
    store: SessionClaims
    ledger: Ledger
    machine: SessionMachine
    idle_seconds: int | None  # None: the state machine's own default
    monthly_cap_usd: float
    clock: Callable[[], datetime]
    max_gpus: int = 1
    session_cap_usd: float = float("inf")

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
        Raises SpendCapReached when nothing is live and the month has cost as much as its cap.
        """
        for _ in range(3):
            if joined := self._live():
                return joined, False
            session = self._new(owner, trigger, 0, idle_seconds, allow_on_demand, batch_id)
            session = replace(session, bake_token=bake_token, session_id=session_id or session.session_id)
            try:
                within_cap = self.store.claim(session, self.monthly_cap_usd)
            except AnotherSessionIsLive:
                continue  # somebody was faster: join theirs
            if not within_cap:
                month = month_of(session.created_at)
                raise spend_cap_reached(month, self.ledger.spent(month), self.monthly_cap_usd)
            return self._start_execution(session), True
        raise NotAccepted("Another session is starting or ending just now. Try again in a few seconds.")

    def start_more(self, owner: str, batch_id: str, count: int, allow_on_demand: bool = False) -> int:
        """Starts sessions beside the live one until `count` are live, at most `max_gpus`; returns how many it started.

        Each can spend its own cap without knowing of the others, so one is started only while the month's cap holds a
        whole session's cap for every live one.
        """
        started = 0
        for slot in range(1, min(count, self.max_gpus)):
            live = len(self.store.live_session_ids())
            spent = self.ledger.spent(month_of(ids.timestamp(self.clock())))
            if live >= count or spent + (live + 1) * self.session_cap_usd > self.monthly_cap_usd:
                break
            session = self._new(owner, Trigger.BATCH, slot, None, allow_on_demand, batch_id)
            try:
                if not self.store.claim(session, self.monthly_cap_usd):
                    break
            except AnotherSessionIsLive:
                continue
            self._start_execution(session)
            started += 1
        return started

    def _new(
        self, owner: str, trigger: Trigger, slot: int, idle_seconds: int | None, allow_on_demand: bool, batch_id: str
    ) -> Session:
        now = self.clock()
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
        )

    def check_cap(self) -> None:
        """Raises SpendCapReached when nothing is live and `start` would raise it: asked before a message is kept."""
        month = month_of(ids.timestamp(self.clock()))
        spent = self.ledger.spent(month)
        if spent >= self.monthly_cap_usd and not self._live():
            raise spend_cap_reached(month, spent, self.monthly_cap_usd)

    def _live(self) -> Session | None:
        """The first live session: all of them serve the same queues."""
        sessions = (self.store.get(session_id) for session_id in self.store.live_session_ids())
        return next((session for session in sessions if session and not session.is_over), None)

    def _start_execution(self, session: Session) -> Session:
        """The session as it is then. A start whose answer is lost may have taken effect all the same: what its
        execution has opened is started."""
        try:
            bake = {"bake": True} if session.bake_token else {}
            self.machine.start(session.session_id, {"allow_on_demand": session.allow_on_demand, **bake})
        except Exception as err:
            if self.store.unclaim(session.session_id, session.slot):
                raise NotAccepted("The session could not be started. Try again.") from err
            logger.warning("%s runs, although its start failed", session.session_id, exc_info=True)
            return self.store.get(session.session_id) or session
        return session
