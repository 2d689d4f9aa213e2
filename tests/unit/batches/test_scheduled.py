"""Scheduled batches: one a run, or one a new file; and people hear of every run that does not start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from foreverus import ids
from foreverus.api.requests import RequestAttempt
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.records import Batch, BatchRef, BatchStatus, BatchTrigger
from foreverus.batches.schedule_store import MemoryRuns, Run, Runs, ScheduleStore
from foreverus.batches.scheduled import ScheduledBatches, ScheduledBatchNotStarted, ScheduledRun
from foreverus.errors import NotAccepted
from foreverus.files.records import SCHEDULE_USER
from foreverus.notifications.notification import MemoryNotifier, Notification
from tests.unit.batches.altering import alter
from tests.unit.conftest import NOW, Aws

TONIGHT, TOMORROW = "2026-01-01T12:00:00Z", "2026-01-02T12:00:00Z"


@dataclass
class Service:
    """Twin of BatchService.create: a batch for each Idempotency-Key."""

    store: MemoryBatches
    world: "World"
    requests: list[Mapping[str, Any]] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def create(
        self, user_id: str, request: Mapping[str, Any], attempt: RequestAttempt, trigger: BatchTrigger
    ) -> dict[str, Any]:
        if request["input_file_id"] in self.refused:
            raise NotAccepted("The batch could not be started.")
        batch_id = self.made.setdefault(attempt.key, f"batch_{len(self.store.records) + 1}")
        at = ids.timestamp(self.world.now)
        batch = Batch(batch_id=batch_id, user_id=user_id, trigger=trigger, created_at=at)
        if self.store.get(batch.ref) is None:
            self.requests.append(request)
        return {"id": self.store.create(batch).batch_id}


@dataclass
class World:
    store: MemoryBatches = field(default_factory=MemoryBatches)
    runs: MemoryRuns = field(default_factory=MemoryRuns)
    notifier: MemoryNotifier = field(default_factory=MemoryNotifier)
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.service = Service(self.store, self)
        self.objects = MemoryObjects(lambda: self.now)

    @property
    def notified(self) -> list[Notification]:
        return self.notifier.sent

    def start(self, source: str, scheduled_at: str = TONIGHT, overlap: bool = False, **more: Any) -> ScheduledRun:
        self.now += timedelta(seconds=1)
        batches = ScheduledBatches(
            service=self.service,
            store=self.store,
            objects=self.objects,
            runs=self.runs,
            notifier=self.notifier,
            bucket="data",
            clock=lambda: self.now,
        )
        return batches.start(source, scheduled_at, overlap=overlap, **more)

    def put(self, *keys: str) -> None:
        for key in keys:
            self.objects.put(key, b"{}\n")

    def over(self, batch_id: str) -> None:
        alter(self.store, BatchRef(SCHEDULE_USER, batch_id), status=BatchStatus.COMPLETED)


def test_a_named_file_is_a_batch_at_each_run_and_one_however_often_it_is_delivered() -> None:
    world = World()
    world.put("inputs/night.jsonl")
    first = world.start("inputs/night.jsonl")
    assert first == ScheduledRun(("batch_1",))
    assert world.start("inputs/night.jsonl") == first
    world.over("batch_1")
    assert world.start("inputs/night.jsonl", TOMORROW).batches == ("batch_2",)
    assert world.notified == []
    (request, _) = world.service.requests
    assert request == {
        "input_file_id": "s3://data/inputs/night.jsonl",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "metadata": {},
    }


def test_the_schedule_owns_its_batches_and_may_say_what_it_wants() -> None:
    world = World()
    world.put("inputs/night.jsonl")
    world.start("inputs/night.jsonl", completion_window="6h", metadata={"backend": "gpu"})
    assert (world.service.requests[0]["completion_window"], world.service.requests[0]["metadata"]) == (
        "6h",
        {"backend": "gpu"},
    )
    (open_batch,) = world.store.open_batches()
    assert (open_batch.user_id, open_batch.trigger) == (SCHEDULE_USER, "schedule")


def test_a_prefix_is_a_batch_for_each_new_or_changed_file() -> None:
    world = World()
    world.put("inputs/nightly/a.jsonl", "inputs/nightly/b.jsonl", "inputs/other/c.jsonl")
    world.objects.put("inputs/nightly/", b"")  # what the console makes for a folder
    assert world.start("inputs/nightly/").batches == ("batch_1", "batch_2")
    world.over("batch_1")
    world.over("batch_2")
    world.objects.put("inputs/nightly/b.jsonl", b'{"changed": true}\n')
    world.put("inputs/nightly/d.jsonl")
    assert len(world.start("inputs/nightly/", TOMORROW).batches) == 2
    assert [one["input_file_id"].rpartition("/")[2] for one in world.service.requests] == [
        "a.jsonl",
        "b.jsonl",
        "b.jsonl",
        "d.jsonl",
    ]


def test_a_run_without_a_file_is_told() -> None:
    world = World()
    assert world.start("inputs/night.jsonl").skipped == "no_file"
    assert world.start("inputs/nightly/").skipped == "no_file"
    assert ["no such file" in one.message for one in world.notified] == [True, False]
    world.start("inputs/nightly/")  # delivered again: people are not told twice
    assert len(world.notified) == 2


def test_runs_do_not_overlap_unless_it_is_allowed() -> None:
    world = World()
    world.put("inputs/night.jsonl")
    world.start("inputs/night.jsonl")
    skipped = world.start("inputs/night.jsonl", TOMORROW)
    assert skipped == ScheduledRun(skipped="overlap")
    (notified,) = world.notified
    assert "skipped" in notified.subject and "batch_1" in notified.message
    assert world.start("inputs/night.jsonl", "later", overlap=True).batches == ("batch_2",)


def test_a_batch_that_is_over_and_not_stored_yet_is_not_open() -> None:
    world = World()
    world.put("inputs/night.jsonl")
    world.start("inputs/night.jsonl")
    world.over("batch_1")
    assert len(world.store.open_batches()) == 1
    assert world.start("inputs/night.jsonl", TOMORROW).skipped is None


def test_a_run_that_fails_half_way_is_told_raised_and_completed_by_the_next_delivery() -> None:
    world = World()
    world.put("inputs/nightly/a.jsonl", "inputs/nightly/b.jsonl")
    world.service.refused = {"s3://data/inputs/nightly/a.jsonl"}
    with pytest.raises(ScheduledBatchNotStarted, match=r"1 started, not started: inputs/nightly/a\.jsonl"):
        world.start("inputs/nightly/")
    assert len(world.notified) == 1
    world.service.refused = set()
    assert world.start("inputs/nightly/").batches == ("batch_2",)  # b.jsonl is no overlap of its own run
    assert len(world.service.requests) == 2


def test_a_failure_is_raised_although_nobody_can_be_told() -> None:
    class Mute(World):
        def send(self, subject: str, message: str) -> None:
            raise ConnectionError

    class Broken(MemoryRuns):
        def begin(self, source: str, scheduled_at: str, now: datetime) -> dict[str, Any]:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        Mute(runs=Broken()).start("inputs/night.jsonl")


@pytest.fixture(params=["dynamodb", "memory"])
def runs(request: pytest.FixtureRequest, aws: Aws) -> Runs:
    return ScheduleStore(aws.items) if request.param == "dynamodb" else MemoryRuns()


def test_the_table_and_its_twin_remember_runs_alike(runs: Runs) -> None:
    first = runs.begin("inputs/a", TONIGHT, NOW)
    assert first == Run(ids.timestamp(NOW))
    runs.end("inputs/a", TONIGHT, ["batch_1"])
    again = runs.begin("inputs/a", TONIGHT, NOW + timedelta(minutes=1))
    assert again == Run(first.started_at, ("batch_1",))
    assert runs.begin("inputs/a", TOMORROW, NOW).batches is None
    assert runs.begin("inputs/b", TONIGHT, NOW).batches is None


def test_the_table_and_its_twin_remember_inputs_by_their_content(runs: Runs) -> None:
    assert not runs.was_run("inputs/a", "e1")
    runs.note_run("inputs/a", "e1", "batch_1")
    assert runs.was_run("inputs/a", "e1")
    assert not runs.was_run("inputs/a", "e2")
    assert not runs.was_run("inputs/b", "e1")
