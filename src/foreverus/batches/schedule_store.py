"""What the schedule remembers: its runs, and which objects under a prefix have been batches already."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Item, Table
from foreverus.files.records import SCHEDULE_USER

RUNS_KEPT = timedelta(days=30)  # the Scheduler delivers again within a day


@dataclass(frozen=True, slots=True)
class Run:
    """`batches`: the ids of those that it started; None until it has ended."""

    started_at: str
    batches: tuple[str, ...] | None = None


class Runs(Protocol):
    def begin(self, source: str, scheduled_at: str, now: datetime) -> Run:
        """A repeated delivery gets the first one's."""

    def end(self, source: str, scheduled_at: str, batches: list[str]) -> None: ...
    def was_run(self, key: str, etag: str) -> bool: ...
    def note_run(self, key: str, etag: str, batch_id: str) -> None: ...


def run_key(source: str, scheduled_at: str) -> keys.Key:
    return keys.idempotency_key(SCHEDULE_USER, "runs", f"{source}\n{scheduled_at}")


def input_key(key: str, etag: str) -> keys.Key:
    return keys.idempotency_key(SCHEDULE_USER, "inputs", f"{key}\n{etag}")


class ScheduleStore:
    def __init__(self, items: Table):
        self.items = items

    def begin(self, source: str, scheduled_at: str, now: datetime) -> Run:
        key, started_at = run_key(source, scheduled_at), ids.timestamp(now)
        item: Item = {**key, "started_at": started_at, "expires_at": int((now + RUNS_KEPT).timestamp())}
        try:
            self.items.put(item, "attribute_not_exists(pk)")
        except ConditionFailed:
            item = self.items.get(key) or item
        batches = item.get("batches")
        return Run(item["started_at"], None if batches is None else tuple(batches))

    def end(self, source: str, scheduled_at: str, batches: list[str]) -> None:
        self.items.update(run_key(source, scheduled_at), "SET batches = :batches", {":batches": batches})

    def was_run(self, key: str, etag: str) -> bool:
        return self.items.get(input_key(key, etag)) is not None

    def note_run(self, key: str, etag: str, batch_id: str) -> None:
        """For ever: an object that is left where it is must not be a batch again next month."""
        self.items.put({**input_key(key, etag), "batch_id": batch_id})


class MemoryRuns:
    """Twin of `ScheduleStore`."""

    def __init__(self) -> None:
        self.runs: dict[tuple[str, str], Run] = {}
        self.inputs: dict[tuple[str, str], str] = {}

    def begin(self, source: str, scheduled_at: str, now: datetime) -> Run:
        return self.runs.setdefault((source, scheduled_at), Run(ids.timestamp(now)))

    def end(self, source: str, scheduled_at: str, batches: list[str]) -> None:
        run = self.runs[source, scheduled_at]
        self.runs[source, scheduled_at] = replace(run, batches=tuple(batches))

    def was_run(self, key: str, etag: str) -> bool:
        return (key, etag) in self.inputs

    def note_run(self, key: str, etag: str, batch_id: str) -> None:
        self.inputs[key, etag] = batch_id
