"""Plan: what comes next for a batch. It reads what there is, lets the pure rules decide, and begins the next round."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus.backends.port import BackendName
from foreverus.batches.execution_error import ExecutionError
from foreverus.batches.plan.decision import Decision, Finish, GoOn, decide, end_of
from foreverus.batches.plan.estimates import Deployment, Situation, instance_type
from foreverus.batches.plan.reserving import bedrock_need, reservation
from foreverus.batches.records import (
    Batch,
    BatchRef,
    Shard,
)
from foreverus.batches.store import Batches
from foreverus.choice.records import NextStep
from foreverus.costs.meter import month_of
from foreverus.costs.purse import Purse
from foreverus.errors import NotAccepted, NotFound, SpendCapReached
from foreverus.sessions.records import Session
from foreverus.text import quoted

SESSIONS_TO_LEARN_FROM = 10
TRIES = 10  # when another plan of the same batch was faster, or others took what the month had left

logger = logging.getLogger(__name__)


class Sessions(Protocol):
    def live_session_ids(self) -> list[str]: ...
    def get(self, session_id: str) -> Session | None: ...
    def newest(self, limit: int) -> list[Session]: ...


@dataclass(frozen=True)
class Planner:
    store: Batches
    sessions: Sessions
    purse: Purse
    deployment: Deployment
    clock: Callable[[], datetime]

    def plan(self, ref: BatchRef, error: ExecutionError | None = None) -> Decision:
        """Begins the round that it decides on: older ones are stale from then on. `error`: what the newest round ended
        with. Raises NotFound."""
        for _ in range(TRIES):
            batch = self.store.get(ref)
            if batch is None:
                raise NotFound(f"There is no batch {quoted(ref.batch_id)}.", param="batch_id", code="batch_not_found")
            planned = self._plan(batch, error)
            if planned:
                self.store.stop_waiting(ref)
                return planned
        raise RuntimeError(f"{ref.batch_id} is planned by somebody else as well, or others reserve all the time")

    def _plan(self, batch: Batch, error: ExecutionError | None) -> Decision | None:
        """None: the record or the purse has changed meanwhile."""
        now, shards = self.clock(), self.store.shards(batch.batch_id)
        if end := end_of(batch, shards, now):
            return end
        at = self._situation(batch, shards, now)
        decision = decide(at, self.deployment, error)
        if isinstance(decision, Finish):
            if decision.setbacks is not None:
                self.store.note_setbacks(batch.ref, decision.setbacks, decision.errors)
            return decision
        if not self._reserve(at, decision) or not self.store.begin_round(batch.ref, decision.round):
            return None
        number, words = decision.round.number, decision.round.choice_text
        logger.info("%s, round %d, %d s at most: %s", batch.batch_id, number, decision.seconds, words)
        return decision

    def _reserve(self, at: Situation, decision: Decision) -> bool:
        """Before a round on Bedrock begins, what it may take is reserved; before any other, only what Bedrock has
        taken. False: somebody else has reserved what was left."""
        prices = self.deployment.bedrock_price, self.deployment.sight_price
        need = bedrock_need(at.batch, at.shards, at.work, *prices)
        if not isinstance(decision, GoOn) or decision.round.start.planned is not NextStep.BEDROCK:
            self.purse.shrink(at.month.month, at.batch.batch_id, need.spent, at.batch.expires_at)
            return True
        self.purse.shrink(at.month.month, at.batch.batch_id, need.most)  # of a round that was cut off
        try:
            self.purse.reserve(reservation(at.batch, need, at.now), need.least)
        except (SpendCapReached, NotAccepted):
            return False
        return True

    def _situation(self, batch: Batch, shards: Sequence[Shard], now: datetime) -> Situation:
        found = (self.sessions.get(session_id) for session_id in self.sessions.live_session_ids())
        live = [session for session in found if session and session.is_usable]
        return Situation(
            batch=batch,
            shards=shards,
            live=live,
            earlier=self.sessions.newest(SESSIONS_TO_LEARN_FROM),
            gpu_speed=self.store.speed(instance_type(self.deployment, live)),
            bedrock_speed=self.store.speed(BackendName.BEDROCK),
            month=self.purse.month(month_of(batch.created_at)),
            now=now,
        )
