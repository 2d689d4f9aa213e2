"""The table and its twin behave alike: everything that is built on one is proved on the other."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import Table
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.records import BatchRef, LineError, LineResult, Progress, Shard
from foreverus.batches.store import Batches, BatchStore
from foreverus.sessions.pending import PendingWorkStore
from tests.unit.conftest import Aws

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
REF = BatchRef("ana", "batch_1")


@pytest.fixture(params=["dynamodb", "memory"])
def batches(request: pytest.FixtureRequest, aws: Aws) -> Batches:
    return BatchStore(aws.items) if request.param == "dynamodb" else MemoryBatches()


def record(batch_id: str = "batch_1", **more: Any) -> dict[str, Any]:
    fields = {"batch_id": batch_id, "user_id": "ana", "status": "validating", "round": 0, "trigger": "api"}
    return {**fields, "created_at": ids.timestamp(NOW), **more}


def test_an_idempotency_key_makes_one_batch(batches: Batches) -> None:
    key = keys.idempotency_key("ana", "batches", "once")
    assert batches.create(record(), key, NOW)["batch_id"] == "batch_1"
    assert batches.create(record("batch_2"), key, NOW)["batch_id"] == "batch_1"
    assert batches.get(BatchRef("ana", "batch_2")) is None
    assert [item["batch_id"] for item in batches.open_batches()] == ["batch_1"]
    batches.close_open("batch_1")
    assert batches.open_batches() == []


def test_a_discarded_batch_leaves_nothing_and_its_key_can_be_used_again(batches: Batches) -> None:
    key = keys.idempotency_key("ana", "batches", "once")
    batches.create(record(), key, NOW)
    assert batches.discard(REF, key)
    assert batches.get(REF) is None
    assert batches.open_batches() == []
    assert batches.create(record("batch_2"), key, NOW)["batch_id"] == "batch_2"


def test_a_batch_that_has_been_brought_further_is_not_discarded(batches: Batches) -> None:
    key = keys.idempotency_key("ana", "batches", "once")
    batches.create(record(), key, NOW)
    batches.change(REF, {"status": "in_progress"})
    assert not batches.discard(REF, key)
    assert [item["batch_id"] for item in batches.open_batches()] == ["batch_1"]
    assert batches.create(record("batch_2"), key, NOW)["status"] == "in_progress"


def test_lists_are_newest_first_and_page(batches: Batches) -> None:
    for number in range(1, 6):
        batches.create(record(f"batch_{number}"), None, NOW)
    assert [item["batch_id"] for item in batches.newest("ana", 2)] == ["batch_5", "batch_4"]
    assert [item["batch_id"] for item in batches.newest("ana", 2, "batch_4")] == ["batch_3", "batch_2"]
    assert batches.newest("bia", 2) == []


def test_a_change_is_refused_when_the_batch_has_moved_on(batches: Batches) -> None:
    batches.create(record(), None, NOW)
    changed = batches.change(REF, {"status": "in_progress"}, status_in=("validating",))
    assert changed and changed["status"] == "in_progress"
    assert batches.change(REF, {"status": "failed"}, status_in=("validating", "cancelling")) is None
    assert batches.change(REF, {"errors": []}, remove=["trigger"]) is not None
    assert "trigger" not in (batches.get(REF) or {})
    assert batches.change(BatchRef("ana", "batch_9"), {"status": "failed"}) is None


def test_rounds_follow_each_other_and_an_old_token_is_not_kept(batches: Batches) -> None:
    batches.create(record(status="in_progress"), None, NOW)
    assert batches.begin_round(REF, 1, {"backend": "gpu"})
    assert not batches.begin_round(REF, 1, {"backend": "gpu"})
    assert batches.offer(REF, 1, "token-1", NOW)
    assert (batches.get(REF) or {})["task_token"] == "token-1"
    assert batches.begin_round(REF, 2, {"backend": "bedrock"})
    assert "task_token" not in (batches.get(REF) or {})
    assert not batches.offer(REF, 1, "token-1", NOW)
    batches.change(REF, {"status": "cancelling"})
    assert not batches.offer(REF, 2, "token-2", NOW)


def test_shards_count_their_lines_and_stay_done(batches: Batches) -> None:
    batches.create(record(), None, NOW)
    batches.put_shards("batch_1", [Shard(n, 1 + n, 1, n, n + 1, completion_tokens_limit=9) for n in (1, 0)])
    assert batches.shards("batch_1") == [Shard(n, 1 + n, 1, n, n + 1, completion_tokens_limit=9) for n in (0, 1)]
    batches.progress(REF, 0, Progress(1, 0, 10, 5, session_id="ses_1", slot_seconds=1.5), done=False)
    batches.progress(REF, 0, Progress(1, 1, 12, 6, session_id="ses_1", slot_seconds=0.5), done=True)
    batches.progress(REF, 0, Progress(0, 0, 0, 0), done=False)  # a late word of a lost worker
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
    batches.create(record(), None, NOW)
    batches.worked_on(REF, "ses_1")
    batches.worked_on(REF, "ses_1")
    assert (batches.get(REF) or {})["sessions"] == {"ses_1"}
    batches.note_pace("g6.xlarge", {"tokens_per_second": 452.5})
    assert (batches.pace("g6.xlarge") or {})["tokens_per_second"] == 452.5
    assert batches.pace("g5.xlarge") is None


def test_an_offered_round_waits_until_the_batch_does_not(aws: Aws) -> None:
    batches = BatchStore(aws.items)
    batches.create(record(status="in_progress", round=1), None, NOW)
    assert batches.offer(REF, 1, "token", NOW)
    assert [one.batch_id for one in PendingWorkStore(aws.items).batches()] == ["batch_1"]
    batches.stop_waiting(REF)
    assert list(aws.items.query(keys.PENDING)) == []


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
