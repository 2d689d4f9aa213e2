"""State machines for tests of the emulator's Step Functions."""

import io
import json
import time
import zipfile
from typing import Any

from local.emulator import ACCOUNT, Emulator
from tests.cloud import policy, trust, unique
from tests.local.sessions import PATIENCE_S

ACTIONS = ["dynamodb:*", "sqs:*", "ec2:*", "states:*", "lambda:InvokeFunction", "iam:PassRole"]
ROLE_POLICY = policy({"Action": ACTIONS, "Resource": "*"})
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


def make_role(emulator: Emulator, service: str, document: str = ROLE_POLICY) -> str:
    iam, name = emulator.client("iam"), unique("role")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))
    iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=document)
    return name


def make_machine(emulator: Emulator, states: dict[str, Any], *, role: str | None = None, **top: Any) -> str:
    """Creates a JSONata state machine that starts at its first state; returns its ARN."""
    role = role or make_role(emulator, "states")
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **top}
    return str(
        emulator.client("stepfunctions").create_state_machine(
            name=unique("machine"),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}",
            definition=json.dumps(definition),
        )["stateMachineArn"]
    )


def make_failing_function(emulator: Emulator, error: str) -> str:
    """A function that raises an exception of that name; returns its ARN."""
    source = f"class {error}(Exception): pass\n\ndef handler(event, context):\n    raise {error}('a test')\n"
    return make_function(emulator, source)


def make_function(emulator: Emulator, source: str) -> str:
    """A function whose code is that, with a `handler`; returns its ARN. The same source makes the same archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr(zipfile.ZipInfo("it.py"), source)
    made = emulator.client("lambda").create_function(
        FunctionName=unique("function"),
        Runtime="python3.13",
        Handler="it.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/{make_role(emulator, 'lambda')}",
        Code={"ZipFile": archive.getvalue()},
    )
    return str(made["FunctionArn"])


def make_queue(emulator: Emulator) -> str:
    return str(emulator.client("sqs").create_queue(QueueName=unique("queue"))["QueueUrl"])


def token_task(queue_url: str, **fields: Any) -> dict[str, Any]:
    """A state that sends its task token to a queue and waits."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Arguments": {"QueueUrl": queue_url, "MessageBody": {"token": "{% $states.context.Task.Token %}"}},
        **({"End": True} if "Next" not in fields else {}),
        **fields,
    }


def receive(emulator: Emulator, queue_url: str) -> dict[str, Any]:
    """The queue's next message, as SQS gives it: waited for as for anything that must happen."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = emulator.client("sqs").receive_message(QueueUrl=queue_url, WaitTimeSeconds=10)
        if messages := found.get("Messages"):
            return dict(messages[0])
        assert time.monotonic() < deadline, "nobody sent a message"


def receive_token(emulator: Emulator, queue_url: str) -> str:
    message = receive(emulator, queue_url)
    emulator.client("sqs").delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return str(json.loads(message["Body"])["token"])


def start(emulator: Emulator, machine_arn: str, **request: Any) -> str:
    return str(emulator.client("stepfunctions").start_execution(stateMachineArn=machine_arn, **request)["executionArn"])


def wait_for_end(emulator: Emulator, execution_arn: str, seconds: float = PATIENCE_S) -> dict[str, Any]:
    """The execution's description once it is over, or as it is after so many seconds."""
    states = emulator.client("stepfunctions")
    deadline = time.monotonic() + seconds
    while True:
        found: dict[str, Any] = states.describe_execution(executionArn=execution_arn)
        if found["status"] in ENDED or time.monotonic() > deadline:
            return found
        time.sleep(0.05)
