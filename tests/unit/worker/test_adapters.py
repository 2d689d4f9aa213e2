"""The worker's adapters to SQS and Step Functions, and calls in threads."""

import asyncio
import threading
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from foreverus.aws.sqs import Delivery, MemoryQueue, Queue, SqsQueue
from foreverus.aws.step_functions import MemoryTasks, StepFunctionsTasks, TaskRefused
from foreverus.worker.contact import Contact, RunInThreads


@pytest.fixture(params=["sqs", "memory"])
def queue(request: pytest.FixtureRequest) -> Queue:
    if request.param == "memory":
        twin = MemoryQueue()
        for number in range(3):
            twin.put(f"body {number}")
        return twin
    request.getfixturevalue("aws")
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="work")["QueueUrl"]
    for number in range(3):
        client.send_message(QueueUrl=url, MessageBody=f"body {number}")
    return SqsQueue(client, url, visibility_s=30)


def test_received_message_is_hidden_until_it_is_given_back(queue: Queue) -> None:
    received = queue.receive(2, 0) + queue.receive(10, 0)
    assert sorted(delivery.body for delivery in received) == ["body 0", "body 1", "body 2"]
    assert {delivery.receive_count for delivery in received} == {1}
    assert queue.receive(10, 0) == []
    queue.hide(received[:1], 30)
    assert queue.receive(10, 0) == []
    queue.hide(received[:1], 0)
    (again,) = queue.receive(10, 0)
    assert (again.body, again.receive_count) == (received[0].body, 2)


def test_deleted_message_does_not_come_back(queue: Queue) -> None:
    received = queue.receive(10, 0)
    queue.delete(received[0])
    queue.hide(received, 0)
    assert len(queue.receive(10, 0)) == 2


def test_more_than_ten_messages_are_hidden_in_calls_of_ten() -> None:
    calls: list[int] = []

    class Client:
        def change_message_visibility_batch(self, QueueUrl: str, Entries: list[Any]) -> None:
            calls.append(len(Entries))

    SqsQueue(Client(), "url", 30).hide([Delivery(str(i), "") for i in range(23)], 0)
    assert calls == [10, 10, 3]


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_refused_token_is_told_apart_from_a_failed_call(aws: Any, code: str) -> None:
    tasks = StepFunctionsTasks(boto3.client("stepfunctions"))
    with Stubber(tasks.client) as stub:
        stub.add_client_error("send_task_heartbeat", code)
        stub.add_client_error("send_task_success", code)
        stub.add_client_error("send_task_failure", code)
        stub.add_client_error("send_task_heartbeat", "ThrottlingException")
        with pytest.raises(TaskRefused):
            tasks.heartbeat("token")
        with pytest.raises(TaskRefused):
            tasks.succeed("token", {"outcome": "idle"})
        with pytest.raises(TaskRefused):
            tasks.fail("token", "EngineFailed", "x" * 5000)
        with pytest.raises(ClientError):
            tasks.heartbeat("token")


def test_twin_of_the_tasks_refuses_what_is_not_open() -> None:
    tasks = MemoryTasks()
    tasks.open.add("a")
    tasks.succeed("a", {})
    with pytest.raises(TaskRefused):
        tasks.heartbeat("a")


def test_calls_run_in_threads_and_only_good_ones_are_contact() -> None:
    async def go() -> None:
        contact = Contact()
        run_blocking = RunInThreads(contact, 2, "test")
        assert await run_blocking(threading.current_thread) is not threading.main_thread()
        contact.last = -1.0
        with pytest.raises(ZeroDivisionError):
            await run_blocking(divmod, 1, 0)
        assert contact.last == -1.0
        await run_blocking(divmod, 1, 1)
        assert contact.last > 0
        run_blocking.close()

    asyncio.run(go())
