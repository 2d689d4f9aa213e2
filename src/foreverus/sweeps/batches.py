"""The sweep over open batches, every five minutes: each of them comes to its end, whatever crashed on the way."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from foreverus import ids
from foreverus.aws.step_functions import RUNNING
from foreverus.batches import model
from foreverus.batches.serving import Starter, start_sessions
from foreverus.batches.store import Batches, BatchRef
from foreverus.errors import ForeverUsError, NotAccepted, SpendCapReached
from foreverus.sessions.pending import PendingWork

Item = dict[str, Any]

NOT_STARTED_AFTER = timedelta(minutes=2)  # between the record and its execution: a crash of the API
FINISHING_TAKES = timedelta(minutes=20)  # a Lambda's 15 minutes and a retry: somebody is at it

logger = logging.getLogger(__name__)


class BatchesNotRescued(ForeverUsError):
    """The next sweep tries again; the Lambda's error is what an alarm sees."""


class Executions(Protocol):
    def start(self, name: str, request: dict[str, Any]) -> None:
        """Starting the same batch again changes nothing."""

    def status(self, name: str) -> str | None:
        """Step Functions' word (RUNNING, SUCCEEDED, FAILED, …); None: there never was one."""


class End(Protocol):
    def fail(self, ref: BatchRef, error: dict[str, str] | None = None) -> Item: ...


class Waiting(Protocol):
    def reject_all(self, session_id: str, code: str, until: str = "") -> int: ...


@dataclass(frozen=True)
class BatchRescuer:
    """`live`: the sessions that hold a GPU slot."""

    store: Batches
    pending: PendingWork
    executions: Executions
    end: End
    starter: Starter
    waiting: Waiting
    live: Callable[[], list[str]]
    clock: Callable[[], datetime]

    def sweep(self) -> Item:
        """`{open, started, finished, told, session_started}`. Raises BatchesNotRescued, the others were seen to."""
        seen: Item = {"open": 0, "started": [], "finished": [], "session_started": False}
        failed = []
        for item in self.store.open_batches():
            seen["open"] += 1
            try:
                if did := self._look(item):
                    seen[did].append(item["batch_id"])
            except Exception:
                logger.exception("%s is not rescued", item["batch_id"])
                failed.append(item["batch_id"])
        seen["told"] = self._tell_the_untold(failed)
        seen["session_started"] = self._start_session()
        if failed:
            raise BatchesNotRescued(", ".join(failed))
        return seen

    def _look(self, item: Item) -> str | None:
        """What was done: `started`, `finished`, or nothing."""
        ref = BatchRef(item["user_id"], item["batch_id"])
        record, age = self.store.get(ref), self.clock() - ids.parse_timestamp(item["created_at"])
        if record is None:
            self.store.close_open(ref.batch_id)
            return None
        if model.is_over(record) or age < NOT_STARTED_AFTER:
            return None
        status = self.executions.status(ref.batch_id)
        if status == RUNNING:
            return None
        if status is None:
            logger.warning("%s has no execution: it is started", ref.batch_id)
            self.executions.start(ref.batch_id, {"batch_id": ref.batch_id, "user_id": ref.user_id})
            return "started"
        finalizing = record.get("finalizing_at")
        if finalizing and self.clock() - ids.parse_timestamp(finalizing) < FINISHING_TAKES:
            return None
        cause = f"The execution {ref.batch_id} of batch_run has ended as {status} before the batch did."
        self.end.fail(ref, {"Error": "BatchRunLost", "Cause": cause})
        return "finished"

    def _tell_the_untold(self, failed: list[str]) -> list[str]:
        """The ids of batches that had come to their end when their execution was lost, before it could say so."""
        told = []
        for ref in self.store.untold():
            try:
                record = self.store.get(ref)
                if record is None:
                    self.store.told(ref)
                elif model.is_over(record) and self.executions.status(ref.batch_id) != RUNNING:
                    self.end.fail(ref)
                    told.append(ref.batch_id)
            except Exception:
                logger.exception("nobody is notified of the end of %s", ref.batch_id)
                failed.append(ref.batch_id)
        return told

    def _start_session(self) -> bool:
        """A batch waits for a GPU, and nobody has one or boots one: a start was lost."""
        if self.live():
            return False
        for waiting in self.pending.batches():
            record = self.store.get(BatchRef(waiting.user_id, waiting.batch_id))
            if not record or record["status"] != model.IN_PROGRESS:
                continue
            try:
                start_sessions(self.starter, record)
            except SpendCapReached:
                rejected = self.waiting.reject_all("", SpendCapReached.code())
                logger.warning("%d batches that waited for a GPU plan again: SpendCapReached", rejected)
                return False
            except NotAccepted:
                logger.warning("%s waits and no session could be started", record["batch_id"], exc_info=True)
                return False
            return True
        return False
