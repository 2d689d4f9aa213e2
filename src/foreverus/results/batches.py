"""Keeps the summary of each batch that is over in PostgreSQL."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from foreverus.aws.data_api import Database
from foreverus.batches.model import is_over
from foreverus.batches.records import BatchRef
from foreverus.batches.store import Batches
from foreverus.errors import ResultsNotStored
from foreverus.results.rows import batch_row, upsert
from foreverus.results.unsaved import MOST_TRIES, Unsaved, is_due

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
        record = self.batches.get(ref)
        if not record or not is_over(record):
            raise ResultsNotStored(f"batch {ref.batch_id} is {record['status'] if record else 'unknown'}, not over")
        if self.database is not None:
            user, row = {"user_id": ref.user_id}, batch_row(record)
            self.database.execute(upsert("users", user, "user_id"), user)
            self.database.execute(upsert("batches", row, "batch_id"), row)
        self.batches.close_open(ref.batch_id)
        return StoredBatch(ref.batch_id, stored=self.database is not None)

    def unsaved(self) -> Iterator[Unsaved[StoredBatch]]:
        """Those that are over and still open ones."""
        for item in self.batches.open_batches():
            ref = BatchRef(item["user_id"], item["batch_id"])
            record = self.batches.get(ref)
            if record and is_over(record):
                tries = int(record.get("store_tries", 0))
                if is_due(record["ended_at"], tries, self.clock()):
                    yield Unsaved(ref.batch_id, partial(self.store, ref), partial(self._count_try, ref, tries + 1))

    def _count_try(self, ref: BatchRef, tries: int) -> None:
        """One that has failed MOST_TRIES times is given up, so that it does not keep Aurora awake for ever."""
        self.batches.change(ref, {"store_tries": tries})
        if tries >= MOST_TRIES:
            logger.error("the summary of %s is given up after %d tries", ref.batch_id, tries)
            self.batches.close_open(ref.batch_id)
