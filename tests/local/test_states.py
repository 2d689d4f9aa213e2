"""Step Functions as AWS does it: heartbeats, timeouts, tokens, errors, starting twice."""

import json
import time

import pytest
from botocore.exceptions import ClientError

from local.emulator import Emulator
from tests.local.machines import (
    make_failing_function,
    make_machine,
    make_queue,
    receive,
    receive_token,
    start,
    token_task,
    wait_for_end,
)

pytestmark = pytest.mark.cloud


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_task_without_heartbeats_fails(emulator: Emulator) -> None:
    queue = make_queue(emulator)
    execution = start(emulator, make_machine(emulator, {"Wait": token_task(queue, HeartbeatSeconds=1)}))
    found = wait_for_end(emulator, execution)
    assert (found["status"], found["error"]) == ("FAILED", "States.HeartbeatTimeout")


def test_heartbeats_keep_a_task_alive(emulator: Emulator) -> None:
    queue, states = make_queue(emulator), emulator.client("stepfunctions")
    execution = start(emulator, make_machine(emulator, {"Wait": token_task(queue, HeartbeatSeconds="{% 3 %}")}))
    token = receive_token(emulator, queue)
    for _ in range(8):  # a busy machine may be late by two seconds with one
        time.sleep(0.5)
        states.send_task_heartbeat(taskToken=token)
    states.send_task_success(taskToken=token, output='{"answer": 42}')
    found = wait_for_end(emulator, execution)
    assert (found["status"], json.loads(found["output"])) == ("SUCCEEDED", {"answer": 42})


def test_missed_heartbeat_is_caught_by_name_and_by_timeout(emulator: Emulator) -> None:
    for name in ("States.HeartbeatTimeout", "States.Timeout", "States.ALL"):
        catch = [{"ErrorEquals": [name], "Next": "Caught", "Output": "{% $states.errorOutput %}"}]
        task = token_task(make_queue(emulator), HeartbeatSeconds=1, Next="Missed", Catch=catch)
        machine = make_machine(
            emulator, {"Wait": task, "Missed": {"Type": "Fail"}, "Caught": {"Type": "Pass", "End": True}}
        )
        found = wait_for_end(emulator, start(emulator, machine))
        assert found["status"] == "SUCCEEDED", name
        assert json.loads(found["output"])["Error"] == "States.HeartbeatTimeout"


def test_timeout_of_a_token_task_may_be_jsonata(emulator: Emulator) -> None:
    queue = make_queue(emulator)
    task = token_task(queue, TimeoutSeconds="{% $states.input.seconds %}", HeartbeatSeconds="{% 30 %}")
    execution = start(emulator, make_machine(emulator, {"Wait": task}), input='{"seconds": 1}')
    found = wait_for_end(emulator, execution)
    assert (found["status"], found["error"]) == ("FAILED", "States.Timeout")


def test_timeout_of_an_ordinary_task_may_be_jsonata(emulator: Emulator) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sqs:listQueues",
        "Arguments": {},
        "TimeoutSeconds": "{% 600 %}",
        "End": True,
    }
    found = wait_for_end(emulator, start(emulator, make_machine(emulator, {"List": task})))
    assert found["status"] == "SUCCEEDED", found


def test_machine_times_out(emulator: Emulator) -> None:
    queue = make_queue(emulator)
    machine = make_machine(emulator, {"Wait": token_task(queue)}, TimeoutSeconds=1)
    execution = start(emulator, machine)
    token = receive_token(emulator, queue)
    assert wait_for_end(emulator, execution)["status"] == "TIMED_OUT"
    with pytest.raises(ClientError) as refused:
        emulator.client("stepfunctions").send_task_heartbeat(taskToken=token)
    assert code(refused) == "TaskTimedOut"
    history = emulator.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    assert history[-1]["type"] == "ExecutionTimedOut"


def test_timed_out_machine_tells_event_bridge(emulator: Emulator) -> None:
    queue = make_queue(emulator)
    sqs, events = emulator.client("sqs"), emulator.client("events")
    machine = make_machine(emulator, {"Wait": token_task(make_queue(emulator))}, TimeoutSeconds=1)
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": ["TIMED_OUT"], "stateMachineArn": [machine]},
    }
    rule = machine.rpartition(":")[2]
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": queue_arn}])
    execution = start(emulator, machine)
    assert json.loads(receive(emulator, queue)["Body"])["detail"]["executionArn"] == execution


