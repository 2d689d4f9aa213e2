"""The template's roles are enforced: take one permission away, and what needed it fails by name."""

import contextlib
import json
import queue
from collections.abc import Iterator

import httpx
import pytest

from local import deploy
from local.cloud import Cloud
from local.person import Person
from tests.local.sessions import executions, live_instances, wait_until

pytestmark = pytest.mark.cloud

SYSTEM = "You are a helpful assistant. Answer briefly."


@contextlib.contextmanager
def denied(cloud: Cloud, role: str, action: str) -> Iterator[None]:
    """The role with this logical id in the template may not do this, as if the template did not say so."""
    found = cloud.emulator.client("cloudformation").describe_stack_resource(
        StackName=cloud.outputs["stack_name"], LogicalResourceId=role
    )
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]}
    iam = cloud.emulator.client("iam")
    iam.put_role_policy(RoleName=name, PolicyName="denied", PolicyDocument=json.dumps(deny))
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="denied")


@pytest.mark.parametrize("action", ["ec2:CreateFleet", "ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"])
def test_no_gpu_without_the_permission_to_launch_it(cloud: Cloud, person: Person, action: str) -> None:
    with denied(cloud, "GpuSessionRole", action):
        session_id = person.call("POST", "/sessions", {})["id"]
        wait_until(lambda: executions(cloud)[session_id] == "FAILED", "the execution fails")
    session = person.call("GET", f"/sessions/{session_id}")
    assert (session["status"], session["error"]["code"]) == ("failed", "LaunchNotAuthorized")
    assert live_instances(cloud) == []


def test_no_session_without_the_permission_to_start_it(cloud: Cloud, person: Person) -> None:
    with denied(cloud, "ApiFunctionRole", "states:StartExecution"):
        answer = person.http.post("/sessions", json={})
        assert answer.is_error
    assert live_instances(cloud) == []
    assert person.http.post("/sessions", json={}).is_success  # the GPU's slot is free again


def test_nobody_is_let_in_when_keys_cannot_be_looked_up(cloud: Cloud) -> None:
    # A new key: API Gateway keeps an authorization for a while.
    user = deploy.make_user(cloud.emulator, cloud.stack["UserPoolId"], deploy.new_password(), "new@example.com")
    key = deploy.make_api_key(cloud.emulator, cloud.stack["KeysTableName"], user)
    url, headers = f"{cloud.outputs['api_url']}/models", {"Authorization": f"Bearer {key}"}
    with denied(cloud, "AuthorizeFunctionRole", "dynamodb:GetItem"):
        assert httpx.get(url, headers=headers, timeout=300).is_error
    assert httpx.get(url, headers=headers, timeout=300).is_success


def test_answers_are_kept_when_they_cannot_be_pushed(cloud: Cloud, person: Person) -> None:
    with denied(cloud, "InstanceRole", "execute-api:ManageConnections"):
        person.start_session()
        conversation = person.converse(SYSTEM)
        person.ask(conversation, "What is a GPU?", 20)

        def answered() -> bool:
            messages = person.call("GET", f"/conversations/{conversation}/messages")["data"]
            return [one["status"] for one in messages] == ["accepted", "answered"]

        wait_until(answered, "the answer is stored")
        with contextlib.suppress(queue.Empty):
            while True:
                _, frame = person.frames.get(timeout=0.2)
                assert frame["type"] not in ("delta", "message")
