"""A batch's whole file, checked before anything is spent. What is looked at is in `file_check.py`."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from foreverus.aws.s3 import ObjectNotThere, Objects
from foreverus.batches.input.file_check import (
    MAX_ERRORS,
    MAX_LINES,
    SHARD_BYTES,
    SHARD_LINES,
    Allowed,
    validate,
)
from foreverus.batches.input.images import ANY_IMAGES, ImageRules
from foreverus.batches.input.lines import RawLine, split
from foreverus.batches.model import possible_backends
from foreverus.batches.records import Batch, BatchRef, BatchStatus, ErrorEntry, ValidatedInput
from foreverus.batches.store import Batches
from foreverus.errors import NotFound
from foreverus.notifications.outbox import Outbox, OutboxEntry, Subject
from foreverus.text import quoted

__all__ = [
    "MAX_ERRORS",
    "MAX_LINES",
    "SHARD_BYTES",
    "SHARD_LINES",
    "Validator",
    "validate",
]

# Of the Lambda's 15 minutes, so that there are some left to write what was found. 200 MB take about one.
MOST_TIME = timedelta(minutes=12)


class _TakesTooLong(Exception):
    def __init__(self, line: int):
        super().__init__(line)
        self.line = line


@dataclass(frozen=True)
class Validator:
    """The state machine's first step. Running it twice gives the same result. `images`: what becomes of those that
    somebody's lines show."""

    store: Batches
    objects: Objects
    outbox: Outbox
    model_id: str
    clock: Callable[[], datetime]
    context_tokens: int | None = None  # of the served model, prompt and answer together
    images: Callable[[str], ImageRules] = lambda user_id: ANY_IMAGES

    def run(self, ref: BatchRef) -> dict[str, object]:
        """`{"valid", "lines"}`. The batch is `in_progress` then, or `failed`; one that was cancelled meanwhile stays
        `cancelling`, so that it ends with a line for every line. Raises NotFound."""
        batch = self.store.get(ref)
        if batch is None:
            raise NotFound(f"There is no batch {quoted(ref.batch_id)}.", param="batch_id", code="batch_not_found")
        if batch.status is BatchStatus.FAILED:
            return {"valid": False, "lines": 0}
        if batch.total is not None:
            return {"valid": True, "lines": batch.total}
        allowed = Allowed(possible_backends(batch.metadata), self.context_tokens, self.images(batch.user_id))
        try:
            lines = self._in_time(split(self.objects.stream(batch.input_key)))
            report = validate(lines, batch.endpoint, self.model_id, allowed)
        except _TakesTooLong as err:
            minutes = MOST_TIME // timedelta(minutes=1)
            message = f"After {minutes} minutes the check had come to line {err.line}: split the file there."
            return self._fail(batch, [ErrorEntry("file_too_large", message, line=err.line)], 1)
        except ObjectNotThere:
            message = f"Our copy of {batch.input_file_id} is gone: create another batch."
            return self._fail(batch, [ErrorEntry("file_not_found", message, "input_file_id")], 1)
        if report.errors:
            return self._fail(batch, report.errors, report.errors_total)
        self.store.put_shards(ref.batch_id, report.shards)
        found = ValidatedInput(
            total=report.total,
            shards=len(report.shards),
            model=self.model_id,
            prompt_tokens_estimate=report.prompt_tokens_estimate,
            completion_tokens_limit=report.completion_tokens_limit,
            gpu_only=report.gpu_only,
            images_line=report.images_line,
            gpu_sees=report.gpu_sees,
        )
        self.store.validated(ref, found, self.clock())
        return {"valid": True, "lines": report.total}

    def _in_time(self, lines: Iterable[RawLine]) -> Iterator[RawLine]:
        """Raises _TakesTooLong: a Lambda that is cut off says nothing, and would be cut off again."""
        ends = self.clock() + MOST_TIME
        for line in lines:
            if self.clock() >= ends:
                raise _TakesTooLong(line.number)
            yield line

    def _fail(self, batch: Batch, errors: list[ErrorEntry], total: int) -> dict[str, object]:
        self.outbox.add(OutboxEntry(Subject.BATCHES, batch.batch_id, batch.user_id))  # before the end is written
        self.store.reject_input(batch.ref, errors, total, self.clock())
        self.objects.delete(batch.input_key)
        return {"valid": False, "lines": 0}
