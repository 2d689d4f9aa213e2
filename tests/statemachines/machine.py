"""Running gpu_session on the emulator: one table, one launch template and one machine for each case."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.emulator import Emulator
from tests.statemachines.definition import GPU_SESSION
from tests.statemachines.emulated import (
    HANGS_S,
    TEST_CASE,
    answer_tokens,
    entered,
    follow,
    make_roles,
    make_stub,
    make_table,
    untimed,
)

SLOT = {"pk": {"S": "GPU"}, "sk": {"S": "SLOT#0"}}

Answer = tuple[str, dict[str, Any]]  # ("success", output) or ("failure", {"error", "cause"})


def success(**output: Any) -> Answer:
    return "success", output


def failure(error: str, cause: str = "a test") -> Answer:
    return "failure", {"error": error, "cause": cause}


SILENCE: Answer = ("silence", {})
HEALTHY = success(healthy_at="2026-11-21T20:22:30.123Z")


def throw(error: str, cause: str = "a test") -> dict[str, Any]:
    return {"Throw": {"Error": error, "Cause": cause}}


def give(result: dict[str, Any]) -> dict[str, Any]:
    return {"Return": result}


def refused(*codes: str) -> dict[str, Any]:
    """An instant fleet's answer without an instance."""
    override = {"LaunchTemplateAndOverrides": {"Overrides": {"InstanceType": "g6.xlarge", "SubnetId": "subnet-x"}}}
    errors = [{"ErrorCode": c, "ErrorMessage": "m", **override} for c in codes]
    return give({"FleetId": "fleet-1", "Instances": [], "Errors": errors})


@dataclass(frozen=True)
class Case:
    """A way through the machine.

    states: what a state answers on its 1st, 2nd… entry; after the last answer comes the real call.
    worker: what the worker answers to its 1st, 2nd… token.
    """

    name: str
    path: tuple[str, ...]
    error: str | None = None
    request: dict[str, Any] = field(default_factory=dict)
    states: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    worker: tuple[Answer, ...] = (HEALTHY, success(outcome="idle"))
    work_waits: bool = False
    status: str | None = "requested"  # of the session's record; None: nobody has claimed this session
    slot_of: str | None = None  # another session that holds the GPU slot
    already_launched: bool = False
    pools: dict[str, Any] | None = None  # the order of zones and types in the session's record, as DynamoDB has it
    substitutions: dict[str, str] = field(default_factory=dict)


@dataclass
class Run:
    case: Case
    session_id: str
    status: str
    error: str | None
    cause: str | None
    path: list[str]
    inputs: dict[str, Any]
    record: dict[str, Any] | None
    slot: dict[str, Any] | None
    instances: list[dict[str, Any]]
    seconds: float

    @property
    def closing(self) -> dict[str, Any]:
        """What Close session was given."""
        closed: dict[str, Any] = json.loads(self.inputs["Store results"]["Payload"]["notification"]["message"])
        return closed


# The close function's notification is what it was given, so that a test can read it in the next state's input.
STUB = """
import json

def close(event, context):
    names = {"session_id": event["session_id"], "error": ""}
    return {**names, "notification": {"subject": "s", "message": json.dumps(event)}}

def store(event, context):
    return {"session_id": event["session_id"]}

def answer(event, context):
    return {"session_id": event["session_id"], "answered": 1, "left": 0}
"""


