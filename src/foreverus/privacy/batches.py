"""A batch of somebody who has left: it ends, and all of it goes."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from foreverus import ids
from foreverus.aws.s3_versions import ObjectVersions
from foreverus.aws.step_functions import TaskRefused, Tasks
from foreverus.batches.records import Batch, BatchRef, BatchStatus
from foreverus.batches.store import BatchStore
from foreverus.deletions.owed import OwedDeletion
from foreverus.notifications.outbox import Outbox, Subject

# What its execution does after its end (summary, notification) finds the record for so long, retries included.
ENDING_TAKES = timedelta(minutes=15)


@dataclass(frozen=True)
class EraseBatch:
    """Its files are the person's, and go with theirs."""

    store: BatchStore
    versions: ObjectVersions
    outbox: Outbox
    tasks: Tasks
    clock: Callable[[], datetime]

    def __call__(self, owed: OwedDeletion) -> bool:
        ref = BatchRef(owed.user_id, owed.name)
        batch = self.store.get(ref)
        if batch and not batch.is_over:
            self._cancel(batch)
            return False
        if batch and self._is_ending(batch):
            return False
        self.versions.erase(f"batches/{owed.name}/")
        self.store.forget(ref)
        self.outbox.remove(Subject.BATCHES, owed.name)
        if owed.is_settled(self.clock()):
            self.store.forget_shards(owed.name)
        return True

    def _cancel(self, batch: Batch) -> None:
        """As its owner would; asked again it changes nothing."""
        now = self.store.cancel(batch.ref, self.clock()) or batch
        if now.status is BatchStatus.CANCELLING and now.task_token:
            with suppress(TaskRefused):  # the round has just ended: Plan finds the batch cancelling
                self.tasks.succeed(now.task_token, {"outcome": "cancelled"})

    def _is_ending(self, batch: Batch) -> bool:
        still_open = any(one.batch_id == batch.batch_id for one in self.store.open_batches())
        return still_open and self.clock() - ids.parse_timestamp(batch.ended_at) < ENDING_TAKES
