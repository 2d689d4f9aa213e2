"""A round on the GPU: what is offered to whom, and what is answered at once."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from foreverus.aws.sqs import MemoryShards, ShardQueue
from foreverus.aws.step_functions import MemoryTasks
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.records import Batch, BatchRef, BatchStatus, Shard, ShardProgress
from foreverus.batches.serving import GpuRounds
from foreverus.batches.shards.queue import shard_message
from foreverus.errors import NotAccepted, SpendCapReached
from tests.unit.conftest import NOW, Aws

REF = BatchRef("ana", "batch_1")


@dataclass
class Starter:
    """Twin of SessionStarter: what was started, or the error that starting raises."""

    error: Exception | None = None
    no_more: Exception | None = None
    started: list[dict[str, Any]] = field(default_factory=list)

    def start(
        self, owner: str, trigger: str, *, allow_on_demand: bool = False, batch_id: str = ""
    ) -> tuple[dict[str, Any], bool]:
        if self.error:
            raise self.error
        session = {"owner": owner, "trigger": trigger, "allow_on_demand": allow_on_demand, "batch_id": batch_id}
        self.started.append(session)
        return session, True

    def start_more(self, owner: str, batch_id: str, count: int, allow_on_demand: bool = False) -> int:
        if self.no_more:
            raise self.no_more
        for _ in range(count - 1):
            self.start(owner, "batch", allow_on_demand=allow_on_demand, batch_id=batch_id)
        return count - 1


def in_progress(store: MemoryBatches, shards: int = 3, **changes: Any) -> None:
    """A batch in its first round on the GPU: the later a shard, the longer it is."""
    batch = Batch(user_id="ana", batch_id="batch_1", status=BatchStatus.IN_PROGRESS, round=1)
    store.create(replace(batch, **changes))
    parts = [Shard(n, 1 + n, 1, n, n + 1, completion_tokens_limit=10 * n) for n in range(shards)]
    store.put_shards("batch_1", parts)


def serving(store: MemoryBatches, starter: Starter) -> tuple[GpuRounds, MemoryShards, MemoryTasks]:
    queue, tasks = MemoryShards(), MemoryTasks()
    tasks.open.add("token")
    return GpuRounds(store, queue, starter, tasks, lambda: NOW), queue, tasks


def test_every_shard_that_is_not_done_is_queued_the_longest_first() -> None:
    store, starter = MemoryBatches(), Starter()
    in_progress(store)
    store.progress(REF, 1, ShardProgress(completed=1, prompt_tokens=1, completion_tokens=1), done=True)
    service, queue, tasks = serving(store, starter)
    service.serve(REF, 1, "token")
    assert queue.messages == [shard_message(REF, 2, 1), shard_message(REF, 0, 1)]
    assert [one.batch_id for one in store.pending.batches()] == ["batch_1"]
    assert store.records[REF].task_token == "token"
    assert starter.started == [{"owner": "ana", "trigger": "batch", "allow_on_demand": False, "batch_id": "batch_1"}]
    assert tasks.results == []


def test_a_backlog_that_is_worth_three_gpus_gets_them_on_demand_if_planned_so() -> None:
    store, starter = MemoryBatches(), Starter()
    in_progress(store, gpus=3, on_demand=True)
    serving(store, starter)[0].serve(REF, 1, "token")
    assert [one["allow_on_demand"] for one in starter.started] == [True] * 3


def test_the_second_gpu_is_a_luxury_and_the_first_is_not() -> None:
    store = MemoryBatches()
    in_progress(store, gpus=2)
    starter = Starter(no_more=NotAccepted("not now"))
    serving(store, starter)[0].serve(REF, 1, "token")
    assert len(starter.started) == 1
    with pytest.raises(SpendCapReached):
        serving(store, Starter(error=SpendCapReached("no")))[0].serve(REF, 1, "token")


def test_a_round_that_is_not_the_newest_is_answered_and_buys_nothing() -> None:
    store, starter = MemoryBatches(), Starter()
    in_progress(store, round=2)
    service, queue, tasks = serving(store, starter)
    service.serve(REF, 1, "token")
    assert tasks.results == [("token", "success", {"outcome": "moved_on"})]
    assert (queue.messages, starter.started, store.pending.batches()) == ([], [], [])
    service.serve(REF, 1, "token")  # nobody waits for it any more: no error


def test_a_batch_that_is_being_cancelled_is_not_offered() -> None:
    store, starter = MemoryBatches(), Starter()
    in_progress(store, status="cancelling")
    service, _, tasks = serving(store, starter)
    service.serve(REF, 1, "token")
    assert tasks.results == [("token", "success", {"outcome": "moved_on"})]
    assert starter.started == []


def test_nothing_is_left_so_nothing_is_waited_for() -> None:
    store, starter = MemoryBatches(), Starter()
    in_progress(store, shards=1)
    store.progress(REF, 0, ShardProgress(completed=1, prompt_tokens=1, completion_tokens=1), done=True)
    service, queue, tasks = serving(store, starter)
    service.serve(REF, 1, "token")
    assert tasks.results == [("token", "success", {"outcome": "done"})]
    assert (queue.messages, starter.started, store.pending.batches()) == ([], [], [])


class Grudging:
    """SQS that takes only the first message of each request, `times` times."""

    def __init__(self, times: int, fault: bool = False):
        self.times, self.fault = times, fault
        self.bodies: list[Any] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        taken = Entries[:1] if self.times else Entries
        self.times -= bool(self.times)
        self.bodies += [json.loads(one["MessageBody"]) for one in taken]
        left = [{"Id": one["Id"], "Code": "Busy", "SenderFault": self.fault} for one in Entries[len(taken) :]]
        return {"Successful": [], **({"Failed": left} if left else {})}


MESSAGES = [shard_message(REF, n, 1) for n in range(23)]


def test_what_sqs_does_not_take_is_sent_again() -> None:
    client, slept = Grudging(3), []
    ShardQueue(client, "url", sleep=slept.append).send(MESSAGES)
    assert sorted(one["shard"] for one in client.bodies) == list(range(23))
    assert len(slept) == 3
    with pytest.raises(ClientError):
        ShardQueue(Grudging(99), "url", sleep=slept.append).send(MESSAGES)
    with pytest.raises(ClientError):
        ShardQueue(Grudging(1, fault=True), "url", sleep=slept.append).send(MESSAGES)


@pytest.mark.usefixtures("aws")
def test_sqs_holds_one_message_a_shard(aws: Aws) -> None:
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="batch")["QueueUrl"]
    ShardQueue(client, url).send(MESSAGES)
    seen: set[int] = set()
    while received := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        seen |= {json.loads(message["Body"])["shard"] for message in received}
    assert seen == set(range(23))
