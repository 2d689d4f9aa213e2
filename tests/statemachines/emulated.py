"""A state machine on an emulator of its own: mocked states, stub functions, and an execution followed to its end.

Faults come in by the emulator's mock configuration (Step Functions Local's format): a state named there returns or
throws what the case says on its n-th entry; every other state does its real call.

No time limit stands here but one that a case asks for: how fast a call is depends on what else the machine is doing.
"""

import io
import json
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from local.emulator import ACCOUNT, Emulator
from tests.cloud import bare_emulator, policy, trust
from tests.statemachines import requests

TEST_CASE = "case"
LONGEST_CALL_S = 900  # of a Lambda function, on AWS too
NEVER_S = 99_999_999  # the longest TimeoutSeconds that the Amazon States Language takes
HANGS_S = 600  # a token that nobody has answered by then is never answered; no case comes near it
LOOK_AGAIN_S = 0.05


class Mocked(Protocol):
    """A case of either machine."""

    @property
    def name(self) -> str: ...
    @property
    def states(self) -> dict[str, list[dict[str, Any]]]: ...


def make_table(emulator: Emulator, name: str, *items: Mapping[str, Any]) -> None:
    """The stack's, with these items in it, as DynamoDB has them."""
    dynamodb = emulator.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
    )
    for item in items:
        dynamodb.put_item(TableName=name, Item=item)


@contextmanager
def mocked(cases: "Sequence[Mocked]") -> Iterator[Emulator]:
    """An emulator whose states return or throw what each case says."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as mocks:
        json.dump(mock_configuration(cases), mocks)
        mocks.flush()
        # Retries and waits take no time: what is asked here is where they lead.
        with bare_emulator({"SFN_MOCK_CONFIG": mocks.name, "SFN_WAIT_SCALE": "0"}) as emulator:
            yield emulator


def mock_configuration(cases: Sequence[Mocked]) -> dict[str, Any]:
    machines: dict[str, Any] = {}
    responses: dict[str, Any] = {}
    for case in cases:
        chosen = {}
        for state, answers in case.states.items():
            name = f"{case.name}/{state}"
            chosen[state] = name
            responses[name] = {str(i): answer for i, answer in enumerate(answers)}
        machines[case.name] = {"TestCases": {TEST_CASE: chosen}}
    return {"StateMachines": machines, "MockedResponses": responses}


def make_roles(emulator: Emulator, *, stub_may: bool = True) -> str:
    """Roles `machine`, whose ARN it returns, and `stub`. They may everything: the template's are proved by
    tests/local."""
    iam, everything = emulator.client("iam"), policy({"Action": "*", "Resource": "*"})
    role: str = iam.create_role(RoleName="machine", AssumeRolePolicyDocument=trust("states"))["Role"]["Arn"]
    iam.create_role(RoleName="stub", AssumeRolePolicyDocument=trust("lambda"))
    for name in ("machine", "stub") if stub_may else ("machine",):
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=everything)
    return role


def answer_tokens(
    states: Any, answers: Sequence[tuple[str, Any]], token: Callable[[], str], running: Callable[[], bool]
) -> None:
    """As who has the work would: each answer (`success`, `failure`, or none) to a new token, while it runs.

    `token`: that which is there now, or nothing.
    """
    seen = ""
    for kind, answer in answers:
        while running():
            given = token()
            if given and given != seen:
                seen = given
                break
            time.sleep(LOOK_AGAIN_S)
        else:
            return
        if kind == "success":
            states.send_task_success(taskToken=seen, output=json.dumps(answer))
        elif kind == "failure":
            states.send_task_failure(taskToken=seen, **answer)


def make_stub(emulator: Emulator, handler: str, code: str) -> str:
    """A function of that Python text, with the role `stub`; returns its ARN."""
    archive = io.BytesIO()
    module, name = handler.split(".")
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr(f"{module}.py", code)
    made = emulator.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler=handler,
        Role=f"arn:aws:iam::{ACCOUNT}:role/stub",
        Code={"ZipFile": archive.getvalue()},
        Timeout=LONGEST_CALL_S,  # the default, 3 s, is over before a stub's first call of AWS on a busy machine
    )
    return str(made["FunctionArn"])


def untimed(definition: str) -> str:
    """The machine without the fixed time limits of its tasks: AWS keeps within them, a busy laptop need not.

    test_rules.py asks that they are there. A limit that is an expression stays: a case sets it when it means it.
    """
    machine = json.loads(definition)
    for state in machine["States"].values():
        if isinstance(state.get("TimeoutSeconds"), int):
            state["TimeoutSeconds"] = NEVER_S
    return json.dumps(machine)


def follow(emulator: Emulator, execution: str, work: Callable[[Callable[[], bool]], None]) -> None:
    """Waits for the execution's end. `work` runs beside it, and is told how to ask whether it still runs."""

    def running() -> bool:
        found = emulator.client("stepfunctions").describe_execution(executionArn=execution)
        return bool(found["status"] == "RUNNING")

    worker = threading.Thread(target=work, args=(running,), daemon=True)
    worker.start()
    while running():
        time.sleep(LOOK_AGAIN_S)
    worker.join()  # it sees the end too


def entered(emulator: Emulator, execution: str) -> tuple[list[str], dict[str, Any]]:
    """The states that an execution went through, and the newest input of each. AWS would take what they asked."""
    path: list[str] = []
    inputs: dict[str, Any] = {}
    token: dict[str, str] = {}
    while True:
        page = emulator.client("stepfunctions").get_execution_history(executionArn=execution, **token)
        for event in page["events"]:
            assert requests.in_history(event) == [], path[-1]
            if details := event.get("stateEnteredEventDetails"):
                path.append(details["name"])
                inputs[details["name"]] = json.loads(details["input"])
        if "nextToken" not in page:
            return path, inputs
        token = {"nextToken": page["nextToken"]}
