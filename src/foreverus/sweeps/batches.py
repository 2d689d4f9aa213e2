"""Batches that nobody works on any more: each comes to its end, whatever crashed on the way."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from foreverus import ids
from foreverus.aws.step_functions import RUNNING
from foreverus.batches.execution_error import ExecutionError
from foreverus.batches.finishing import FinishedBatch
from foreverus.batches.records import Batch, BatchRef, BatchStatus, OpenBatch
from foreverus.batches.serving import Starter, start_sessions
from foreverus.batches.store import Batches
from foreverus.errors import NotAccepted, SpendCapReached
from foreverus.notifications.outbox import Outbox, Subject
from foreverus.sessions.pending import PendingWork
from foreverus.sweeps.sweep import Repair

NOT_STARTED_AFTER = timedelta(minutes=2)  # between the record and its execution: a crash of the API
FINISHING_TAKES = timedelta(minutes=20)  # a Lambda's 15 minutes and a retry: somebody is at it

logger = logging.getLogger(__name__)


class Executions(Protocol):
    def start(self, name: str, request: dict[str, Any]) -> None:
        """Starting the same batch again changes nothing."""

    def status(self, name: str) -> str | None:
        """Step Functions' word (RUNNING, SUCCEEDED, FAILED, …); None: there never was one."""


class End(Protocol):
    def fail(self, ref: BatchRef, error: ExecutionError | None = None) -> FinishedBatch: ...


class Waiting(Protocol):
    def reject_all(self, session_id: str, code: str, until: str = "") -> int: ...


@dataclass(frozen=True)
class AbandonedBatches:
    """Open batches whose execution never began, or ended before they did."""

    store: Batches
    executions: Executions
    end: End
    clock: Callable[[], datetime]

    def __call__(self) -> Iterator[Repair]:
        for one in self.store.open_batches():
            yield Repair(one.batch_id, partial(self._look, one))

    def _look(self, found: OpenBatch) -> str | None:
        ref = found.ref
        batch, age = self.store.get(ref), self.clock() - ids.parse_timestamp(found.created_at)
        if batch is None:
            self.store.close_open(ref.batch_id)
            return None
        if batch.is_over or age < NOT_STARTED_AFTER:
            return None
        status = self.executions.status(ref.batch_id)
        if status == RUNNING:
            return None
        if status is None:
            logger.warning("%s has no execution: it is started", ref.batch_id)
            self.executions.start(ref.batch_id, {"batch_id": ref.batch_id, "user_id": ref.user_id})
            return "started"
        if batch.finalizing_at and self.clock() - ids.parse_timestamp(batch.finalizing_at) < FINISHING_TAKES:
            return None
        cause = f"The execution {ref.batch_id} of batch_run has ended as {status} before the batch did."
        self.end.fail(ref, ExecutionError("BatchRunLost", cause))
        return "finished"


@dataclass(frozen=True)
class UnnotifiedBatches:
    """Batches that had come to their end when their execution was lost, before it could tell people."""

    store: Batches
    outbox: Outbox
    executions: Executions
    end: End

    def __call__(self) -> Iterator[Repair]:
        for entry in self.outbox.entries(Subject.BATCHES):
            yield Repair(entry.name, partial(self._notify, BatchRef(entry.user_id, entry.name)))

    def _notify(self, ref: BatchRef) -> str | None:
        batch = self.store.get(ref)
        if batch is None:
            self.outbox.remove(Subject.BATCHES, ref.batch_id)
        elif batch.is_over and self.executions.status(ref.batch_id) != RUNNING:
            self.end.fail(ref)
            return "notified"
        return None


@dataclass(frozen=True)
class BatchesWithoutGpu:
    """A batch waits for a GPU, and nobody has one or boots one: a start was lost. `live`: who holds a GPU slot."""

    store: Batches
    pending: PendingWork
    starter: Starter
    waiting: Waiting
    live: Callable[[], list[str]]

    def __call__(self) -> Iterator[Repair]:
        if self.live():
            return
        for waiting in self.pending.batches():
            batch = self.store.get(BatchRef(waiting.user_id, waiting.batch_id))
            if batch and batch.status is BatchStatus.IN_PROGRESS:
                yield Repair(waiting.batch_id, partial(self._start_session, batch))
                return  # the session that it gets serves all of them

    def _start_session(self, batch: Batch) -> str | None:
        try:
            start_sessions(self.starter, batch)
        except SpendCapReached:
            rejected = self.waiting.reject_all("", SpendCapReached.code())
            logger.warning("%d batches that waited for a GPU plan again: SpendCapReached", rejected)
            return "refused a session: the spend cap is reached"
        except NotAccepted:
            logger.warning("%s waits and no session could be started", batch.batch_id, exc_info=True)
            return None
        return "got a session"
