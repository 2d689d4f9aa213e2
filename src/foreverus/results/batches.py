"""Keeps the summary of each batch that is over in PostgreSQL. Every write can be repeated."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.aws.data_api import Database
from foreverus.batches.model import is_over
from foreverus.batches.records import BatchRef
from foreverus.batches.store import Batches
from foreverus.errors import ResultsNotStored
from foreverus.results.rows import upsert
from foreverus.results.store import MOST_TRIES, is_due

Item = dict[str, Any]

logger = logging.getLogger(__name__)


def batch_row(record: Item) -> Item:
    """A batch's record as a row of `batches`. One that failed its validation has answered nothing."""
    errors, used = record.get("errors") or [], record.get("usage") or {}
    return {
        "batch_id": record["batch_id"],
        "user_id": record["user_id"],
        "trigger": record.get("trigger", "unknown"),
        "status": record["status"],
        "error": errors[0]["code"] if errors else None,
        "endpoint": record["endpoint"],
        "model": record.get("model"),
        "backend": record.get("backend"),
        "choice": record.get("metadata", {}).get("foreverus_choice"),
        "rounds": int(record.get("round", 0)),
        "sessions": len(record.get("sessions", ())),
        "lines": int(record.get("total", 0)),
        "completed": int(record.get("completed", 0)),
        "failed": int(record.get("failed", 0)),
        "prompt_tokens": int(used.get("prompt_tokens", 0)),
        "completion_tokens": int(used.get("completion_tokens", 0)),
        "cost_usd": record.get("cost_usd"),
        "created_at": _time(record["created_at"]),
        "in_progress_at": _time(record.get("in_progress_at")),
        "ended_at": _time(record["ended_at"]),
    }


def _time(text: str | None) -> datetime | None:
    return ids.parse_timestamp(text) if text else None


@dataclass(frozen=True)
class SummaryKeeper:
    batches: Batches
    database: Database | None  # None: deployed without PostgreSQL
    clock: Callable[[], datetime]

    def store(self, ref: BatchRef) -> Item:
        """Stores one batch, which is not an open one from then on. Raises ResultsNotStored when it is not over."""
        record = self.batches.get(ref)
        if not record or not is_over(record):
            raise ResultsNotStored(f"batch {ref.batch_id} is {record['status'] if record else 'unknown'}, not over")
        if self.database is not None:
            user = {"user_id": ref.user_id}
            self.database.execute(upsert("users", user, "user_id"), user)
            row = batch_row(record)
            self.database.execute(upsert("batches", row, "batch_id"), row)
        self.batches.close_open(ref.batch_id)
        return {"batch_id": ref.batch_id, "stored": self.database is not None}

    def store_unsaved(self) -> list[Item]:
        """The sweep: batches that ended a while ago and are still open ones. One failing stops no other; one that has
        failed MOST_TRIES times is given up, so that it does not keep Aurora awake for ever."""
        stored, failed = [], []
        for item in self.batches.open_batches():
            ref = BatchRef(item["user_id"], item["batch_id"])
            record = self.batches.get(ref)
            if (
                not record
                or not is_over(record)
                or not is_due(record["ended_at"], int(record.get("store_tries", 0)), self.clock())
            ):
                continue
            try:
                stored.append(self.store(ref))
            except Exception:
                logger.exception("the summary of %s is still not stored", ref.batch_id)
                failed.append(ref.batch_id)
                self._count_try(ref, int(record.get("store_tries", 0)) + 1)
        if failed:
            raise ResultsNotStored(", ".join(failed))
        return stored

    def _count_try(self, ref: BatchRef, tries: int) -> None:
        self.batches.change(ref, {"store_tries": tries})
        if tries >= MOST_TRIES:
            logger.error("the summary of %s is given up after %d tries", ref.batch_id, tries)
            self.batches.close_open(ref.batch_id)
