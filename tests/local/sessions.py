"""What tests ask of a running stack: its sessions, executions and instances."""

import json
import time
from collections.abc import Callable
from typing import Any

from local.cloud import Cloud
from local.person import Person

OVER = ("ended", "failed")
PATIENCE_S = 300  # for what must happen; nothing here is measured


def wait_until(happened: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def end_every_session(person: Person) -> None:
    """Ends what is live, and waits until it is over. A question that still waits may buy another: that one too."""
    while live := [one["id"] for one in person.call("GET", "/sessions")["data"] if one["status"] not in OVER]:
        for session_id in live:
            person.end_session(session_id)


def executions(cloud: Cloud) -> dict[str, str]:
    """Status of every execution of gpu_session by its name, the session's id."""
    listed = cloud.emulator.client("stepfunctions").list_executions(stateMachineArn=cloud.stack["GpuSessionArn"])
    return {execution["name"]: execution["status"] for execution in listed["executions"]}


def live_instances(cloud: Cloud) -> list[str]:
    states = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}
    ours = {"Name": "tag:foreverus:stack", "Values": [cloud.outputs["stack_name"]]}
    found = cloud.emulator.client("ec2").describe_instances(Filters=[states, ours])
    return [instance["InstanceId"] for group in found["Reservations"] for instance in group["Instances"]]


def states_of(cloud: Cloud, session_id: str) -> list[str]:
    """The states that a session's execution has entered, in order."""
    arn = f"{cloud.stack['GpuSessionArn'].replace(':stateMachine:', ':execution:')}:{session_id}"
    pages = cloud.emulator.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]


def function_arn(cloud: Cloud, logical_name: str) -> str:
    """Of the stack's function whose logical id begins so."""
    pages = cloud.emulator.client("lambda").get_paginator("list_functions").paginate()
    (arn,) = [one["FunctionArn"] for page in pages for one in page["Functions"] if logical_name in one["FunctionName"]]
    return str(arn)


def invoke(cloud: Cloud, logical_name: str, event: dict[str, Any]) -> Any:
    """What a function answers, called as the Scheduler calls it."""
    arn = function_arn(cloud, logical_name)
    answer = cloud.emulator.client("lambda").invoke(FunctionName=arn, Payload=json.dumps(event).encode())
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.loads(answer["Payload"].read())
