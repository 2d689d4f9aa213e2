"""The sweep: a batch whose caretaker crashed comes to its end all the same."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from foreverus import ids
from foreverus.aws.step_functions import MemoryExecutions, MemoryTasks, StepFunctionsMachine
from foreverus.batches.execution_error import ExecutionError
from foreverus.batches.finishing import BatchEnd, FinishedBatch, outbox_entry
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.records import Batch, BatchRef, BatchStatus
from foreverus.batches.waiting import WaitingBatches
from foreverus.errors import NotAccepted, SpendCapReached
from foreverus.notifications.notification import MemoryNotifier, Notification
from foreverus.notifications.outbox import MemoryOutbox, Subject
from foreverus.sweeps.batches import AbandonedBatches, BatchesWithoutGpu, UnnotifiedBatches
from foreverus.sweeps.sweep import SweepFailed, sweep
from tests.unit.batches.altering import alter, known, next_round
from tests.unit.batches.test_serving import Starter
from tests.unit.conftest import NOW, Aws

REF = BatchRef("ana", "batch_1")


@dataclass
class Finisher:
    store: MemoryBatches
    errors: list[ExecutionError | None] = field(default_factory=list)

    def finish(self, ref: BatchRef, status: BatchStatus, error: ExecutionError | None = None) -> FinishedBatch:
        self.errors.append(error)
        alter(self.store, ref, status=status)
        return FinishedBatch(ref.batch_id, status, Notification("over", status))


@dataclass
class World:
    store: MemoryBatches = field(default_factory=MemoryBatches)
    executions: MemoryExecutions = field(default_factory=MemoryExecutions)
    starter: Starter = field(default_factory=Starter)
    tasks: MemoryTasks = field(default_factory=MemoryTasks)
    live: list[str] = field(default_factory=list)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    notifier: MemoryNotifier = field(default_factory=MemoryNotifier)
    now: datetime = NOW + timedelta(minutes=3)

    def __post_init__(self) -> None:
        self.finisher = Finisher(self.store)

    def add(self, batch_id: str = "batch_1", status: str = "validating", **changes: Any) -> None:
        about = {"status": BatchStatus(status), "created_at": ids.timestamp(NOW), **changes}
        self.store.create(Batch(batch_id=batch_id, user_id="ana", **about))

    def waits_for_a_gpu(self) -> None:
        self.add(status="in_progress", on_demand=True)
        self.executions.start("batch_1", {})
        self.store.begin_round(REF, next_round(1, on_demand=True))
        self.store.offer(REF, 1, "token", NOW)
        self.tasks.open.add("token")

    def notified(self) -> list[str]:
        return [one.subject for one in self.notifier.sent]

    def sweep(self) -> list[str]:
        """What it did, whatever the duty."""
        waiting = WaitingBatches(self.store, self.store.pending, self.tasks, lambda: self.live)
        end = BatchEnd(self.finisher, self.outbox, self.notifier)
        done = sweep(
            {
                "abandoned": AbandonedBatches(self.store, self.executions, end, lambda: self.now),
                "unnotified": UnnotifiedBatches(self.store, self.outbox, self.executions, end),
                "without a GPU": BatchesWithoutGpu(
                    self.store, self.store.pending, self.starter, waiting, lambda: self.live
                ),
            }
        )
        return [what for did in done.values() for what in did]


def test_a_batch_whose_execution_was_never_started_is_started() -> None:
    world = World()
    world.add()
    assert world.sweep() == ["batch_1 started"]
    assert world.executions.requests == {"batch_1": {"batch_id": "batch_1", "user_id": "ana"}}
    assert world.sweep() == []


def test_a_batch_that_was_created_just_now_is_left_alone() -> None:
    world = World(now=NOW + timedelta(minutes=1))
    world.add()
    assert world.sweep() == []
    assert world.executions.statuses == {}


@pytest.mark.parametrize("status", ["FAILED", "ABORTED", "TIMED_OUT", "SUCCEEDED"])
def test_a_batch_that_outlived_its_execution_is_finished_and_people_are_told(status: str) -> None:
    world = World()
    world.add(status="in_progress")
    world.executions.statuses["batch_1"] = status
    assert world.sweep() == ["batch_1 finished"]
    assert known(world.store, REF).status == "failed"
    (error,) = world.finisher.errors
    assert error and error.name == "BatchRunLost" and status in error.cause
    assert world.notified() == ["over"]
    assert world.sweep() == []


def test_whoever_is_finishing_it_is_given_time() -> None:
    world = World()
    world.add(status="finalizing", finalizing_at=ids.timestamp(NOW))
    world.executions.statuses["batch_1"] = "FAILED"
    assert world.sweep() == []
    world.now = NOW + timedelta(minutes=21)
    assert world.sweep() == ["batch_1 finished"]


def test_a_batch_that_is_over_or_runs_is_nobodys_business() -> None:
    world = World()
    world.add(status="completed")
    world.add("batch_2", status="in_progress")
    world.executions.start("batch_2", {})
    assert world.sweep() == []


def test_people_are_told_of_an_end_that_its_execution_could_not_tell_any_more() -> None:
    world = World()
    world.add(status="completed")
    world.outbox.add(outbox_entry(REF))
    world.executions.statuses["batch_1"] = "RUNNING"
    assert (world.sweep(), world.notified()) == ([], []), "its execution does it itself"
    world.executions.statuses["batch_1"] = "FAILED"
    world.notifier.fail_next(ConnectionError())
    with pytest.raises(SweepFailed, match="batch_1"):
        world.sweep()
    assert (world.sweep(), world.notified()) == (["batch_1 notified"], ["over"])
    assert world.finisher.errors[-1] is None, "what was left undone beside it is done"
    assert (world.sweep(), world.notified()) == ([], ["over"])


def test_nobody_is_told_of_a_batch_that_is_not_there() -> None:
    world = World()
    world.outbox.add(outbox_entry(REF))
    assert world.sweep() == world.notified() == world.outbox.entries(Subject.BATCHES) == []


def test_an_open_item_without_a_batch_is_removed() -> None:
    world = World()
    world.add()
    world.store.records.clear()
    world.sweep()
    assert world.store.open_batches() == []


def test_a_batch_that_waits_and_no_gpu_lives_gets_one() -> None:
    world = World()
    world.waits_for_a_gpu()
    assert world.sweep() == ["batch_1 got a session"]
    assert world.starter.started == [
        {"owner": "ana", "trigger": "batch", "allow_on_demand": True, "batch_id": "batch_1"}
    ]
    world.live.append("ses_1")
    assert world.sweep() == []


def test_a_start_that_is_refused_is_tried_again_at_the_next_sweep() -> None:
    world = World(starter=Starter(error=NotAccepted("not now")))
    world.waits_for_a_gpu()
    assert world.sweep() == []
    assert len(world.store.pending.batches()) == 1
    assert world.tasks.results == []


def test_at_the_cap_what_waits_for_a_gpu_plans_again() -> None:
    world = World(starter=Starter(error=SpendCapReached("no")))
    world.waits_for_a_gpu()
    assert world.sweep() == ["batch_1 refused a session: the spend cap is reached"]
    ((token, code, cause),) = world.tasks.results
    assert (token, code) == ("token", "SpendCapReached") and "MonthlyCapUsd" in cause


def test_a_stale_promise_buys_no_gpu() -> None:
    world = World()
    world.waits_for_a_gpu()
    alter(world.store, REF, status=BatchStatus.CANCELLING)
    assert world.sweep() == []
    assert world.starter.started == []


def test_one_batch_that_cannot_be_rescued_stops_no_other() -> None:
    class Broken(MemoryExecutions):
        def status(self, batch_id: str) -> str | None:
            if batch_id == "batch_1":
                raise ConnectionError
            return super().status(batch_id)

    world = World(executions=Broken())
    world.add()
    world.add("batch_2")
    with pytest.raises(SweepFailed, match="batch_1"):
        world.sweep()
    assert "batch_2" in world.executions.statuses


def test_executions_are_asked_by_the_batchs_name(aws: Aws) -> None:
    executions = StepFunctionsMachine(boto3.client("stepfunctions"), aws.gpu_session_arn)
    assert executions.status("batch_1") is None
    executions.start("batch_1", {"batch_id": "batch_1"})
    executions.start("batch_1", {"batch_id": "batch_1"})
    assert executions.status("batch_1") == "RUNNING"
