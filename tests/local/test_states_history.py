"""The history of an execution says what each task was asked, as AWS's does."""

import json
from typing import Any

import pytest

from local.emulator import Emulator
from tests.local.machines import make_machine, make_queue, start, wait_for_end

pytestmark = pytest.mark.cloud


def scheduled(emulator: Emulator) -> dict[str, Any]:
    """The event of a task whose arguments have an expression."""
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Arguments": {"QueueUrl": make_queue(emulator), "MessageBody": "{% 'a' & 'b' %}"},
        "End": True,
    }
    execution = start(emulator, make_machine(emulator, {"Send": task}))
    assert wait_for_end(emulator, execution)["status"] == "SUCCEEDED"
    events = emulator.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    (found,) = [event for event in events if event["type"] == "TaskScheduled"]
    return dict(found["taskScheduledEventDetails"])


def test_history_has_what_a_task_was_asked(emulator: Emulator) -> None:
    assert json.loads(scheduled(emulator)["parameters"])["MessageBody"] == "ab"


def test_emulator_still_leaves_it_out(unpatched: Emulator) -> None:
    assert "parameters" not in scheduled(unpatched)
