"""What people do with batches: create, look, cancel. `batch_run` does the rest."""

import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from foreverus import ids
from foreverus.api.listing import read_listing
from foreverus.api.requests import NOT_REPEATED, Person, RequestAttempt
from foreverus.api.responses import Body
from foreverus.aws.step_functions import TaskRefused, Tasks
from foreverus.batches.input.source import BatchInputs
from foreverus.batches.model import new_batch
from foreverus.batches.records import Batch, BatchRef, BatchStatus, BatchTrigger, Shard
from foreverus.batches.store import Batches
from foreverus.batches.views import public_batch
from foreverus.errors import InvalidRequest, NotAccepted, NotFound, RequestRejected
from foreverus.files.records import SCHEDULE_USER
from foreverus.idempotency.records import CreateRequest, fingerprint
from foreverus.idempotency.store import Once
from foreverus.limits.person import PersonLimits, counted
from foreverus.limits.records import CountChange
from foreverus.sessions.start import SessionMachine
from foreverus.text import quoted

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class BatchService:
    """`machine` starts `batch_run`; `cost_of`: USD that a batch and its shards have cost until now, None: not known."""

    store: Batches
    inputs: BatchInputs
    machine: SessionMachine
    tasks: Tasks
    cost_of: Callable[[Batch, list[Shard]], float | None]
    once: Once
    clock: Callable[[], datetime]
    limits: PersonLimits | None = None  # of the person; the schedule is the stack's own, and has none

    def create(
        self,
        user_id: str,
        request: Mapping[str, Any],
        attempt: RequestAttempt = NOT_REPEATED,
        trigger: BatchTrigger = BatchTrigger.API,
    ) -> Body:
        """A new batch, or the one that an earlier try of the same request made.

        Raises InvalidRequest and NotFound that name the field, Conflict for a key that came with another request,
        LimitReached, or NotAccepted: nothing was kept.
        """
        asked = CreateRequest(user_id, "batches", fingerprint(request), attempt)
        with self.once(asked, "batch") as claim:
            kept = None if claim.is_first else self.store.get(BatchRef(user_id, claim.id))
            if kept is None:
                batch = new_batch(claim.id, user_id, request, self.clock(), trigger)
                self._place(batch)  # before anything is copied
                self.inputs.copy(batch)
                kept = self._keep(batch)
            if kept.status is BatchStatus.VALIDATING:
                # A repeated request too: the first one may have ended before its start.
                kept = self._start(kept, claim.is_first) or kept
        return self.show(kept)

    def _place(self, batch: Batch) -> CountChange | None:
        """Its place among the person's open batches. Raises LimitReached."""
        if self.limits is None:
            return None
        until = ids.parse_timestamp(batch.expires_at)
        return self.limits.batch(batch.user_id, batch.batch_id, until, partial(self._open_of, batch.user_id))

    def _open_of(self, user_id: str, batch_ids: Collection[str]) -> list[str]:
        found = [self.store.get(BatchRef(user_id, batch_id)) for batch_id in batch_ids]
        return [batch.batch_id for batch in found if batch and not batch.is_over]

    def _keep(self, batch: Batch) -> Batch:
        """The batch with its place, both or neither; or the one that an earlier try has kept. Raises LimitReached."""
        try:
            return counted(lambda: self._place(batch), lambda place: self.store.create(batch, place))
        except RequestRejected:
            self.inputs.remove(batch)
            raise

    def _start(self, batch: Batch, is_new: bool) -> Batch | None:
        """The batch, where its execution has brought it further already: a start whose answer is lost may have taken
        effect all the same."""
        ref = batch.ref
        try:
            self.machine.start(ref.batch_id, {"batch_id": ref.batch_id, "user_id": ref.user_id})
        except Exception as err:
            if is_new and not self.store.discard(ref):
                logger.warning("%s runs, although its start failed", ref.batch_id, exc_info=True)
                return self.store.get(ref)
            if is_new:
                self.inputs.remove(batch)
            raise NotAccepted("The batch could not be started. Send the request again.") from err
        return None

    def list_batches(self, user_id: str, query: dict[str, str]) -> Body:
        """Their own batches and the scheduled ones, newest first."""
        found = read_listing(lambda limit, after: self._newest(user_id, limit, after), query, "batch")
        return found.openai_body(self.show)

    def _newest(self, user_id: str, limit: int, after: str) -> list[Batch]:
        found = [one for owner in (user_id, SCHEDULE_USER) for one in self.store.newest(owner, limit, after)]
        return sorted(found, key=lambda one: one.batch_id, reverse=True)[:limit]

    def get(self, user_id: str, batch_id: str) -> Body:
        return self.show(self._find(user_id, batch_id))

    def cancel(self, who: Person, batch_id: str) -> Body:
        """Its lines in flight are given up; what is answered stays. One that is being put together already (or being
        cancelled) goes on to its end. Raises NotFound, and InvalidRequest for one that has ended otherwise.

        An admin may cancel anybody's that is open, and sees counts of it: nothing that its owner wrote."""
        if who.is_admin and (owner := self._owner_of_open(batch_id)) not in ("", who.user_id, SCHEDULE_USER):
            shown = self._cancel(owner, batch_id)
            return {**shown, "metadata": None, "errors": None}
        return self._cancel(who.user_id, batch_id)

    def _owner_of_open(self, batch_id: str) -> str:
        """Of a batch that is not at its end yet; empty: there is none of that id."""
        return next((one.user_id for one in self.store.open_batches() if one.batch_id == batch_id), "")

    def _cancel(self, user_id: str, batch_id: str) -> Body:
        ref = self._find(user_id, batch_id).ref
        batch = self.store.cancel(ref, self.clock()) or self._find(user_id, batch_id)
        if batch.is_over and batch.status is not BatchStatus.CANCELLED:
            message = f"The batch {batch_id} is {batch.status} already and cannot be cancelled."
            raise InvalidRequest(message, param="batch_id", code="batch_is_over")
        if batch.status is BatchStatus.CANCELLING and batch.task_token:  # asked again: the first word may be lost
            with suppress(TaskRefused):  # the round has just ended: Plan finds the batch cancelling
                self.tasks.succeed(batch.task_token, {"outcome": "cancelled"})
        return self.show(batch)

    def _find(self, user_id: str, batch_id: str) -> Batch:
        for owner in (user_id, SCHEDULE_USER):
            found = self.store.get(BatchRef(owner, batch_id))
            if found:
                return found
        raise NotFound(f"There is no batch {quoted(batch_id)}.", param="batch_id", code="batch_not_found")

    def show(self, batch: Batch) -> Body:
        """A batch that is over has its totals and its cost in its record."""
        if batch.is_over:
            return public_batch(batch, [], batch.result.cost_usd, self.clock())
        shards = [] if batch.total is None else self.store.shards(batch.batch_id)
        return public_batch(batch, shards, self.cost_of(batch, shards), self.clock())
