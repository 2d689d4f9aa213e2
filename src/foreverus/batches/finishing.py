"""The end of a batch: the output and the error file, the terminal status, and what people are told.

All of it can be done twice: the files' ids are made from the batch's, and a terminal status is written once.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from foreverus import ids
from foreverus.aws.s3 import Objects
from foreverus.backends.port import BackendName, TokenUsage
from foreverus.batches.assembly import Assembly, BatchTotals
from foreverus.batches.cost import BatchCosts, bedrock_guard_usd, bedrock_usd, slot_seconds
from foreverus.batches.execution_error import ExecutionError
from foreverus.batches.notification import is_told, notification
from foreverus.batches.plan.failures import with_error
from foreverus.batches.plan.records import LearnedSpeed
from foreverus.batches.plan.speed import gpu_tokens_per_second, learned
from foreverus.batches.records import (
    Batch,
    BatchOutcome,
    BatchRef,
    BatchResult,
    BatchStatus,
    sessions_of,
)
from foreverus.batches.store import Batches
from foreverus.costs.ledger import CountedCost
from foreverus.costs.meter import month_of
from foreverus.costs.money import exact
from foreverus.costs.purse import Purse
from foreverus.costs.usage.records import UsageKind, Used, UsedService
from foreverus.errors import NotFound
from foreverus.files.records import File, FilePurpose, kept_s, new_file
from foreverus.files.store import Files
from foreverus.notifications.notification import Notification, Notifier
from foreverus.notifications.outbox import Outbox, OutboxEntry, Subject, deliver
from foreverus.sessions.records import Session, expected_boot_seconds
from foreverus.text import quoted

NOT_CANCELLED = (BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS, BatchStatus.FINALIZING)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FinishedBatch:
    batch_id: str
    status: BatchStatus
    notification: Notification | None  # None: there is nothing to tell


def outbox_entry(ref: BatchRef) -> OutboxEntry:
    return OutboxEntry(Subject.BATCHES, ref.batch_id, ref.user_id)


class _EndedMeanwhile(Exception):
    """Somebody else has brought the batch to its end."""


class Finishes(Protocol):
    def finish(self, ref: BatchRef, status: BatchStatus, error: ExecutionError | None = None) -> FinishedBatch: ...


@dataclass(frozen=True)
class BatchEnd:
    """The end of a batch whose execution can bring it no further: what it left undone is done in its place."""

    finisher: Finishes
    outbox: Outbox
    notifier: Notifier

    def fail(self, ref: BatchRef, error: ExecutionError | None = None) -> FinishedBatch:
        """Finishes the batch, as failed if it is not over yet, and notifies people. The sweep repeats what fails."""
        finished = self.finisher.finish(ref, BatchStatus.FAILED, error)
        if finished.notification:
            deliver(self.outbox, self.notifier, outbox_entry(ref), finished.notification)
        return finished

    def notified(self, ref: BatchRef) -> None:
        """People were notified by its execution: nobody needs to do it in its place."""
        self.outbox.remove(Subject.BATCHES, ref.batch_id)


@dataclass(frozen=True, kw_only=True)
class Finisher:
    store: Batches
    objects: Objects
    files: Files
    costs: BatchCosts
    purse: Purse
    outbox: Outbox
    clock: Callable[[], datetime]
    retention_s: int = 0  # how long files are kept at most, 0: for ever

    def finish(self, ref: BatchRef, status: BatchStatus, error: ExecutionError | None = None) -> FinishedBatch:
        """Brings a batch to a terminal status.

        A batch that somebody has cancelled ends as `cancelled`, whatever `status` says. One that is over already stays
        as it is. One that never got through its validation has no lines and no files. Who calls this sends the
        notification, where there is one, and removes it from the outbox; else the sweep does. Raises NotFound.
        """
        batch = self._get(ref)
        self.outbox.add(outbox_entry(ref))  # before the end is written: no crash in between keeps it from people
        if not batch.is_over:
            batch = self._finish(batch, status, error)
        self.objects.delete(batch.input_key)  # our copy; where this fails, finishing is repeated until people are told
        batch = self._settle(batch)
        self.store.stop_waiting(ref)
        if not is_told(batch):
            self.outbox.remove(Subject.BATCHES, ref.batch_id)  # last: until then the sweep would do all this again
            return FinishedBatch(ref.batch_id, batch.status, None)
        return FinishedBatch(ref.batch_id, batch.status, notification(batch))

    def _finish(self, batch: Batch, status: BatchStatus, error: ExecutionError | None) -> Batch:
        errors = with_error(batch.errors, error) if error else None
        if batch.total is None:
            return self._end(batch.ref, BatchOutcome(status=status, errors=errors))
        batch = self._begin(batch)
        ends_as = BatchStatus.CANCELLED if batch.status is BatchStatus.CANCELLING else status
        answers, errors_ = self._new_files(batch)
        try:
            with (
                self.objects.writer(answers.object_key) as output,
                self.objects.writer(errors_.object_key) as refused,
            ):
                totals = Assembly(batch, ends_as, self.store, self.objects).write(output, refused)
                if totals.lost and self._get(batch.ref).is_over:
                    raise _EndedMeanwhile  # its whole files stay: what is not there any more went after they were made
        except _EndedMeanwhile:
            return self._get(batch.ref)
        result = replace(
            self._result(batch, totals),
            output_file_id=self._register(answers, output.size),
            error_file_id=self._register(errors_, refused.size),
        )
        if totals.lost:
            lost = ExecutionError("InputLost", f"{totals.lost} lines: our copy of the input is gone.")
            errors = with_error(errors or batch.errors, lost)
        used = totals.used(self._taken(batch)[0])
        return self._end(batch.ref, BatchOutcome(status=status, errors=errors, result=result, used=used))

    def _settle(self, batch: Batch) -> Batch:
        """Counts what Bedrock took and releases what the batch has reserved. A GPU's cost is settled by its session's
        closing."""
        taken, known = self._taken(batch)
        cost = CountedCost(taken, ids.timestamp(self.clock()), price_unknown=not known)
        self.purse.settle(month_of(batch.created_at), batch.batch_id, cost)
        return self._with_late_cost(batch, float(taken)) if known else batch

    def _taken(self, batch: Batch) -> tuple[Decimal, bool]:
        """(USD that Bedrock took, whether its price is known). Where nobody knows it, a guard's price, and no more than
        the batch has reserved. That is the most which it can have taken, at the price of then: the stack may have
        another model by now, or none, and a guard's price is a hundred times as high."""
        rates = self.costs.rates
        usd, known = bedrock_guard_usd(self.store.shards(batch.batch_id), rates.bedrock, rates.sight)
        taken = exact(usd)
        reserved = None if known else self.purse.reservation(month_of(batch.created_at), batch.batch_id)
        return (min(taken, reserved.usd) if reserved and reserved.usd else taken), known

    def _with_late_cost(self, batch: Batch, usd: float) -> Batch:
        """A call that was in flight when the end was written has cost something since: record and usage say what the
        ledger does. Doing it twice changes nothing."""
        noted, total = batch.result.bedrock_usd, batch.result.cost_usd
        if noted is None or exact(usd) <= exact(noted):
            return batch
        whole = None if total is None else round(total + usd - noted, 6)
        late = Used(service=UsedService.BEDROCK, kind=UsageKind.BATCH, usd=exact(usd) - exact(noted))
        self.store.note_cost(batch, whole, usd, late, self.clock())
        return self.store.get(batch.ref) or batch

    def _begin(self, batch: Batch) -> Batch:
        """`finalizing`: from now on nobody takes a line. One that is being cancelled stays `cancelling` until it is."""
        return self.store.finalize(batch.ref, self.clock()) or self.store.get(batch.ref) or batch

    def _end(self, ref: BatchRef, ending: BatchOutcome) -> Batch:
        """The terminal status, once. A cancellation that came meanwhile wins. Raises NotFound."""
        cancelled = replace(ending, status=BatchStatus.CANCELLED)
        return (
            self.store.end(ref, ending, NOT_CANCELLED, self.clock())
            or self.store.end(ref, cancelled, (BatchStatus.CANCELLING,), self.clock())
            or self._get(ref)
        )

    def _new_files(self, batch: Batch) -> tuple[File, File]:
        """The output and the error file, before anything is in them."""
        now, made = self.clock(), []
        expires_s, purpose = kept_s(batch.output_expires_s, self.retention_s), FilePurpose.BATCH_OUTPUT
        for file_id, kind in zip(file_ids(batch.batch_id), ("output", "error"), strict=True):
            name = f"{batch.batch_id}_{kind}.jsonl"
            file = new_file(file_id, batch.user_id, name, 0, now, purpose=purpose, expires_s=expires_s)
            if file.expires_at:
                self.files.note_expiry(file)
            made.append(file)
        return made[0], made[1]

    def _register(self, file: File, size: int) -> str | None:
        """The file's id; None when it is empty, or was deleted after an earlier try had made it: then there is none."""
        if not size:
            return None
        if self.files.put(replace(file, bytes=size)):
            return file.file_id
        self.objects.delete(file.object_key)
        return None

    def _result(self, batch: Batch, totals: BatchTotals) -> BatchResult:
        """Counts, tokens and cost. What cannot be found out keeps no batch from its end."""
        result = BatchResult(
            completed=totals.completed,
            failed=totals.failed + totals.lost,
            usage=TokenUsage(totals.prompt_tokens, totals.completion_tokens),
            on_gpu=totals.on_gpu,
            on_bedrock=totals.on_bedrock,
        )
        try:
            shards = self.store.shards(batch.batch_id)
            result = replace(
                result,
                cost_usd=self.costs(batch, shards),
                bedrock_usd=bedrock_usd(shards, self.costs.rates.bedrock, self.costs.rates.sight),
            )
            self.store.note_sessions(batch.ref, sessions_of(batch, shards))
            self._learn(batch, totals, slot_seconds(shards), self.costs.sessions_of(batch, shards))
        except Exception:
            logger.exception("%s has no cost, or its speed is not noted", batch.batch_id)
        return result

    def _learn(self, batch: Batch, totals: BatchTotals, seconds: Mapping[str, float], sessions: list[Session]) -> None:
        """The speed, for the next batches' choice. Only a batch that ran on one type of instance says which one it is,
        and only one without images how fast it writes."""
        own = [one for one in sessions if seconds.get(one.session_id)]
        types = {one.instance_type for one in own if one.instance_type}
        if len(types) == 1:
            lines, tokens = totals.on_gpu, totals.gpu_completion_tokens
            rate = gpu_tokens_per_second(lines, tokens, sum(seconds.values()), self.costs.rates.engine_slots)
            rate = None if batch.images_line else rate
            self._note(types.pop(), LearnedSpeed(rate, expected_boot_seconds(own)))
        if totals.on_bedrock:
            self._note(BackendName.BEDROCK, LearnedSpeed(totals.bedrock_tokens_per_second))

    def _note(self, name: str, measured: LearnedSpeed) -> None:
        if measured != LearnedSpeed():
            self.store.note_speed(name, learned(self.store.speed(name), measured))

    def _get(self, ref: BatchRef) -> Batch:
        batch = self.store.get(ref)
        if batch is None:
            raise NotFound(f"There is no batch {quoted(ref.batch_id)}.", param="batch_id", code="batch_not_found")
        return batch


def file_ids(batch_id: str) -> tuple[str, str]:
    """(of the output file, of the error file): the same whenever they are made.

    >>> file_ids("batch_019b76daa800")
    ('file_019b76daa800output', 'file_019b76daa800error')
    """
    suffix = batch_id.removeprefix("batch_")
    return f"file_{suffix}output", f"file_{suffix}error"


def batch_of_file(file_id: str) -> str | None:
    """The batch whose output or error file it is; None: it is nobody's result.

    >>> batch_of_file("file_019b76daa800error"), batch_of_file("file_019b76daa800")
    ('batch_019b76daa800', None)
    """
    suffix = file_id.removeprefix("file_")
    for kind in ("output", "error"):
        if suffix.endswith(kind):
            return f"batch_{suffix.removesuffix(kind)}"
    return None
