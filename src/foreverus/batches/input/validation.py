"""A batch's whole file, checked before anything is spent. What is looked at is in `file_check.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foreverus import ids
from foreverus.aws.s3 import ObjectNotThere, Objects
from foreverus.batches.input.file_check import (
    MAX_ERRORS,
    MAX_LINES,
    SHARD_BYTES,
    SHARD_LINES,
    Verdict,
    error,
    validate,
)
from foreverus.batches.input.lines import split
from foreverus.batches.model import CANCELLING, FAILED, IN_PROGRESS, VALIDATING
from foreverus.batches.records import BatchRef
from foreverus.batches.store import Batches
from foreverus.errors import NotFound
from foreverus.files.records import MAX_FILE_BYTES
from foreverus.notifications.outbox import Entry, Outbox, Subject

__all__ = [
    "MAX_ERRORS",
    "MAX_FILE_BYTES",
    "MAX_LINES",
    "SHARD_BYTES",
    "SHARD_LINES",
    "Validator",
    "Verdict",
    "validate",
]

Item = dict[str, Any]


@dataclass(frozen=True)
class Validator:
    """The state machine's first step. Running it twice gives the same result."""

    store: Batches
    objects: Objects
    outbox: Outbox
    model_id: str
    clock: Callable[[], datetime]

    def run(self, ref: BatchRef) -> Item:
        """`{"valid", "lines"}`. The batch is `in_progress` then, or `failed`; one that was cancelled meanwhile stays
        `cancelling`, so that it ends with a line for every line. Raises NotFound."""
        record = self.store.get(ref)
        if record is None:
            raise NotFound(f"There is no batch {ref.batch_id}.", param="batch_id", code="batch_not_found")
        if record["status"] == FAILED:
            return {"valid": False, "lines": 0}
        if "total" in record:
            return {"valid": True, "lines": record["total"]}
        refused = self._copy_input(record)
        if refused:
            return self._fail(ref, record, [refused], 1)
        verdict = validate(split(self.objects.stream(record["input_key"])), record["endpoint"], self.model_id)
        if verdict.errors:
            return self._fail(ref, record, verdict.errors, verdict.errors_total)
        self.store.put_shards(ref.batch_id, verdict.shards)
        found: Item = {
            "total": verdict.total,
            "shards": len(verdict.shards),
            "model": self.model_id,
            "prompt_tokens_estimate": verdict.prompt_tokens_estimate,
            "completion_tokens_limit": verdict.completion_tokens_limit,
        }
        begins: Item = {"status": IN_PROGRESS, "in_progress_at": ids.timestamp(self.clock()), "round": 0}
        if self.store.change(ref, found | begins, status_in=(VALIDATING,)) is None:
            self.store.change(ref, found, status_in=(CANCELLING,))
        return {"valid": True, "lines": verdict.total}

    def _copy_input(self, record: Item) -> Item | None:
        """Our own copy, so that the person may delete the file; an earlier run's is as good. Returns what is wrong."""
        if self.objects.size(record["input_key"]) is not None:
            return None
        size = self.objects.size(record["source_key"])
        if size is not None and size > MAX_FILE_BYTES:
            message = f"The file has {size:,} bytes, the most is {MAX_FILE_BYTES:,}: split it."
            return error("file_too_large", message, param="input_file_id")
        try:
            self.objects.copy(record["source_key"], record["input_key"])
        except ObjectNotThere:
            message = f"The file {record['input_file_id']} is gone: upload it again and create another batch."
            return error("file_not_found", message, param="input_file_id")
        return None

    def _fail(self, ref: BatchRef, record: Item, errors: list[Item], total: int) -> Item:
        ended = {"status": FAILED, "ended_at": ids.timestamp(self.clock())}
        found = {"errors": errors, "errors_total": total}
        self.outbox.add(Entry(Subject.BATCHES, ref.batch_id, ref.user_id))  # before the end is written
        self.store.change(ref, ended | found, status_in=(VALIDATING, CANCELLING))
        self.objects.delete(record["input_key"])
        return {"valid": False, "lines": 0}
