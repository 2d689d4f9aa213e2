"""Traces: what is read of a header, what is sent of a step, and what never is."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from foreverus import logs, tracing
from foreverus.aws.sqs import ChatQueue, ShardQueue, SqsQueue
from foreverus.aws.step_functions import StepFunctionsMachine
from foreverus.conversations.records import MessageRef
from foreverus.tracing import Trace
from tests.traces import PARENT, ROOT, SAMPLED, kept, parts
from tests.unit.conftest import Aws


@pytest.fixture(autouse=True)
def _no_ids_of_other_tests() -> Iterator[None]:
    logs.start({}, None)
    yield
    logs.start({}, None)
    tracing._daemon.cache_clear()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SAMPLED, Trace(ROOT, PARENT, True)),
        (f"Root={ROOT}", Trace(ROOT)),
        (f"Root={ROOT};Sampled=?", Trace(ROOT)),
        (f"Root={ROOT};Parent={PARENT};Sampled=0;Lineage=1:abcd:0", Trace(ROOT, PARENT)),
        (f"Self=1-67891234-12456789abcdef012345678;Root={ROOT};Parent={PARENT};Sampled=1", Trace(ROOT, PARENT, True)),
        (f"Root={ROOT};Parent=hello;Sampled=1", Trace(ROOT, "", True)),
        ("", None),
        ("Root=1-5759e988", None),
        (f"Root={ROOT}0;Sampled=1", None),
        (f"Root={ROOT.upper()};Sampled=1", None),
        ("Sampled=1", None),
    ],
)
def test_header_is_read(text: str, expected: Trace | None) -> None:
    assert tracing.read_header(text) == expected


def test_what_a_client_adds_to_a_header_goes_no_further() -> None:
    with tracing.joined(f"Root={ROOT};Sampled=1;Prompt=what my doctor said\r\nX-Evil: 1"):
        assert tracing.header() == f"Root={ROOT};Sampled=1"


def test_step_on_lambda_is_a_part_of_its_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(5)
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", f"127.0.0.1:{daemon.getsockname()[1]}")
        monkeypatch.setenv("_X_AMZN_TRACE_ID", SAMPLED)
        logs.start({"conversation_id": "conv_1", "session_id": "ses_1"}, None)
        with tracing.step("answer", backend="bedrock"):
            with tracing.step("save"):
                pass
            tracing.note(batch_id="batch_1")
        head, _, body = daemon.recv(65_536).partition(b"\n")
    assert json.loads(head) == {"format": "json", "version": 1}
    sent = json.loads(body)
    assert (sent["trace_id"], sent["parent_id"], sent["type"], sent["name"]) == (ROOT, PARENT, "subsegment", "answer")
    assert sent["annotations"] == {
        "conversation_id": "conv_1",
        "session_id": "ses_1",
        "backend": "bedrock",
        "batch_id": "batch_1",
    }
    assert list(parts(sent)) == ["save"] and "annotations" not in sent["subsegments"][0]
    assert sent["start_time"] <= sent["subsegments"][0]["start_time"] <= sent["end_time"]


@pytest.mark.parametrize("address", ["nowhere", "tcp:127.0.0.1:2000", "127.0.0.1:1", "no-such-host.invalid:2000"])
def test_a_daemon_that_is_not_there_stops_nothing(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", address)
    with tracing.joined(SAMPLED), tracing.step("answer"):
        done = True
    assert done


def test_a_sink_that_raises_stops_nothing() -> None:
    class Broken:
        kind: dict[str, str] = {}  # noqa: RUF012

        def send(self, document: bytes) -> None:
            tried.append(document)
            raise RuntimeError("X-Ray")

    tried: list[bytes] = []
    tracing.send_to(Broken())
    try:
        with tracing.joined(SAMPLED), tracing.step("answer"):
            pass
    finally:
        tracing.send_to(None)
    assert tried


@pytest.mark.parametrize("header", ["", f"Root={ROOT};Sampled=0", f"Root={ROOT}", "nonsense"])
def test_what_is_not_sampled_leaves_nothing(header: str) -> None:
    with kept() as segments, tracing.joined(header), tracing.step("answer") as one:
        one.part("first token", 1.0, 2.0)
        tracing.note_stream(1.0, 2.0)
    assert segments.documents == []


def test_an_error_is_told_by_its_kind_alone() -> None:
    with (
        kept() as segments,
        pytest.raises(ValueError, match="what a person wrote"),
        tracing.joined(SAMPLED),
        tracing.step("answer"),
    ):
        raise ValueError("what a person wrote")
    (sent,) = segments.documents
    assert sent["fault"] is True and sent["annotations"] == {"error": "ValueError"}
    assert "person" not in json.dumps(sent)


def test_a_wait_before_the_work_is_a_part_of_it() -> None:
    with kept() as segments, tracing.joined(SAMPLED), tracing.step("chat") as one:
        asked_at = one.begun - 30
        one.waited("boot wait", asked_at, asked_at + 20)
        one.waited("queue wait", asked_at + 20)
        one.part("took no time", 5.0, 5.0)
        one.part("ended before it began", 5.0, 4.0)
    (sent,) = segments.documents
    assert sent["start_time"] == asked_at
    assert parts(sent)["boot wait"] == pytest.approx(20) and parts(sent)["queue wait"] >= 10
    assert set(parts(sent)) == {"boot wait", "queue wait"}


def test_of_many_that_are_alike_the_first_few_are_kept() -> None:
    numbers = iter(range(1, 1000))
    with kept() as segments, tracing.joined(SAMPLED), tracing.step("shard"):
        for _ in range(500):
            with tracing.sampled("line", numbers):
                pass
    assert len(segments.documents[0]["subsegments"]) == tracing.MOST_ALIKE


def test_a_document_stays_under_what_xray_takes() -> None:
    with kept() as segments, tracing.joined(SAMPLED), tracing.step("shard"):
        for _ in range(5000):
            with tracing.step("x" * 40):
                pass
    assert len(json.dumps(segments.documents[0])) < 64_000


def test_calls_of_aws_are_steps_without_what_they_hold(aws: Aws) -> None:
    secret = "what-a-person-asked"
    with kept() as segments:
        client = boto3.client("sqs")
        tracing.trace_calls(client)
        url = client.create_queue(QueueName="work")["QueueUrl"]
        with tracing.joined(SAMPLED):
            client.send_message(QueueUrl=url, MessageBody=secret)
            with pytest.raises(client.exceptions.QueueDoesNotExist):
                client.get_queue_url(QueueName=secret)
    operations = [(one["name"], one["aws"]["operation"]) for one in segments.documents]
    assert operations == [("sqs", "SendMessage"), ("sqs", "GetQueueUrl")], "and none outside the trace"
    assert {one["parent_id"] for one in segments.documents} == {PARENT}
    assert secret not in json.dumps(segments.documents)


def test_many_calls_leave_room_for_the_steps(aws: Aws) -> None:
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="work")["QueueUrl"]
    with kept() as segments, tracing.joined(SAMPLED), tracing.step("chat"):
        tracing.trace_calls(client)
        for _ in range(150):
            client.send_message(QueueUrl=url, MessageBody="x")
        tracing.note_stream(1.0, 2.0)
        with tracing.step("save"):
            pass
    names = [one["name"] for one in segments.documents[0]["subsegments"]]
    assert names[-3:] == ["first token", "stream", "save"] and names.count("sqs") == tracing.MOST_CALLS


def test_clients_are_left_alone_where_nobody_listens(aws: Aws) -> None:
    client = boto3.client("sqs")
    emit = client.meta.events._emitter if hasattr(client.meta.events, "_emitter") else client.meta.events
    before = len(emit._handlers.prefix_search("before-call.sqs.SendMessage"))
    tracing.trace_calls(client)
    assert len(emit._handlers.prefix_search("before-call.sqs.SendMessage")) == before


class Client:
    """Keeps what it is called with."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    class exceptions:
        class ExecutionAlreadyExists(Exception):
            pass

    def __getattr__(self, name: str) -> Any:
        return lambda **given: self.calls.append(given) or {}


