"""Keeps the summary of each batch that is over in PostgreSQL."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from foreverus.aws.data_api import Database
from foreverus.batches.records import BatchRef
from foreverus.batches.store import Batches
from foreverus.errors import ResultsNotStored
from foreverus.results.rows import batch_row
from foreverus.results.unsaved import MOST_TRIES, Unsaved, is_due, nobody_asks
from foreverus.results.writing import RowWriter

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredBatch:
    batch_id: str
    stored: bool


@dataclass(frozen=True)
class BatchSummaries:
    batches: Batches
    database: Database | None  # None: deployed without PostgreSQL
    clock: Callable[[], datetime]

    def store(self, ref: BatchRef) -> StoredBatch:
        """Stores one batch, which is not an open one from then on. Raises ResultsNotStored when it is not over."""
        batch = self.batches.get(ref)
        if not batch or not batch.is_over:
            raise ResultsNotStored(f"batch {ref.batch_id} is {batch.status if batch else 'unknown'}, not over")
        refused = 0
        if self.database is not None:
            writer = RowWriter(self.database)
            writer.write("users", "user_id", [{"user_id": ref.user_id}], ref.user_id)
            writer.write("batches", "batch_id", [batch_row(batch)], ref.user_id)
            refused = len(writer.refused)
        self.batches.close_open(ref.batch_id)
        return StoredBatch(ref.batch_id, stored=self.database is not None and not refused)

    def unsaved(self, note: Callable[[str], None] = nobody_asks) -> Iterator[Unsaved[StoredBatch]]:
        """Those that are over and still open ones. `note`: as `SessionResults.unsaved` has it."""
        for one in self.batches.open_batches():
            ref, batch = one.ref, self.batches.get(one.ref)
            if batch and batch.is_over and self.database is not None:
                note(batch.ended_at)
            if batch and batch.is_over and is_due(batch.ended_at, batch.store_tries, self.clock()):
                count_try = partial(self._count_try, ref, batch.store_tries + 1)
                yield Unsaved(ref.batch_id, partial(self.store, ref), count_try)

    def _count_try(self, ref: BatchRef, tries: int) -> None:
        """One that has failed MOST_TRIES times is given up, so that it does not keep Aurora awake for ever."""
        self.batches.count_store_try(ref, tries)
        if tries >= MOST_TRIES:
            logger.error("the summary of %s is given up after %d tries", ref.batch_id, tries)
            self.batches.close_open(ref.batch_id)