def test_stopped_execution_stays_stopped(emulator: Emulator) -> None:
    queue, states = make_queue(emulator), emulator.client("stepfunctions")
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    machine = make_machine(
        emulator, {"Wait": token_task(queue, Next="Caught", Catch=catch), "Caught": {"Type": "Fail", "Error": "Ran"}}
    )
    execution = start(emulator, machine)
    token = receive_token(emulator, queue)
    states.stop_execution(executionArn=execution, error="Stopped")
    for send in (
        lambda: states.send_task_success(taskToken=token, output="{}"),
        lambda: states.send_task_failure(taskToken=token),
        lambda: states.send_task_heartbeat(taskToken=token),
    ):
        with pytest.raises(ClientError) as refused:
            send()
        assert code(refused) == "TaskTimedOut"
    time.sleep(0.5)
    found = states.describe_execution(executionArn=execution)
    assert (found["status"], found["error"]) == ("ABORTED", "Stopped")
    entered = [event["type"] for event in states.get_execution_history(executionArn=execution)["events"]]
    assert "FailStateEntered" not in entered


def test_token_is_good_once(emulator: Emulator) -> None:
    queue, states = make_queue(emulator), emulator.client("stepfunctions")
    execution = start(emulator, make_machine(emulator, {"Wait": token_task(queue)}))
    token = receive_token(emulator, queue)
    states.send_task_success(taskToken=token, output='"first"')
    with pytest.raises(ClientError) as refused:
        states.send_task_success(taskToken=token, output='"second"')
    assert code(refused) == "TaskTimedOut"
    assert wait_for_end(emulator, execution)["output"] == '"first"'


def test_token_that_never_was_is_invalid(emulator: Emulator) -> None:
    with pytest.raises(ClientError) as refused:
        emulator.client("stepfunctions").send_task_heartbeat(taskToken="nobody's")
    assert code(refused) == "InvalidToken"


def test_output_must_be_json(emulator: Emulator) -> None:
    queue, states = make_queue(emulator), emulator.client("stepfunctions")
    start(emulator, make_machine(emulator, {"Wait": token_task(queue, TimeoutSeconds=5)}))
    token = receive_token(emulator, queue)
    with pytest.raises(ClientError) as refused:
        states.send_task_success(taskToken=token, output="no json")
    assert code(refused) == "InvalidOutput"


def test_each_attempt_has_its_own_token(emulator: Emulator) -> None:
    queue, states = make_queue(emulator), emulator.client("stepfunctions")
    retry = [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    execution = start(emulator, make_machine(emulator, {"Wait": token_task(queue, Retry=retry)}))
    first = receive_token(emulator, queue)
    states.send_task_failure(taskToken=first, error="Again")
    second = receive_token(emulator, queue)
    assert second != first
    states.send_task_success(taskToken=second, output="{}")
    assert wait_for_end(emulator, execution)["status"] == "SUCCEEDED"


def test_same_name_and_input_is_the_same_execution(emulator: Emulator) -> None:
    queue = make_queue(emulator)
    machine = make_machine(emulator, {"Wait": token_task(queue, TimeoutSeconds=5)})
    first = start(emulator, machine, name="one", input='{"a": 1}')
    assert start(emulator, machine, name="one", input='{"a": 1}') == first
    with pytest.raises(ClientError) as refused:
        start(emulator, machine, name="one", input='{"a": 2}')
    assert code(refused) == "ExecutionAlreadyExists"
    token = receive_token(emulator, queue)
    emulator.client("stepfunctions").send_task_success(taskToken=token, output="{}")
    wait_for_end(emulator, first)
    with pytest.raises(ClientError) as refused:
        start(emulator, machine, name="one", input='{"a": 1}')
    assert code(refused) == "ExecutionAlreadyExists"


def test_runtime_errors_are_not_caught(emulator: Emulator) -> None:
    task = token_task(make_queue(emulator), Next="Caught", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}])
    task["Resource"] = "arn:aws:states:::nosuchservice:call.waitForTaskToken"
    machine = make_machine(emulator, {"Call": task, "Caught": {"Type": "Succeed"}})
    found = wait_for_end(emulator, start(emulator, machine))
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")


