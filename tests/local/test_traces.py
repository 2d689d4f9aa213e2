"""Traces on the laptop: the emulator's X-Ray, and one trace from a request to the saved answer."""

import json
import secrets
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from local.cloud import Cloud
from local.deploy import PARAMETERS
from local.emulator import Emulator
from local.person import Person
from local.traces import TraceShown, last_traces
from tests.cloud import policy
from tests.local.batches import finished, openai, questions, submit
from tests.local.machines import make_function, make_machine, wait_for_end
from tests.local.sessions import wait_until

pytestmark = pytest.mark.cloud

SOURCE = """
import os

def handler(event, context):
    return [os.environ.get("_X_AMZN_TRACE_ID", ""), os.environ.get("AWS_XRAY_DAEMON_ADDRESS", "")]
"""


def new_root() -> str:
    return f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"


def document(**changes: Any) -> dict[str, Any]:
    now = time.time()
    return {"trace_id": new_root(), "id": "a" * 16, "name": "x", "start_time": now - 1, "end_time": now, **changes}


def kept(emulator: Emulator) -> dict[str, Any]:
    with urllib.request.urlopen(f"{emulator.url}/_foreverus/traces") as answer:
        return dict(json.load(answer)["traces"])


def invoke(emulator: Emulator, arn: str, header: str) -> tuple[str, str]:
    client = emulator.client("lambda")

    def add(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = header

    client.meta.events.register("before-sign.lambda.Invoke", add, unique_id="trace")
    try:
        said = json.loads(client.invoke(FunctionName=arn)["Payload"].read())
    finally:
        client.meta.events.unregister("before-sign.lambda.Invoke", unique_id="trace")
    return said[0], said[1]


def test_segments_are_kept_and_bad_ones_are_named(emulator: Emulator) -> None:
    good = document()
    bad = [
        document(trace_id="1-2-3"),
        document(id="zz"),
        document(name="<b>"),
        document(end_time="soon"),
        document(type="subsegment"),
        document(annotations={"x": "y" * 70_000}),
    ]
    texts = [json.dumps(one) for one in (good, *bad)] + ["{"]
    answer = emulator.client("xray").put_trace_segments(TraceSegmentDocuments=texts)
    assert [one["ErrorCode"] for one in answer["UnprocessedTraceSegments"]] == [
        *("InvalidTraceId", "InvalidId", "InvalidName", "InvalidTime", "InvalidParentId", "SegmentTooLarge"),
        "InvalidSegment",
    ]
    assert kept(emulator)[good["trace_id"]] == [good]


def test_who_may_not_send_segments_is_refused(emulator: Emulator) -> None:
    iam, name = emulator.client("iam"), f"sender-{secrets.token_hex(4)}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    client, texts = emulator.client("xray", **keys), [json.dumps(document())]
    with pytest.raises(ClientError) as refused:
        client.put_trace_segments(TraceSegmentDocuments=texts)
    assert "AccessDenied" in refused.value.response["Error"]["Code"]
    allowed = policy({"Action": "xray:PutTraceSegments", "Resource": "*"})
    iam.put_user_policy(UserName=name, PolicyName="traces", PolicyDocument=allowed)
    assert client.put_trace_segments(TraceSegmentDocuments=texts)["UnprocessedTraceSegments"] == []


def test_emulator_still_has_no_xray(unpatched: Emulator) -> None:
    """The day this fails, the emulator has one: see whether the patch is needed."""
    with pytest.raises((ClientError, EndpointConnectionError)):
        unpatched.client("xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(document())])


def test_a_function_goes_on_in_its_callers_trace(emulator: Emulator) -> None:
    root = new_root()
    header, daemon = invoke(emulator, make_function(emulator, SOURCE), f"Root={root};Parent={'b' * 16};Sampled=1")
    (segment,) = kept(emulator)[root]
    assert header == f"Root={root};Parent={segment['id']};Sampled=1"
    assert segment["parent_id"] == "b" * 16 and segment["origin"] == "AWS::Lambda::Function"
    assert daemon.startswith("127.0.0.1:")


def test_an_execution_goes_on_in_its_starters_trace(emulator: Emulator) -> None:
    root = new_root()
    machine = make_machine(emulator, {"Rest": {"Type": "Pass", "End": True}})
    answer = emulator.client("stepfunctions").start_execution(
        stateMachineArn=machine, traceHeader=f"Root={root};Sampled=1"
    )
    wait_for_end(emulator, answer["executionArn"])
    deadline = time.monotonic() + 30
    while "end_time" not in kept(emulator)[root][0]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert kept(emulator)[root][0]["origin"] == "AWS::StepFunctions::StateMachine"


def test_emulator_still_gives_each_call_a_trace_of_its_own(unpatched: Emulator) -> None:
    """The day this fails, the emulator passes them on: delete the patch."""
    root = new_root()
    header, _ = invoke(unpatched, make_function(unpatched, SOURCE), f"Root={root};Parent={'b' * 16};Sampled=1")
    assert root not in header


def carried(emulator: Emulator) -> list[str]:
    """The trace headers of two messages that were sent together."""
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName=f"traced-{secrets.token_hex(4)}")["QueueUrl"]
    entries = [
        {
            "Id": name,
            "MessageBody": name,
            "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": f"Root={name}"}},
        }
        for name in ("a", "b")
    ]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
    return sorted(one["Attributes"].get("AWSTraceHeader", "") for one in received["Messages"])


