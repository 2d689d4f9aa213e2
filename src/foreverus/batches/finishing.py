"""The end of a batch: the output and the error file, the terminal status, and what people are told.

All of it can be done twice: the files' ids are made from the batch's, and a terminal status is written once.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from foreverus import ids
from foreverus.aws.s3 import Objects
from foreverus.batches import model
from foreverus.batches.assembly import BatchTotals, assemble
from foreverus.batches.cost import BatchCosts, bedrock_usd, slot_seconds
from foreverus.batches.notification import notification
from foreverus.batches.plan.failures import with_error
from foreverus.batches.plan.speed import gpu_tokens_per_second, learned
from foreverus.batches.records import BackendName, BatchRef
from foreverus.batches.store import Batches
from foreverus.costs.ledger import Ledger
from foreverus.costs.meter import month_of
from foreverus.errors import NotFound
from foreverus.files import records
from foreverus.files.records import FilePurpose
from foreverus.files.store import Files
from foreverus.notifications.notification import Notification, Notifier
from foreverus.notifications.outbox import Entry, Outbox, Subject, deliver
from foreverus.sessions.records import Session, expected_boot_seconds

Item = dict[str, Any]

OPEN = (model.VALIDATING, model.IN_PROGRESS, model.FINALIZING)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finished:
    batch_id: str
    status: str
    notification: Notification


def outbox_entry(ref: BatchRef) -> Entry:
    return Entry(Subject.BATCHES, ref.batch_id, ref.user_id)


class Finishes(Protocol):
    def finish(self, ref: BatchRef, status: str, error: dict[str, str] | None = None) -> "Finished": ...


@dataclass(frozen=True)
class BatchEnd:
    """The end of a batch whose execution can bring it no further: what it left undone is done in its place."""

    finisher: Finishes
    outbox: Outbox
    notifier: Notifier

    def fail(self, ref: BatchRef, error: dict[str, str] | None = None) -> Finished:
        """Finishes the batch, as failed if it is not over yet, and notifies people. The sweep repeats what fails."""
        finished = self.finisher.finish(ref, model.FAILED, error)
        deliver(self.outbox, self.notifier, outbox_entry(ref), finished.notification)
        return finished

    def notified(self, ref: BatchRef) -> None:
        """People were notified by its execution: nobody needs to do it in its place."""
        self.outbox.remove(Subject.BATCHES, ref.batch_id)


@dataclass(frozen=True)
class Finisher:
    store: Batches
    objects: Objects
    files: Files
    costs: BatchCosts
    ledger: Ledger
    outbox: Outbox
    clock: Callable[[], datetime]

    def finish(self, ref: BatchRef, status: str, error: dict[str, str] | None = None) -> Finished:
        """Brings a batch to a terminal status.

        A batch that somebody has cancelled ends as `cancelled`, whatever `status` says. One that is over already stays
        as it is. One that never got through its validation has no lines and no files. Who calls this sends the
        notification and removes it from the outbox; else the sweep does. Raises NotFound.
        """
        record = self.store.get(ref)
        if record is None:
            raise NotFound(f"There is no batch {ref.batch_id}.", param="batch_id", code="batch_not_found")
        self.outbox.add(outbox_entry(ref))  # before the end is written: no crash in between keeps it from people
        if not model.is_over(record):
            record = self._finish(ref, record, status, error)
        if record.get("bedrock_usd"):  # a GPU's cost is counted by its session's closing
            month = month_of(record["created_at"])
            self.ledger.count(month, ref.batch_id, record["bedrock_usd"], self.clock())
        self.store.stop_waiting(ref)
        return Finished(ref.batch_id, record["status"], notification(record))

    def _finish(self, ref: BatchRef, record: Item, status: str, error: dict[str, str] | None) -> Item:
        changes: Item = {"errors": with_error(record.get("errors"), error)} if error else {}
        if "total" in record:
            record = self._begin(ref, record)
            ends_as = model.CANCELLED if record["status"] == model.CANCELLING else status
            output_id, error_id = file_ids(ref.batch_id)
            with (
                self.objects.writer(records.object_key(ref.user_id, output_id)) as output,
                self.objects.writer(records.object_key(ref.user_id, error_id)) as errors,
            ):
                totals = assemble(record, ends_as, self.store, self.objects, output, errors)
            changes |= self._result(ref, record, totals)
            changes["output_file_id"] = self._register(ref, output_id, "output", output.size)
            changes["error_file_id"] = self._register(ref, error_id, "error", errors.size)
            if totals.lost:
                lost = {"Error": "InputLost", "Cause": f"{totals.lost} lines: our copy of the input is gone."}
                changes["errors"] = with_error(changes.get("errors") or record.get("errors"), lost)
        return self._end(ref, status, changes)

    def _begin(self, ref: BatchRef, record: Item) -> Item:
        """`finalizing`: from now on nobody takes a line. One that is being cancelled stays `cancelling` until it is."""
        changes = {"status": model.FINALIZING, "finalizing_at": ids.timestamp(self.clock())}
        began = self.store.change(ref, changes, (model.VALIDATING, model.IN_PROGRESS), remove=["task_token"])
        return began or self.store.get(ref) or record

    def _end(self, ref: BatchRef, status: str, changes: Item) -> Item:
        """The terminal status, once. A cancellation that came meanwhile wins."""
        changes = {**changes, "ended_at": ids.timestamp(self.clock())}
        for ends_as, before in ((status, OPEN), (model.CANCELLED, (model.CANCELLING,))):
            record = self.store.change(ref, {**changes, "status": ends_as}, before, remove=["task_token"])
            if record:
                return record
        return self.store.get(ref) or {}

    def _register(self, ref: BatchRef, file_id: str, kind: str, size: int) -> str | None:
        """The file's id; None when it is empty: then there is none."""
        if not size:
            return None
        name = f"{ref.batch_id}_{kind}.jsonl"
        file = records.new_file(file_id, ref.user_id, name, size, self.clock(), purpose=FilePurpose.BATCH_OUTPUT)
        self.files.put(file)
        return file_id

    def _result(self, ref: BatchRef, record: Item, totals: BatchTotals) -> Item:
        """Counts, tokens and cost. What cannot be found out keeps no batch from its end."""
        changes: Item = {
            "completed": totals.completed,
            "failed": totals.failed + totals.lost,
            "usage": {"prompt_tokens": totals.prompt_tokens, "completion_tokens": totals.completion_tokens},
            "on_gpu": totals.on_gpu,
            "on_bedrock": totals.on_bedrock,
            "cost_usd": None,
        }
        try:
            shards = self.store.shards(ref.batch_id)
            changes["cost_usd"] = self.costs(record, shards)
            changes["bedrock_usd"] = bedrock_usd(shards, self.costs.rates.bedrock)
            self._learn(totals, slot_seconds(shards), self.costs.sessions_of(record))
        except Exception:
            logger.exception("%s has no cost, or its pace is not noted", ref.batch_id)
        return changes

    def _learn(self, totals: BatchTotals, seconds: dict[str, float], sessions: list[Session]) -> None:
        """The pace for the next batches' choice. Only a batch that ran on one type of instance says which one it is."""
        types = {one.instance_type for one in sessions if one.session_id in seconds and one.instance_type}
        if len(types) == 1:
            lines, tokens = totals.on_gpu, totals.gpu_completion_tokens
            rate = gpu_tokens_per_second(lines, tokens, sum(seconds.values()), self.costs.rates.engine_slots)
            own = [one for one in sessions if one.session_id in seconds]
            self._note(types.pop(), {"tokens_per_second": rate, "boot_seconds": expected_boot_seconds(own)})
        if totals.on_bedrock:
            self._note(BackendName.BEDROCK, {"tokens_per_second": totals.bedrock_tokens_per_second})

    def _note(self, name: str, measured: dict[str, float | None]) -> None:
        if any(value is not None for value in measured.values()):
            self.store.note_pace(name, learned(self.store.pace(name), measured))


def file_ids(batch_id: str) -> tuple[str, str]:
    """(of the output file, of the error file): the same whenever they are made.

    >>> file_ids("batch_019b76daa800")
    ('file_019b76daa800output', 'file_019b76daa800error')
    """
    suffix = batch_id.removeprefix("batch_")
    return f"file_{suffix}output", f"file_{suffix}error"
