"""A batch of somebody who has left: it ends, and all of it goes."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from foreverus import ids
from foreverus.aws.s3_versions import ObjectVersions
from foreverus.aws.step_functions import TaskRefused, Tasks
from foreverus.batches.records import Batch, BatchRef, BatchStatus
from foreverus.batches.store import BatchStore
from foreverus.costs.meter import month_of
from foreverus.deletions.owed import OwedDeletion
from foreverus.notifications.outbox import Outbox, Subject

# What its execution does after its end (summary, notification) finds the record for so long, retries included.
ENDING_TAKES = timedelta(minutes=15)


logger = logging.getLogger(__name__)


class Ledger(Protocol):
    def has(self, month: str, name: str) -> bool: ...


@dataclass(frozen=True)
class EraseBatch:
    """Its files are the person's, and go with theirs. `ledger`: what it has cost outlives it, so it stays until that is
    counted."""

    store: BatchStore
    ledger: Ledger
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
        if batch and (self._is_ending(batch) or self._is_owed_to_the_ledger(batch)):
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

    def _is_owed_to_the_ledger(self, batch: Batch) -> bool:
        """Bedrock took something, and finishing it has failed since, however long: the sweep repeats that, by its
        record."""
        shards = self.store.shards(batch.batch_id)
        used = any(one.bedrock_prompt_tokens or one.bedrock_completion_tokens for one in shards)
        if not used or self.ledger.has(month_of(batch.created_at), batch.batch_id):
            return False
        logger.warning("%s is not erased yet: what it has cost is not counted", batch.batch_id)
        return True
