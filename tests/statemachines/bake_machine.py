"""Running bake_image on the emulator: a stack's name, a table, an instance and a function for each case."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.emulator import Emulator
from tests.cloud import policy
from tests.statemachines.definition import BAKE_IMAGE
from tests.statemachines.emulated import HANGS_S, TEST_CASE, entered, follow, make_roles, make_stub, make_table, untimed
from tests.statemachines.machine import Answer, success

OFFER: Answer = success()  # of the disk: completed with the session's id and its instance's

# Keeps the token where the case's worker finds it.
STUB = """
import boto3

def {name}(event, context):
    item = {{"pk": {{"S": "TOKEN"}}, "sk": {{"S": "1"}}, "token": {{"S": event["task_token"]}}}}
    boto3.client("dynamodb").put_item(TableName="{table}", Item={{**item, "on_demand": {{"BOOL": event["allow_on_demand"]}}}})
    return {{"session_id": "ses_1"}}
"""  # noqa: E501


@dataclass(frozen=True)
class BakeCase:
    """A way through the machine. `baked`: an earlier bake has published an image. `unfinished`: one was cut off and has
    left a snapshot. `recorded`: whether the session's record is there."""

    name: str
    path: tuple[str, ...]
    error: str | None = None
    states: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    worker: Answer = OFFER
    baked: bool = False
    unfinished: bool = False
    recorded: bool = True


@dataclass
class BakeRun:
    case: BakeCase
    status: str
    error: str | None
    cause: str | None
    path: list[str]
    before: str  # the image that an earlier bake has published
    published: str
    images: list[str]
    snapshots: int
    released: bool
    notifications: list[str]
    instance: str  # its state


class BakeBench:
    """What all cases share: roles."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        for service in ("stepfunctions", "dynamodb", "ec2", "ssm", "sns", "sqs", "lambda"):
            emulator.client(service)  # made once, before eight threads want it
        self.role = make_roles(emulator)

    def run(self, case: BakeCase) -> BakeRun:
        name = f"start_{case.name.replace('-', '_')}"
        function = make_stub(self.emulator, f"stub.{name}", STUB.format(name=name, table=case.name))
        recorded = [{"pk": {"S": "SESSIONS"}, "sk": {"S": "ses_1"}}] if case.recorded else []
        make_table(self.emulator, case.name, *recorded)
        before = self._bake_before(case)
        instance_id = self._launch(case)
        topic, inbox = self._make_inbox(case)
        values = {
            "Partition": "aws",
            "TableName": case.name,
            "TopicArn": topic,
            "StackName": case.name,
            "ImageParameter": parameter(case),
            "StartBakeFunctionArn": function,
            "BootTimeoutSeconds": str(HANGS_S),
        }
        states = self.emulator.client("stepfunctions")
        machine = states.create_state_machine(
            name=case.name, roleArn=self.role, definition=untimed(BAKE_IMAGE.render(values))
        )["stateMachineArn"]
        execution = states.start_execution(stateMachineArn=f"{machine}#{TEST_CASE}", input="{}")["executionArn"]
        follow(self.emulator, execution, lambda running: self._work(case, instance_id, running))
        return self._result(case, execution, before, instance_id, inbox)

    def _launch(self, case: BakeCase) -> str:
        launched = self.emulator.client("ec2").run_instances(
            ImageId="ami-12345678", InstanceType="g6.xlarge", MinCount=1, MaxCount=1
        )
        return str(launched["Instances"][0]["InstanceId"])

    def _bake_before(self, case: BakeCase) -> str:
        ec2 = self.emulator.client("ec2")
        tags = [{"Key": "foreverus:stack", "Value": case.name}]
        instance_id = self._launch(case)
        if case.unfinished:
            (volume,) = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance_id]}])[
                "Volumes"
            ]
            specification = [{"ResourceType": "snapshot", "Tags": tags}]
            ec2.create_snapshot(VolumeId=volume["VolumeId"], TagSpecifications=specification)
        if not case.baked:
            return ""
        image = ec2.create_image(
            InstanceId=instance_id,
            Name=f"{case.name}-before",
            TagSpecifications=[{"ResourceType": kind, "Tags": tags} for kind in ("image", "snapshot")],
        )["ImageId"]
        self.emulator.client("ssm").put_parameter(Name=parameter(case), Type="String", Value=image)
        return str(image)

    def _make_inbox(self, case: BakeCase) -> tuple[str, str]:
        """(topic, the address of a queue that hears it)."""
        sns, sqs = self.emulator.client("sns"), self.emulator.client("sqs")
        topic = sns.create_topic(Name=case.name)["TopicArn"]
        delivery = policy({"Action": "sqs:SendMessage", "Resource": "*", "Principal": {"Service": "sns.amazonaws.com"}})
        inbox = sqs.create_queue(QueueName=case.name, Attributes={"Policy": delivery})["QueueUrl"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=topic.replace(":sns:", ":sqs:"))
        return topic, inbox

    def _work(self, case: BakeCase, instance_id: str, running: Callable[[], bool]) -> None:
        """The session's worker: offers its disk, or the session ends before it can."""
        states, key = self.emulator.client("stepfunctions"), {"pk": {"S": "TOKEN"}, "sk": {"S": "1"}}
        while running():
            read = self.emulator.client("dynamodb").get_item(TableName=case.name, Key=key, ConsistentRead=True)
            if item := read.get("Item"):
                kind, answer = case.worker
                if kind == "success":
                    offer = {
                        "session_id": "ses_1",
                        "instance_id": instance_id,
                        "healthy_at": "2026-11-21T20:22:30.123Z",
                    }
                    states.send_task_success(taskToken=item["token"]["S"], output=json.dumps(offer))
                else:
                    states.send_task_failure(taskToken=item["token"]["S"], **answer)
                return
            time.sleep(0.03)

    def _result(self, case: BakeCase, execution: str, before: str, instance_id: str, inbox: str) -> BakeRun:
        ec2, ssm = self.emulator.client("ec2"), self.emulator.client("ssm")
        found = self.emulator.client("stepfunctions").describe_execution(executionArn=execution)
        ours = {"Filters": [{"Name": "tag:foreverus:stack", "Values": [case.name]}]}
        parameters = ssm.get_parameters(Names=[parameter(case)])["Parameters"]
        session = {"pk": {"S": "SESSIONS"}, "sk": {"S": "ses_1"}}
        record = self.emulator.client("dynamodb").get_item(TableName=case.name, Key=session).get("Item", {})
        received = self.emulator.client("sqs").receive_message(QueueUrl=inbox, MaxNumberOfMessages=10)
        (reservation,) = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
        return BakeRun(
            case,
            found["status"],
            found.get("error"),
            found.get("cause"),
            entered(self.emulator, execution)[0],
            before,
            parameters[0]["Value"] if parameters else "",
            [one["ImageId"] for one in ec2.describe_images(Owners=["self"], **ours)["Images"]],
            len(ec2.describe_snapshots(OwnerIds=["self"], **ours)["Snapshots"]),
            "baked_at" in record,
            [json.loads(message["Body"])["Subject"] for message in received.get("Messages", [])],
            reservation["Instances"][0]["State"]["Name"],
        )


def parameter(case: BakeCase) -> str:
    return f"/{case.name}/gpu-image"