# ---- The day one of these fails, the emulator does it itself: delete the patch ----


def failing_token_task(emulator: Emulator) -> str:
    """An execution whose function fails instead of keeping the token for somebody."""
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "TimeoutSeconds": 3,
        "Arguments": {
            "FunctionName": make_failing_function(emulator, "NoGpuCapacity"),
            "Payload": {"task_token": "{% $states.context.Task.Token %}"},
        },
        "End": True,
    }
    return start(emulator, make_machine(emulator, {"Wait": task}))


def test_task_fails_with_its_function_and_does_not_wait_for_the_token(emulator: Emulator) -> None:
    found = wait_for_end(emulator, failing_token_task(emulator))
    assert (found["status"], found["error"]) == ("FAILED", "NoGpuCapacity")
    assert json.loads(found["cause"])["errorMessage"] == "a test"


def test_emulator_still_waits_for_a_token_whose_function_failed(unpatched: Emulator) -> None:
    found = wait_for_end(unpatched, failing_token_task(unpatched))
    assert found["error"] == "States.Timeout"


def error_of_a_function(emulator: Emulator) -> str:
    function = make_failing_function(emulator, "NoGpuCapacity")
    answer = emulator.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    assert answer["FunctionError"]
    return str(json.load(answer["Payload"])["errorType"])


def test_function_fails_with_the_name_of_its_exception(emulator: Emulator) -> None:
    assert error_of_a_function(emulator) == "NoGpuCapacity"


def test_emulator_still_gives_every_exception_one_name(unpatched: Emulator) -> None:
    assert error_of_a_function(unpatched) == "Runtime.HandlerError"


def test_emulator_still_ignores_heartbeats(unpatched: Emulator) -> None:
    queue = make_queue(unpatched)
    execution = start(unpatched, make_machine(unpatched, {"Wait": token_task(queue, HeartbeatSeconds=1)}))
    assert wait_for_end(unpatched, execution, 2.5)["status"] == "RUNNING"


def test_emulator_still_ignores_the_machines_timeout(unpatched: Emulator) -> None:
    machine = make_machine(unpatched, {"Wait": token_task(make_queue(unpatched))}, TimeoutSeconds=1)
    assert wait_for_end(unpatched, start(unpatched, machine), 2.5)["status"] == "RUNNING"


def test_emulator_still_fails_on_jsonata_timeouts(unpatched: Emulator) -> None:
    task = token_task(make_queue(unpatched), TimeoutSeconds="{% 1 %}")
    found = wait_for_end(unpatched, start(unpatched, make_machine(unpatched, {"Wait": task})))
    assert found.get("error") != "States.Timeout"


def test_emulator_still_takes_tokens_of_stopped_executions(unpatched: Emulator) -> None:
    queue, states = make_queue(unpatched), unpatched.client("stepfunctions")
    execution = start(unpatched, make_machine(unpatched, {"Wait": token_task(queue)}))
    token = receive_token(unpatched, queue)
    states.stop_execution(executionArn=execution)
    states.send_task_heartbeat(taskToken=token)
    states.send_task_failure(taskToken=token, error="Late")
    deadline = time.monotonic() + 5
    while states.describe_execution(executionArn=execution)["status"] == "ABORTED" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert states.describe_execution(executionArn=execution)["status"] == "FAILED"


def test_emulator_still_refuses_to_start_twice(unpatched: Emulator) -> None:
    machine = make_machine(unpatched, {"Wait": token_task(make_queue(unpatched), TimeoutSeconds=2)})
    start(unpatched, machine, name="one")
    with pytest.raises(ClientError):
        start(unpatched, machine, name="one")


def test_emulator_still_catches_runtime_errors(unpatched: Emulator) -> None:
    task = token_task(make_queue(unpatched), Next="Caught", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}])
    task["Resource"] = "arn:aws:states:::nosuchservice:call.waitForTaskToken"
    machine = make_machine(unpatched, {"Call": task, "Caught": {"Type": "Succeed"}})
    assert wait_for_end(unpatched, start(unpatched, machine))["status"] == "SUCCEEDED"