class Bench:
    """What all cases share: stub functions, a topic, a role, subnets and a launch template."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        for service in ("stepfunctions", "dynamodb"):
            emulator.client(service)  # made once, before eight threads want it
        ec2 = emulator.client("ec2")
        self.role = make_roles(emulator, stub_may=False)
        self.functions = {name: make_stub(emulator, f"stub.{name}", STUB) for name in ("answer", "close", "store")}
        self.topic = emulator.client("sns").create_topic(Name="sessions")["TopicArn"]
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]
            for i, zone in enumerate("ab")
        ]
        made = ec2.create_launch_template(
            LaunchTemplateName="gpu", LaunchTemplateData={"ImageId": "ami-12345678", "InstanceType": "g6.xlarge"}
        )
        self.launch_template = made["LaunchTemplate"]["LaunchTemplateId"]

    def substitutions(self, table: str) -> dict[str, str]:
        return {
            "Partition": "aws",
            "TableName": table,
            "TopicArn": self.topic,
            "StackName": "foreverus",
            "LaunchTemplateId": self.launch_template,
            "LaunchTemplateVersion": "1",
            "InstanceTypes": "g6.xlarge,g5.xlarge",
            "SubnetIds": ",".join(subnet["SubnetId"] for subnet in self.subnets),
            "AvailabilityZones": ",".join(subnet["AvailabilityZone"] for subnet in self.subnets),
            "HasImageStore": "false",
            "ImageParameter": f"/{table}/gpu-image",
            "HasBedrock": "true",
            "AnswerChatsFunctionArn": self.functions["answer"],
            "CloseSessionFunctionArn": self.functions["close"],
            "StoreResultsFunctionArn": self.functions["store"],
            "IdleSeconds": "300",
            # Real seconds. A case that asks for one of these limits sets it to one; the others end what hangs.
            "MaxSessionSeconds": str(2 * HANGS_S),
            "BootTimeoutSeconds": str(2 * HANGS_S),
            "BootHeartbeatSeconds": str(HANGS_S),
            "ServeHeartbeatSeconds": str(HANGS_S),
            "MaxRelaunches": "1",
            "MonthlyCapUsd": "20",
            "SessionCapUsd": "4",
        }

    def run(self, case: Case) -> Run:
        begun = time.monotonic()
        states = self.emulator.client("stepfunctions")
        session_id = f"ses_{case.name}"
        make_table(self.emulator, case.name, *self._before(case, session_id))
        if case.already_launched:
            self._launch(session_id)
        machine = states.create_state_machine(
            name=case.name,
            roleArn=self.role,
            definition=untimed(GPU_SESSION.render({**self.substitutions(case.name), **case.substitutions})),
        )["stateMachineArn"]
        execution = states.start_execution(
            stateMachineArn=f"{machine}#{TEST_CASE}", name=session_id, input=json.dumps(case.request)
        )["executionArn"]
        follow(self.emulator, execution, lambda running: self._work(case, session_id, running))
        return self._result(case, session_id, execution, time.monotonic() - begun)

    def _before(self, case: Case, session_id: str) -> list[dict[str, Any]]:
        holder = case.slot_of or (session_id if case.status else None)
        items = []
        if case.work_waits:
            items.append({"pk": {"S": "PENDING"}, "sk": {"S": "msg_1"}})
        if holder:
            items.append({**SLOT, "session_id": {"S": holder}})
        if case.status:
            items.append(
                {
                    "pk": {"S": "SESSIONS"},
                    "sk": {"S": session_id},
                    "session_id": {"S": session_id},
                    "status": {"S": case.status},
                    "version": {"N": "1"},
                    "trigger": {"S": "page"},
                    "owner": {"S": "user-1"},
                    "created_at": {"S": "2026-11-21T20:20:00.000Z"},
                    "allow_on_demand": {"BOOL": False},
                    **({"pools": case.pools} if case.pools else {}),
                }
            )
        return items

    def _launch(self, session_id: str) -> None:
        """An instance that the state machine does not know of: a launch took effect although its call failed."""
        tags = [{"Key": "foreverus:session", "Value": session_id}]
        specification = [{"ResourceType": "instance", "Tags": tags}]
        self.emulator.client("ec2").run_instances(
            ImageId="ami-12345678", InstanceType="g6.xlarge", MinCount=1, MaxCount=1, TagSpecifications=specification
        )

    def _record(self, case: Case, session_id: str) -> dict[str, Any] | None:
        return self._item(case, {"pk": {"S": "SESSIONS"}, "sk": {"S": session_id}})

    def _item(self, case: Case, key: dict[str, dict[str, str]]) -> dict[str, Any] | None:
        return self.emulator.client("dynamodb").get_item(TableName=case.name, Key=key, ConsistentRead=True).get("Item")

    def _work(self, case: Case, session_id: str, running: Callable[[], bool]) -> None:
        """The worker: answers each new token in its mailbox as the case says."""
        states = self.emulator.client("stepfunctions")

        def token() -> str:
            item = self._record(case, session_id) or {}
            return str(item.get("task_token", {}).get("S", ""))

        answer_tokens(states, case.worker, token, running)

    def _result(self, case: Case, session_id: str, execution: str, seconds: float) -> Run:
        states, ec2 = self.emulator.client("stepfunctions"), self.emulator.client("ec2")
        found = states.describe_execution(executionArn=execution)
        path, inputs = entered(self.emulator, execution)
        tagged = ec2.describe_instances(Filters=[{"Name": "tag:foreverus:session", "Values": [session_id]}])
        instances = [i for r in tagged["Reservations"] for i in r["Instances"]]
        return Run(
            case,
            session_id,
            found["status"],
            found.get("error"),
            found.get("cause"),
            path,
            inputs,
            self._record(case, session_id),
            self._item(case, SLOT),
            instances,
            seconds,
        )
