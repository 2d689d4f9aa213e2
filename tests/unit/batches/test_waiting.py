"""What a session's end means for batches: a failed round plans again, a good end gets a successor."""

from dataclasses import replace
from datetime import timedelta

import pytest

from foreverus import ids
from foreverus.aws.step_functions import MemoryTasks
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.records import BatchRef, BatchStatus, Shard
from foreverus.batches.waiting import WaitingBatches
from foreverus.sessions.closing import Successor
from foreverus.sessions.pending import PendingBatch
from foreverus.sessions.records import Outcome, Session, Trigger
from tests.unit.batches.altering import alter
from tests.unit.batches.test_serving import REF, in_progress
from tests.unit.conftest import NOW

ENDED = Session(session_id="ses_1", owner="bia", outcome=Outcome.MAX_LIFE)


@pytest.fixture
def store() -> MemoryBatches:
    made = MemoryBatches()
    in_progress(made, gpus=2, on_demand=True)
    made.offer(REF, 1, "token", NOW)
    return made


def waiting(store: MemoryBatches, *live: str, token: str = "token") -> tuple[WaitingBatches, MemoryTasks]:
    tasks = MemoryTasks()
    tasks.open.add(token)
    return WaitingBatches(store, store.pending, tasks, lambda: list(live)), tasks


def test_a_failed_session_ends_the_round_in_its_error(store: MemoryBatches) -> None:
    batches, tasks = waiting(store)
    assert batches.reject_all("ses_1", "GpuQuotaExceeded") == 1
    ((token, code, cause),) = tasks.results
    assert (token, code) == ("token", "GpuQuotaExceeded")
    assert "ses_1" in cause and "L-3819A6DF" in cause
    assert store.pending.batches() == []
    assert batches.reject_all("ses_1", "GpuQuotaExceeded") == 0


def test_a_round_that_has_moved_on_is_nobodys_error(store: MemoryBatches) -> None:
    batches, tasks = waiting(store, token="another")
    assert batches.reject_all("ses_1", "BootFailed") == 0
    assert tasks.results == []
    assert store.pending.batches() == []


def test_switching_the_gpu_off_ends_what_waited_then_and_nothing_that_came_later(store: MemoryBatches) -> None:
    batches, _ = waiting(store)
    earlier = ids.timestamp(NOW - timedelta(seconds=1))
    assert batches.reject_all("ses_1", "SessionEndRequested", until=earlier) == 0
    assert len(store.pending.batches()) == 1
    assert batches.reject_all("ses_1", "SessionEndRequested", until=ids.timestamp(NOW)) == 1


def test_off_means_off_for_a_batch_that_was_planned_again_since(store: MemoryBatches) -> None:
    store.put_shards(REF.batch_id, [Shard(0, 1, 1, 0, 9)])
    store.worked_on(REF.batch_id, 0, "ses_1")
    batches, _ = waiting(store)
    earlier = ids.timestamp(NOW - timedelta(seconds=1))
    assert batches.reject_all("ses_1", "SessionEndRequested", until=earlier) == 1


@pytest.mark.parametrize(
    ("by", "named"), [("ana", "SessionEndRequested"), ("bia", "GpuSwitchedOff"), ("", "SessionEndRequested")]
)
@pytest.mark.parametrize("served", [True, False])
def test_a_gpu_that_somebody_else_switches_off_ends_the_round_and_not_the_batch(
    store: MemoryBatches, by: str, named: str, served: bool
) -> None:
    """Ana's batch."""
    if served:
        store.put_shards(REF.batch_id, [Shard(0, 1, 1, 0, 9)])
        store.worked_on(REF.batch_id, 0, "ses_1")
    batches, tasks = waiting(store)
    assert batches.reject_all("ses_1", "SessionEndRequested", ids.timestamp(NOW), by) == 1
    ((_, code, cause),) = tasks.results
    assert code == named and "switched off" in cause.replace("switched the GPU off", "switched off")
    assert store.pending.batches() == []


def test_a_gpu_that_was_switched_off_is_not_bought_again_where_another_is_live(store: MemoryBatches) -> None:
    ended = replace(ENDED, outcome=Outcome.ENDED, end_requested=True)
    assert waiting(store, "ses_2")[0].successor(ended) is None
    assert waiting(store)[0].successor(ended) is not None, "what came after the end was requested"


@pytest.mark.parametrize("outcome", ["max_life", "ended", "interrupted"])
def test_a_session_that_ends_well_under_a_batch_gets_a_successor(store: MemoryBatches, outcome: str) -> None:
    expected = Successor("ana", Trigger.BATCH, allow_on_demand=True, batch_id="batch_1", gpus=2)
    assert waiting(store, "ses_2")[0].successor(replace(ENDED, outcome=Outcome(outcome))) == expected


def test_an_idle_gpu_is_followed_only_when_no_other_is_live(store: MemoryBatches) -> None:
    idle = replace(ENDED, outcome=Outcome.IDLE)
    assert waiting(store, "ses_2")[0].successor(idle) is None
    assert waiting(store)[0].successor(idle) is not None
    store.stop_waiting(REF)
    assert waiting(store)[0].successor(idle) is None


def test_a_promise_that_a_crash_left_buys_no_gpu(store: MemoryBatches) -> None:
    alter(store, REF, status=BatchStatus.COMPLETED)
    assert waiting(store)[0].successor(ENDED) is None
    assert store.pending.batches() == []
    store.pending.add(PendingBatch(batch_id="batch_0", user_id="ana", created_at=ids.timestamp(NOW)))
    assert waiting(store)[0].successor(ENDED) is None
    assert store.get(BatchRef("ana", "batch_0")) is None
