"""The table and its twin behave alike: everything that is built on one is proved on the other."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import Table
from foreverus.backends.port import TokenUsage
from foreverus.batches.input.lines import CHAT
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.model import new_batch
from foreverus.batches.plan.records import LearnedSpeed, NextRound, RoundStart, Setbacks
from foreverus.batches.records import (
    Batch,
    BatchOutcome,
    BatchRef,
    BatchResult,
    BatchStatus,
    BatchTrigger,
    ErrorEntry,
    GpuOnly,
    LineError,
    LineResult,
    Shard,
    ShardProgress,
    ValidatedInput,
    sessions_of,
)
from foreverus.batches.store import Batches, BatchStore
from foreverus.choice.records import NextStep
from foreverus.sessions.pending import PendingWorkStore
from tests.unit.batches.altering import known, next_round
from tests.unit.conftest import Aws

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
REF = BatchRef("ana", "batch_1")
REQUEST = {"input_file_id": "file_1", "endpoint": CHAT, "completion_window": "24h"}
FOUND = ValidatedInput(
    gpu_only=GpuOnly("body.temperature", 2),
    total=250,
    shards=3,
    model="mistral-7b",
    prompt_tokens_estimate=900,
    completion_tokens_limit=9_000,
)


@pytest.fixture(params=["dynamodb", "memory"])
def batches(request: pytest.FixtureRequest, aws: Aws) -> Batches:
    return BatchStore(aws.items) if request.param == "dynamodb" else MemoryBatches()


def record(batch_id: str = "batch_1", **more: Any) -> Batch:
    return replace(new_batch(batch_id, "ana", REQUEST, NOW), **more)


def test_a_batch_is_kept_once_under_its_id(batches: Batches) -> None:
    assert batches.create(record()) == record()
    batches.validated(REF, FOUND, NOW)
    assert batches.create(record()).status is BatchStatus.IN_PROGRESS
    (found,) = batches.open_batches()
    assert (found.ref, found.created_at, found.trigger) == (REF, ids.timestamp(NOW), BatchTrigger.API)
    batches.close_open("batch_1")
    assert batches.open_batches() == []


def test_a_discarded_batch_leaves_nothing_and_its_id_can_be_used_again(batches: Batches) -> None:
    batches.create(record())
    assert batches.discard(REF)
    assert batches.get(REF) is None
    assert batches.open_batches() == []
    assert batches.create(record()) == record()


def test_a_batch_that_has_been_brought_further_is_not_discarded(batches: Batches) -> None:
    batches.create(record())
    batches.validated(REF, FOUND, NOW)
    assert not batches.discard(REF)
    assert [one.batch_id for one in batches.open_batches()] == ["batch_1"]


def test_lists_are_newest_first_and_page(batches: Batches) -> None:
    for number in range(1, 6):
        batches.create(record(f"batch_{number}"))
    assert [one.batch_id for one in batches.newest("ana", 2)] == ["batch_5", "batch_4"]
    assert [one.batch_id for one in batches.newest("ana", 2, "batch_4")] == ["batch_3", "batch_2"]
    assert batches.newest("bia", 2) == []


def test_a_good_file_puts_the_batch_in_progress(batches: Batches) -> None:
    batches.create(record())
    batches.validated(REF, FOUND, LATER)
    at = ids.timestamp(LATER)
    expected = record(
        status=BatchStatus.IN_PROGRESS, total=250, model="mistral-7b", in_progress_at=at, gpu_only=FOUND.gpu_only
    )
    assert batches.get(REF) == expected
    batches.create(record("batch_2"))
    cancelled = BatchRef("ana", "batch_2")
    assert batches.cancel(cancelled, NOW)
    batches.validated(cancelled, FOUND, LATER)
    assert (known(batches, cancelled).status, known(batches, cancelled).total) == (BatchStatus.CANCELLING, 250)


def test_a_bad_file_is_the_end_unless_the_batch_has_moved_on(batches: Batches) -> None:
    batches.create(record())
    errors = [ErrorEntry("invalid_json", "No JSON.", None, 3), ErrorEntry("empty_file", "Nothing.")]
    batches.reject_input(REF, errors, 250, LATER)
    failed = known(batches, REF)
    assert (failed.status, failed.ended_at) == (BatchStatus.FAILED, ids.timestamp(LATER))
    assert (failed.errors, failed.errors_total) == (tuple(errors), 250)
    batches.reject_input(REF, errors[:1], 1, NOW)
    batches.validated(REF, FOUND, NOW)
    assert batches.cancel(REF, NOW) is None
    assert batches.get(REF) == failed


def test_of_two_ends_the_first_one_stands(batches: Batches) -> None:
    batches.create(record())
    batches.validated(REF, FOUND, NOW)
    batches.begin_round(REF, next_round(1))
    assert batches.offer(REF, 1, "token", NOW)
    finalizing = batches.finalize(REF, LATER)
    assert finalizing and (finalizing.status, finalizing.task_token) == (BatchStatus.FINALIZING, "")
    assert batches.finalize(REF, LATER) is None
    result = BatchResult(
        completed=249,
        failed=1,
        usage=TokenUsage(2_500, 5_000),
        on_gpu=200,
        on_bedrock=49,
        bedrock_usd=0.25,
        output_file_id="file_out",
    )
    ending = BatchOutcome(status=BatchStatus.COMPLETED, result=result)
    assert batches.end(REF, ending, (BatchStatus.CANCELLING,), LATER) is None
    ended = batches.end(REF, ending, (BatchStatus.FINALIZING,), LATER)
    assert ended and (ended.status, ended.result, ended.errors) == (BatchStatus.COMPLETED, result, ())
    assert batches.end(REF, ending, (BatchStatus.FINALIZING,), LATER) is None
    assert batches.get(REF) == ended
    batches.count_store_try(REF, 2)
    assert known(batches, REF).store_tries == 2
    assert batches.end(BatchRef("ana", "batch_9"), ending, (), NOW) is None


def test_rounds_follow_each_other_and_an_old_token_is_not_kept(batches: Batches) -> None:
    batches.create(record())
    batches.validated(REF, FOUND, NOW)
    first = NextRound(
        number=1,
        start=RoundStart(planned=NextStep.GPU, began_at="then", finished_before=3, tokens_before=40),
        choice={"reason": "cheaper", "gpu_usd": 0.25, "gpu_live": False},
        choice_text="gpu: cheaper",
        gpus=2,
        on_demand=True,
        backend="gpu",
        setbacks=Setbacks(gpu_failures=1, pauses=2, no_capacity_until="later", most_gpus=1),
    )
    assert batches.begin_round(REF, first)
    assert not batches.begin_round(REF, first)
    begun = known(batches, REF)
    assert (begun.round, begun.newest_round, begun.setbacks) == (1, first.start, first.setbacks)
    assert (begun.choice, begun.choice_text) == (first.choice, first.choice_text)
    assert (begun.gpus, begun.on_demand, begun.backend) == (2, True, "gpu")
    assert batches.offer(REF, 1, "token-1", NOW)
    assert known(batches, REF).task_token == "token-1"
    progress = replace(first.setbacks, gpu_failures=0, pauses=0)
    waiting = replace(next_round(2, NextStep.WAIT, setbacks=progress), backend=None)
    assert batches.begin_round(REF, waiting)
    assert (known(batches, REF).task_token, known(batches, REF).backend) == ("", "gpu")
    assert known(batches, REF).setbacks == progress
    assert not batches.offer(REF, 1, "token-1", NOW)
    batches.cancel(REF, NOW)
    assert not batches.offer(REF, 2, "token-2", NOW)


def test_what_a_plan_fails_of_is_noted(batches: Batches) -> None:
    batches.create(record())
    errors = (ErrorEntry("gpu_quota_exceeded", "Raise it."),)
    batches.note_setbacks(REF, Setbacks(gpu_failures=3, gpu_barred="GpuQuotaExceeded"), errors)
    noted = known(batches, REF)
    assert (noted.setbacks, noted.errors) == (Setbacks(gpu_failures=3, gpu_barred="GpuQuotaExceeded"), errors)


def test_shards_count_their_lines_and_stay_done(batches: Batches) -> None:
    batches.create(record())
    batches.put_shards("batch_1", [Shard(n, 1 + n, 1, n, n + 1, completion_tokens_limit=9) for n in (1, 0)])
    assert batches.shards("batch_1") == [Shard(n, 1 + n, 1, n, n + 1, completion_tokens_limit=9) for n in (0, 1)]
    batches.progress(
        REF,
        0,
        ShardProgress(completed=1, prompt_tokens=10, completion_tokens=5, session_id="ses_1", slot_seconds=1.5),
        done=False,
    )
    batches.progress(
        REF,
        0,
        ShardProgress(
            completed=1, failed=1, prompt_tokens=12, completion_tokens=6, session_id="ses_1", slot_seconds=0.5
        ),
        done=True,
    )
    batches.progress(REF, 0, ShardProgress(), done=False)  # a late word of a lost worker
    first = batches.shards("batch_1")[0]
    assert (first.status, first.completed, first.failed, first.slot_seconds) == ("done", 1, 1, {"ses_1": 2.0})
    assert (first.is_done, first.finished, first.lines, first.completion_tokens_limit) == (True, 2, 1, 9)


def test_lines_are_finished_once_each_and_suspects_are_counted(batches: Batches) -> None:
    refused = LineResult(61, "c61", "ses_1", error=LineError("content_filter", "no"))
    batches.keep_results("batch_1", 0, [*(LineResult(n, f"c{n}", text="a") for n in range(1, 61)), refused], NOW)
    batches.keep_results("batch_1", 0, [LineResult(7, "c7", "bedrock", "", "b", "length", 3, 4)], NOW)
    assert batches.suspect("batch_1", 0, 62) == 1
    assert batches.suspect("batch_1", 0, 62) == 2
    finished = batches.finished("batch_1", 0)
    assert sorted(finished.results) == list(range(1, 62))
    assert finished.results[7] == LineResult(7, "c7", "bedrock", "", "b", "length", 3, 4)
    assert finished.results[61] == refused
    assert finished.suspects == {62: 2}
    assert batches.finished("batch_1", 1).results == {}


def test_a_session_that_works_on_it_is_remembered(batches: Batches) -> None:
    batches.create(record())
    batches.put_shards("batch_1", [Shard(0, 1, 2, 0, 20), Shard(1, 3, 2, 20, 40)])
    batches.worked_on("batch_1", 0, "ses_1")
    batches.progress(REF, 0, ShardProgress(completed=1, session_id="ses_1", slot_seconds=2.5), done=False)
    batches.worked_on("batch_1", 0, "ses_1")
    batches.worked_on("batch_1", 1, "ses_2")
    shards = batches.shards("batch_1")
    assert [dict(one.slot_seconds) for one in shards] == [{"ses_1": 2.5}, {"ses_2": 0.0}], "what it gave stays"
    assert sessions_of(known(batches, REF), shards) == {"ses_1", "ses_2"}
    assert known(batches, REF).sessions == frozenset(), "a worker writes nothing into a person's record"
    batches.note_sessions(REF, frozenset({"ses_1"}))
    batches.note_sessions(REF, frozenset())
    batches.note_sessions(REF, frozenset({"ses_1", "ses_2"}))
    assert known(batches, REF).sessions == {"ses_1", "ses_2"} == sessions_of(known(batches, REF), [])


def test_a_speed_is_known_once_it_was_measured(batches: Batches) -> None:
    batches.note_speed("g6.xlarge", LearnedSpeed(452.5, 90.0))
    batches.note_speed("bedrock", LearnedSpeed(1_000.0))
    assert batches.speed("g6.xlarge") == LearnedSpeed(452.5, 90.0)
    assert batches.speed("bedrock") == LearnedSpeed(1_000.0)
    assert batches.speed("g5.xlarge") == LearnedSpeed()


def test_a_batch_waits_until_it_does_not(aws: Aws) -> None:
    batches = BatchStore(aws.items)
    batches.create(record(status=BatchStatus.IN_PROGRESS, round=1))
    assert batches.offer(REF, 1, "token", NOW)
    assert [one.batch_id for one in PendingWorkStore(aws.items).batches()] == ["batch_1"]
    batches.stop_waiting(REF)
    assert list(aws.items.query(keys.PENDING)) == []


def test_a_change_deletes_nothing_that_it_does_not_know(aws: Aws) -> None:
    batches = BatchStore(aws.items)
    batches.create(record())
    key = keys.batch_key("ana", "batch_1")
    aws.items.update(key, "SET colour = :c", {":c": "blue"})
    batches.validated(REF, FOUND, NOW)
    batches.begin_round(REF, next_round(1))
    batches.finalize(REF, NOW)
    assert (aws.items.get(key) or {})["colour"] == "blue"


class Reluctant:
    """A client that leaves the last put of each request unwritten, for a while."""

    def __init__(self, times: int):
        self.times = times
        self.written: list[Any] = []

    def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:
        ((name, puts),) = RequestItems.items()
        left = puts[-1:] if self.times else []
        self.times -= bool(left)
        self.written += puts[: len(puts) - len(left)]
        return {"UnprocessedItems": {name: left} if left else {}}


def test_what_dynamodb_leaves_unwritten_is_sent_again() -> None:
    client, pauses = Reluctant(3), []
    Table(client, "t", sleep=pauses.append).put_all([{"pk": "p", "sk": str(n)} for n in range(60)])
    assert sorted(put["PutRequest"]["Item"]["sk"]["S"] for put in client.written) == sorted(map(str, range(60)))
    assert len(pauses) == 3
    with pytest.raises(ClientError):
        Table(Reluctant(100), "t", sleep=pauses.append).put_all([{"pk": "p", "sk": "s"}])


def test_lines_are_forgotten_of_one_batch_alone(batches: Batches) -> None:
    for batch_id in ("batch_1", "batch_2"):
        batches.create(record(batch_id))
        batches.put_shards(batch_id, [Shard(n, 30 * n + 1, 30, n, n + 1) for n in range(2)])
        for shard in range(2):
            lines = [LineResult(30 * shard + n, f"c{n}", by="ses_1", text="!") for n in range(1, 31)]
            batches.keep_results(batch_id, shard, lines, NOW)
            batches.suspect(batch_id, shard, 30 * shard + 1)
    for _ in range(2):
        batches.forget_lines("batch_1")
    assert [len(batches.finished(one, n).results) for one in ("batch_1", "batch_2") for n in range(2)] == [0, 0, 30, 30]
    assert batches.finished("batch_1", 0).suspects == {}
    assert len(batches.shards("batch_1")) == 2
