"""Things die in the middle of an answer, and things that come after the instance fail. The answer comes once; the
instance is gone."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cloud import Cloud
from local.instances import faults
from local.instances.places import Places
from local.person import Person
from tests.local.sessions import PATIENCE_S, executions, live_instances, states_of, wait_until

pytestmark = pytest.mark.cloud

SYSTEM = "You are a helpful assistant."
LONG = "Tell me a long story about the sea and a ship."
TOKENS = 200
SLOW, FAST = 5.0, 1000.0  # tokens a second: until the GPU is struck, and afterwards


class Interrupted:
    """A session that is in the middle of one answer."""

    def __init__(self, cloud: Cloud, person: Person, set_pace: Callable[[float], None]) -> None:
        set_pace(SLOW)
        self.cloud = cloud
        self.person = person
        self.places = Places(Path(cloud.state.directory))
        self.session_id, _ = person.start_session()
        wait_until(lambda: self.session()["status"] == "serving", "the session serves")
        self.conversation = person.converse(SYSTEM)
        self.message_id = person.ask(self.conversation, LONG, TOKENS)
        person.wait_for("delta", message_id=self.message_id)
        (self.instance_id,) = live_instances(cloud)

    def session(self) -> dict[str, Any]:
        return self.person.call("GET", f"/sessions/{self.session_id}")

    def answer(self) -> dict[str, Any]:
        """Waits for the final answer; it must be the only one, and what the table has."""
        _, frame = self.person.wait_for("message")
        _, stored = self.person.call("GET", f"/conversations/{self.conversation}/messages")["data"]
        assert stored == frame["message"]
        return stored

    def pending(self) -> int:
        table = self.cloud.emulator.client("dynamodb")
        return int(
            table.query(
                TableName=self.cloud.stack["TableName"],
                KeyConditionExpression="pk = :p",
                ExpressionAttributeValues={":p": {"S": "PENDING"}},
                ConsistentRead=True,
            )["Count"]
        )


def kill_worker(here: Interrupted) -> None:
    faults.kill(here.places, here.instance_id, "worker")


def kill_engine(here: Interrupted) -> None:
    faults.kill(here.places, here.instance_id, "engine")


@pytest.mark.parametrize("strike", [kill_worker, kill_engine])
def test_a_lost_gpu_is_replaced_once_and_the_answer_comes_once(
    cloud: Cloud, person: Person, set_pace: Callable[[float], None], strike: Callable[[Interrupted], None]
) -> None:
    here = Interrupted(cloud, person, set_pace)
    strike(here)
    set_pace(FAST)
    answer = here.answer()
    assert answer["status"] == "answered"
    assert answer["content"] == " ".join(str(number) for number in range(1, TOKENS + 1))
    assert here.pending() == 0
    session = here.session()
    assert session["attempt"] == 1
    assert session["instance"]["id"] != here.instance_id
    assert here.instance_id not in live_instances(cloud)
    assert states_of(cloud, here.session_id).count("Launch GPU") == 2
    person.end_session(here.session_id)
    assert live_instances(cloud) == []
    receipt = here.session()["receipt"]
    assert receipt["launches"] == 2
    assert receipt["messages"] == 1


def test_a_worker_that_dies_with_nothing_to_do_is_not_replaced(cloud: Cloud, person: Person) -> None:
    session_id, _ = person.start_session()
    wait_until(lambda: person.call("GET", f"/sessions/{session_id}")["status"] == "serving", "the session serves")
    (instance_id,) = live_instances(cloud)
    faults.kill(Places(Path(cloud.state.directory)), instance_id, "worker")
    wait_until(lambda: person.call("GET", f"/sessions/{session_id}")["status"] == "failed", "the session failed")
    assert live_instances(cloud) == []
    wait_until(lambda: executions(cloud)[session_id] == "FAILED", "the execution failed")
    assert states_of(cloud, session_id).count("Launch GPU") == 1
    assert person.call("GET", f"/sessions/{session_id}")["error"]["code"] == "States.HeartbeatTimeout"


def test_a_stopped_execution_leaves_no_gpu(cloud: Cloud, person: Person) -> None:
    session_id, _ = person.start_session()
    arn = f"{cloud.stack['GpuSessionArn'].replace(':stateMachine:', ':execution:')}:{session_id}"
    cloud.emulator.client("stepfunctions").stop_execution(executionArn=arn)
    wait_until(lambda: live_instances(cloud) == [], "the reaper has terminated the instance")
    wait_until(lambda: person.call("GET", f"/sessions/{session_id}")["status"] == "failed", "the session is closed")
    assert person.call("GET", f"/sessions/{session_id}")["error"]["code"] == "SessionLost"
    assert cloud.inbox.wait_for(instance_of(person, session_id), PATIENCE_S)


def instance_of(person: Person, session_id: str) -> str:
    return str(person.call("GET", f"/sessions/{session_id}")["instance"]["id"])


@contextlib.contextmanager
def topic_gone(cloud: Cloud) -> Iterator[None]:
    """The state machine may not publish."""
    iam, role = cloud.emulator.client("iam"), role_of(cloud, "gpu-session")
    deny = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sns:Publish", "Resource": "*"}]}'
    iam.put_role_policy(RoleName=role, PolicyName="no-sns", PolicyDocument=deny)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="no-sns")


@contextlib.contextmanager
def postgresql_gone(cloud: Cloud) -> Iterator[None]:
    """The Data API says so only after the SDK's own retries, each time that the machine tries: a minute in all."""
    cloud.postgres.stop()
    try:
        yield
    finally:
        cloud.postgres.start()


def role_of(cloud: Cloud, machine: str) -> str:
    states = cloud.emulator.client("stepfunctions")
    described = states.describe_state_machine(stateMachineArn=cloud.stack["GpuSessionArn"])
    assert described["name"].endswith(machine)
    return str(described["roleArn"].rsplit("/", 1)[1])


@pytest.mark.parametrize("failing", [topic_gone, postgresql_gone])
def test_what_fails_after_termination_costs_no_gpu_and_is_said(
    cloud: Cloud, person: Person, failing: Callable[[Cloud], contextlib.AbstractContextManager[None]]
) -> None:
    session_id, _ = person.start_session()
    with failing(cloud):
        person.end_session(session_id)
        assert live_instances(cloud) == []
        wait_until(lambda: executions(cloud)[session_id] == "FAILED", "the execution ends in Fail")
    assert person.call("GET", f"/sessions/{session_id}")["status"] == "ended"
    store = cloud.emulator.client("lambda")
    stored = store.invoke(
        FunctionName=function(cloud, "StoreResults"), Payload=json.dumps({"session_id": session_id}).encode()
    )
    assert json.loads(stored["Payload"].read())["stored"] is True


def function(cloud: Cloud, part: str) -> str:
    """The name of the one with that in it."""
    pages = cloud.emulator.client("lambda").get_paginator("list_functions").paginate()
    return next(one["FunctionName"] for page in pages for one in page["Functions"] if part in one["FunctionName"])
