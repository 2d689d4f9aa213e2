"""Running batch_run on the emulator: stub functions, one table and one machine for each case.

Plan answers as the case's script says and keeps what it was asked; Serve keeps its token, which the case's worker
answers.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.emulator import Emulator
from tests.cloud import policy
from tests.statemachines.definition import BATCH_RUN
from tests.statemachines.emulated import HANGS_S, TEST_CASE, entered, follow, make_roles, make_stub, make_table, untimed
from tests.statemachines.machine import Answer, success

FUNCTIONS = ("run", "answer", "store")
DONE = success(outcome="done")
USER = "user-1"

# Finish's notification is what it was given, so that a test can read it in the next state's input.
STUB = """
import json, time
import boto3

dynamodb = boto3.client("dynamodb")

def keep(event, kind):
    table = event["batch_id"].removeprefix("batch_")
    dynamodb.put_item(
        TableName=table, Item={"pk": {"S": kind}, "sk": {"S": str(time.time_ns())}, "event": {"S": json.dumps(event)}}
    )
    return table

def run(event, context):
    return globals()[event.pop("step")](event)

def validate(event):
    return {"valid": True, "lines": 50000}

def plan(event):
    table = keep(event, "ASKED")
    number = dynamodb.query(
        TableName=table, KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": "ASKED"}},
        ConsistentRead=True, Select="COUNT",
    )["Count"]
    script = dynamodb.get_item(TableName=table, Key={"pk": {"S": "SCRIPT"}, "sk": {"S": "PLANS"}})["Item"]
    return json.loads(script["plans"]["S"])[number - 1]

def serve(event):
    keep(event, "TOKEN")

def answer(event, context):
    return {"left": 0}

def finish(event):
    return {"batch_id": event["batch_id"], "status": event["status"],
            "notification": {"subject": "s", "message": json.dumps(event)}}

def notified(event):
    keep(event, "NOTIFIED")

def store(event, context):
    return {"batch_id": event["batch_id"]}
"""


def gpu(round_: int = 1, seconds: int = HANGS_S) -> dict[str, Any]:
    """A round on a GPU. Its review comes after so many real seconds: a case that waits for it says one."""
    return {"next": "gpu", "round": round_, "seconds": seconds}


def bedrock(round_: int = 1) -> dict[str, Any]:
    return {"next": "bedrock", "round": round_, "seconds": 840}


def wait(round_: int = 1) -> dict[str, Any]:
    return {"next": "wait", "round": round_, "seconds": 120}


def finish(status: str = "completed", round_: int = 1) -> dict[str, Any]:
    return {"next": "finish", "round": round_, "seconds": 0, "status": status}


def payload(**result: Any) -> dict[str, Any]:
    """What a mocked function returns."""
    return {"Return": {"StatusCode": 200, "Payload": result}}


@dataclass(frozen=True)
class BatchCase:
    """A way through the machine.

    plans: what Plan answers, in order. worker: what answers each token of Serve on GPU. states: as in machine.Case.
    finished: the status that the batch was finished with, and the name of the error that went with it.
    """

    name: str
    path: tuple[str, ...]
    finished: tuple[str, str | None] | None
    error: str | None = None
    plans: tuple[dict[str, Any], ...] = (gpu(), finish())
    worker: tuple[Answer, ...] = (DONE,)
    states: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@dataclass
class BatchRun:
    case: BatchCase
    status: str
    error: str | None
    cause: str | None
    path: list[str]
    inputs: dict[str, Any]
    asked: list[dict[str, Any]]  # what Plan was asked
    offered: list[dict[str, Any]]  # what Serve was given
    notifications: list[str]
    notified: list[dict[str, Any]]  # what the function was given that marks the batch as notified

    @property
    def finishing(self) -> dict[str, Any]:
        """What the function that finished it was given."""
        given: dict[str, Any] = json.loads(self.inputs["Store summary"]["Payload"]["notification"]["message"])
        return given


class BatchBench:
    """What all cases share: stub functions and a role."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        for service in ("stepfunctions", "dynamodb", "sns", "sqs"):
            emulator.client(service)  # made once, before eight threads want it
        self.role = make_roles(emulator)
        self.functions = {name: make_stub(emulator, f"stub.{name}", STUB) for name in FUNCTIONS}

    def run(self, case: BatchCase) -> BatchRun:
        states = self.emulator.client("stepfunctions")
        script = {"pk": {"S": "SCRIPT"}, "sk": {"S": "PLANS"}, "plans": {"S": json.dumps(case.plans)}}
        make_table(self.emulator, case.name, script)
        topic = self.emulator.client("sns").create_topic(Name=case.name)["TopicArn"]
        delivery = policy({"Action": "sqs:SendMessage", "Resource": "*", "Principal": {"Service": "sns.amazonaws.com"}})
        queue = {"QueueName": case.name, "Attributes": {"Policy": delivery}}
        inbox = self.emulator.client("sqs").create_queue(**queue)["QueueUrl"]
        subscribed = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": topic.replace(":sns:", ":sqs:")}
        self.emulator.client("sns").subscribe(**subscribed, Attributes={"RawMessageDelivery": "true"})
        values = {f"{name.capitalize()}BatchFunctionArn": arn for name, arn in self.functions.items()}
        values["StoreResultsFunctionArn"] = self.functions["store"]
        machine = states.create_state_machine(
            name=case.name,
            roleArn=self.role,
            definition=untimed(BATCH_RUN.render({"Partition": "aws", "TopicArn": topic, **values})),
        )["stateMachineArn"]
        batch_id = f"batch_{case.name}"
        execution = states.start_execution(
            stateMachineArn=f"{machine}#{TEST_CASE}",
            name=batch_id,
            input=json.dumps({"batch_id": batch_id, "user_id": USER}),
        )["executionArn"]
        follow(self.emulator, execution, lambda running: self._work(case, running))
        return self._result(case, execution, inbox)

    def _kept(self, case: BatchCase, kind: str) -> list[dict[str, Any]]:
        """What the stubs have kept of that kind, in its order."""
        found = self.emulator.client("dynamodb").query(
            TableName=case.name,
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": kind}},
            ConsistentRead=True,
        )
        return [json.loads(item["event"]["S"]) for item in found["Items"]]

    def _work(self, case: BatchCase, running: Callable[[], bool]) -> None:
        """Answers each token as the case says."""
        states = self.emulator.client("stepfunctions")
        for number, (kind, answer) in enumerate(case.worker):
            while running():
                tokens = self._kept(case, "TOKEN")
                if len(tokens) > number:
                    token = tokens[number]["task_token"]
                    break
                time.sleep(0.03)
            else:
                return
            if kind == "success":
                states.send_task_success(taskToken=token, output=json.dumps(answer))
            elif kind == "failure":
                states.send_task_failure(taskToken=token, **answer)

    def _result(self, case: BatchCase, execution: str, inbox: str) -> BatchRun:
        found = self.emulator.client("stepfunctions").describe_execution(executionArn=execution)
        path, inputs = entered(self.emulator, execution)
        # Publishing has put them there before it answered, so there is nothing to wait for.
        received = self.emulator.client("sqs").receive_message(QueueUrl=inbox, MaxNumberOfMessages=10)
        return BatchRun(
            case,
            found["status"],
            found.get("error"),
            found.get("cause"),
            path,
            inputs,
            self._kept(case, "ASKED"),
            self._kept(case, "TOKEN"),
            [message["Body"] for message in received.get("Messages", [])],
            self._kept(case, "NOTIFIED"),
        )