@pytest.mark.parametrize("header", [SAMPLED, ""])
def test_messages_and_executions_carry_the_trace(header: str) -> None:
    client = Client()
    with tracing.joined(header):
        ChatQueue(client, "url").send(MessageRef("msg_1", "conv_1", "user-1"))
        ShardQueue(client, "url").send([{"kind": "shard"}])
        StepFunctionsMachine(client, "arn").start("ses_1", {})
    message, batch, execution = client.calls
    attributes = {"AWSTraceHeader": {"DataType": "String", "StringValue": header}} if header else None
    assert message.get("MessageSystemAttributes") == attributes
    assert batch["Entries"][0].get("MessageSystemAttributes") == attributes
    assert execution.get("traceHeader", "") == header
    assert header == "" or ROOT not in message["MessageBody"] + batch["Entries"][0]["MessageBody"], (
        "a message is known by its body"
    )


def test_a_worker_gets_the_trace_and_the_time_with_the_message(aws: Aws) -> None:
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="chat.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    with tracing.joined(SAMPLED):
        ChatQueue(client, url).send(MessageRef("msg_1", "conv_1", "user-1"))
    (delivery,) = SqsQueue(client, url, 30).receive(1, 0)
    assert delivery.trace == SAMPLED
    assert delivery.sent_at > 1_700_000_000