def test_messages_that_are_sent_together_carry_their_traces(emulator: Emulator) -> None:
    assert carried(emulator) == ["Root=a", "Root=b"]


def test_emulator_still_drops_them(unpatched: Emulator) -> None:
    """The day this fails, the emulator keeps them: delete the patch."""
    assert carried(unpatched) == ["", ""]


def traces_of(cloud: Cloud, **annotations: str) -> Iterator[TraceShown]:
    for one in last_traces(cloud.emulator.url):
        if all(value in one.annotations.get(name, "") for name, value in annotations.items()):
            yield one


def test_a_chat_is_one_trace_from_the_request_to_the_saved_answer(cloud: Cloud, person: Person) -> None:
    """With the launch that it caused, and without a word of it."""
    conversation = person.converse("You are brief.")
    person.ask(conversation, "What-a-person-asked of their doctor?", max_tokens=8)
    deadline = time.monotonic() + 60
    while not (found := [one for one in traces_of(cloud, conversation_id=conversation) if _has(one, "chat")]):
        assert time.monotonic() < deadline, "the worker's segment has not come"
        time.sleep(0.5)
    (trace,) = found
    names = {one.name for one in trace.spans}
    assert names >= {"chat", "boot wait", "history read", "first token", "stream", "save", "boot", "loading"}
    assert any(name.startswith("POST ") and name.endswith("/messages") for name in names)
    assert any("gpu-session" in name for name in names) and any("ApiFunction" in name for name in names)
    assert trace.annotations["backend"] == "gpu" and trace.annotations["session_id"].count("ses_") == 1
    chat = next(one for one in trace.spans if one.name == "chat")
    assert chat.parent in {one.id for one in trace.spans}, "it hangs below who sent the message"
    with urllib.request.urlopen(f"{cloud.emulator.url}/_foreverus/traces") as answer:
        said = answer.read().decode()
    assert "doctor" not in said and cloud.outputs["username"] not in said


def test_a_batch_is_one_trace_with_some_of_its_lines(cloud: Cloud, person: Person) -> None:
    client = openai(cloud)
    for backend in ("gpu", "bedrock"):
        batch = finished(client, submit(client, questions(12), backend=backend))
        assert batch.status == "completed"
        wait_until(lambda: any(_has(one, "shard") for one in traces_of(cloud, batch_id=batch.id)), "its shard is told")  # noqa: B023
        (trace,) = [one for one in traces_of(cloud, batch_id=batch.id) if _has(one, "shard")]
        names = [one.name for one in trace.spans]
        assert trace.annotations["backend"] == backend
        assert trace.name == "POST /batches" and 1 <= names.count("line") <= 8
        assert {"Validate", "Plan", "Finish"} <= set(names)


@pytest.mark.parametrize("backend", ["gpu", "bedrock"])
def test_a_request_of_a_program_is_one_trace(cloud: Cloud, person: Person, backend: str) -> None:
    if backend == "gpu":
        person.start_session()
    known = {one.root for one in last_traces(cloud.emulator.url)}
    model = f"{PARAMETERS['ModelId']}@{backend}"
    openai(cloud).chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}], max_tokens=4)

    def told() -> list[TraceShown]:
        new = [one for one in last_traces(cloud.emulator.url) if one.root not in known]
        ours = [one for one in new if "completions" in one.name and _has(one, "answer")]
        return [one for one in ours if _has(one, "request") or backend == "bedrock"]  # the worker's

    wait_until(lambda: len(told()) == 1, "the request has one trace, with who answered it")
    assert told()[0].annotations["backend"] == backend


def _has(trace: TraceShown, name: str) -> bool:
    return any(one.name == name for one in trace.spans)
