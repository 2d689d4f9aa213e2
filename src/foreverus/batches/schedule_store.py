"""What the schedule remembers: its runs, and which objects under a prefix have been batches already."""

from datetime import datetime, timedelta
from typing import Any, Protocol

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Table
from foreverus.files.records import SCHEDULE_USER

Item = dict[str, Any]

RUNS_KEPT = timedelta(days=30)  # the Scheduler delivers again within a day


class Runs(Protocol):
    def begin(self, source: str, scheduled_at: str, now: datetime) -> Item:
        """The run's item: `started_at`, and `batches` once it has ended. A repeated delivery gets the first one's."""

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

    def begin(self, source: str, scheduled_at: str, now: datetime) -> Item:
        key = run_key(source, scheduled_at)
        run = {**key, "started_at": ids.timestamp(now), "expires_at": int((now + RUNS_KEPT).timestamp())}
        try:
            self.items.put(run, "attribute_not_exists(pk)")
        except ConditionFailed:
            return self.items.get(key) or run
        return run

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
        self.runs: dict[tuple[str, str], Item] = {}
        self.inputs: dict[tuple[str, str], str] = {}

    def begin(self, source: str, scheduled_at: str, now: datetime) -> Item:
        return dict(self.runs.setdefault((source, scheduled_at), {"started_at": ids.timestamp(now)}))

    def end(self, source: str, scheduled_at: str, batches: list[str]) -> None:
        self.runs[source, scheduled_at]["batches"] = list(batches)

    def was_run(self, key: str, etag: str) -> bool:
        return (key, etag) in self.inputs

    def note_run(self, key: str, etag: str, batch_id: str) -> None:
        self.inputs[key, etag] = batch_id
