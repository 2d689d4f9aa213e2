"""What a worker says of its work in traces, and what becomes of that when X-Ray is away."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from foreverus import tracing
from foreverus.aws.sqs import MemoryQueue
from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Health
from foreverus.worker.traces import MOST_AT_ONCE, MOST_WAITING, TraceSender, XraySegments
from tests.traces import PARENT, ROOT, SAMPLED, kept, parts
from tests.unit.worker.batches import DONE, world_with
from tests.unit.worker.harness import World, in_jumping_time, until

PROMPT, ANSWER = "what-a-person-asked", "what-the-model-said"


def traced(queue: MemoryQueue, seconds_ago: float) -> None:
    """The message that waits there was sent in a trace, so long ago."""
    (one,) = queue.waiting
    queue.waiting.clear()
    queue.put(one.body, SAMPLED, time.time() - seconds_ago)


@in_jumping_time
async def test_a_chat_is_one_segment_from_the_queue_to_the_saved_answer() -> None:
    world = World()
    world.engine = world.ports.engine = MemoryEngine(lambda prompt: [ANSWER])
    with kept() as segments:
        request = world.ask(PROMPT)
        traced(world.chat, 30)
        async with world.worker():
            await world.answered(request)
            await until(lambda: bool(segments.documents))
    chat = segments.named("chat")
    assert (chat["trace_id"], chat["parent_id"], chat["origin"]) == (ROOT, PARENT, "test")
    assert chat["annotations"] == {"session_id": "ses_1", "conversation_id": "conv_1", "backend": "gpu"}
    assert set(parts(chat)) >= {"boot wait", "history read", "first token", "stream", "save"}
    assert 29 < parts(chat)["boot wait"] < 40, "there was no engine when it was sent"
    assert chat["end_time"] - chat["start_time"] >= parts(chat)["boot wait"]
    said = json.dumps(segments.documents)
    assert PROMPT not in said and ANSWER not in said and "user" not in said


@in_jumping_time
async def test_a_boot_is_told_in_the_trace_that_bought_the_machine() -> None:
    world = World()
    world.mailbox.change(trace=SAMPLED)
    world.engine.state = Health.LOADING
    with kept() as segments:
        async with world.worker(serving=False):
            await asyncio.sleep(5)
            world.engine.state = Health.GOOD
            await world.start_serving()
    boot = segments.named("boot")
    assert (boot["trace_id"], boot["annotations"]) == (ROOT, {"session_id": "ses_1", "backend": "gpu"})
    assert 4 < parts(boot)["loading"] < 7


@in_jumping_time
async def test_a_shard_has_the_first_of_its_lines() -> None:
    world = world_with(lines=20, a_shard=20)
    with kept() as segments:
        traced(world.batch, 0)
        async with world.worker():
            await until(lambda: DONE in world.tasks.results)
            await until(lambda: bool(segments.documents))
    shard = segments.named("shard")
    assert shard["annotations"]["batch_id"] and shard["annotations"]["session_id"] == "ses_1"
    names = [one["name"] for one in shard["subsegments"]]
    assert names.count("line") == 8


@in_jumping_time
async def test_without_a_trace_nothing_is_sent() -> None:
    world = World()
    with kept() as segments:
        request = world.ask(PROMPT)
        async with world.worker():
            await world.answered(request)
    assert segments.documents == []


@in_jumping_time
async def test_an_answer_takes_as_long_with_a_dead_xray() -> None:
    """On the worker's own clock, to the last step of it."""

    async def seconds() -> float:
        loop = asyncio.get_running_loop()
        world = World()
        request = world.ask(PROMPT)
        traced(world.chat, 0)
        async with world.worker():
            begun = loop.time()
            await world.answered(request)
            return loop.time() - begun

    hanging = threading.Event()

    def hang(documents: Sequence[str]) -> int:
        hanging.wait(60)
        raise ConnectionError("no X-Ray")

    untraced = await seconds()
    sender = TraceSender(Segments(hang), gather_s=0)
    tracing.send_to(sender)
    try:
        assert await seconds() == pytest.approx(untraced, abs=0.005)
    finally:
        tracing.send_to(None)
        hanging.set()
        sender.finish(30)


class Segments:
    """X-Ray, which does what a test says."""

    def __init__(self, put: Callable[[Sequence[str]], int]):
        self.calls: list[int] = []
        self._put = put

    def put(self, documents: Sequence[str]) -> int:
        self.calls.append(len(documents))
        return self._put(documents)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_segments_go_a_few_at_a_time_and_refused_ones_are_counted() -> None:
    segments = Segments(lambda documents: 1)
    sender = TraceSender(segments, gather_s=0)
    for _ in range(120):
        sender.send(b"{}")
    sender.finish(30)
    assert sum(segments.calls) == 120 and max(segments.calls) <= MOST_AT_ONCE
    assert (sender.sent, sender.dropped) == (120 - len(segments.calls), len(segments.calls))


def test_xray_is_asked_as_its_api_wants(aws: Any) -> None:
    client = boto3.client("xray")
    with Stubber(client) as stub:
        refused = {"UnprocessedTraceSegments": [{"Id": "a", "ErrorCode": "InvalidSegment", "Message": "?"}]}
        stub.add_response("put_trace_segments", refused, {"TraceSegmentDocuments": ["{}", "{"]})
        assert XraySegments(client).put(["{}", "{"]) == 1


def test_a_dead_xray_is_left_alone_for_a_while() -> None:
    def fail(documents: Sequence[str]) -> int:
        raise ConnectionError("no X-Ray")

    segments = Segments(fail)
    sender = TraceSender(segments, gather_s=0, pause_s=3600)
    sender.send(b"{}")
    wait_until(lambda: bool(segments.calls))
    for _ in range(3 * MOST_WAITING):
        sender.send(b"{}")
    assert segments.calls == [1]
    assert sender.dropped >= 2 * MOST_WAITING
    sender.finish(30)
    assert len(segments.calls) <= 2, "the end tries once more, not five hundred times"


def test_a_hanging_xray_holds_up_nobody() -> None:
    """Neither who sends nor the end."""
    hanging = threading.Event()

    def hang(documents: Sequence[str]) -> int:
        hanging.wait(60)
        return 0

    segments = Segments(hang)
    sender = TraceSender(segments, gather_s=0)
    sender.send(b"{}")
    wait_until(lambda: bool(segments.calls))
    for _ in range(2 * MOST_WAITING):
        sender.send(b"{}")
    sender.finish(0.01)
    assert sender.dropped >= MOST_WAITING and segments.calls == [1]
    hanging.set()


def test_how_it_went_is_said_once_and_not_for_each(caplog: Any) -> None:
    def fail(documents: Sequence[str]) -> int:
        raise ConnectionError("no X-Ray")

    caplog.set_level("INFO", "foreverus")
    sender = TraceSender(Segments(fail), gather_s=0, pause_s=0)
    for _ in range(100):
        sender.send(b"{}")
    sender.finish(30)
    assert [record.getMessage() for record in caplog.records] == ["traces: 0 segments sent, 100 dropped"]
