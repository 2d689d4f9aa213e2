"""Each role's actions exist and are given resources that they take; each machine may do what it does, and no more."""

import re
from typing import Any

import pytest

from tests.statemachines.definition import ALL, Definition
from tests.template import iam
from tests.template.template import template

ROLES = {str(machine): f"{machine.logical_id}Role" for machine in ALL}
TABLE = f"arn:aws:dynamodb:{iam.PLACE}:table/foreverus"

# What a machine's role allows beside the calls that stand in the definition: what these calls and the machine itself
# need of AWS. (docs/decisions has why each launch needs its three.)
BESIDE = {
    "ec2:RunInstances": "CreateFleet launches with it",
    "ec2:CreateTags": "CreateFleet tags what it launches",
    "iam:PassRole": "the launch template names the instance's role, and the task's definition two",
    "ecs:TagResource": "RunTask tags what it starts",
    "iam:CreateServiceLinkedRole": "the account's first spot instance",
    "ssm:GetParameter": "the launch template's image is a parameter",
    "ssm:GetParameters": "the same",
    **dict.fromkeys(
        (
            *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery"),
            *("logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies"),
            "logs:DescribeLogGroups",
        ),
        "Step Functions' own list for writing logs",
    ),
    **dict.fromkeys(
        ("xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"),
        "Step Functions' own list for traces",
    ),
}


TAKEN_ALL_THE_SAME = (
    # AWS's reference does not list it, and Karpenter's policy, which launches so everywhere, has it.
    ("ec2:CreateFleet takes", "spot-instances-request/*"),
    # Tasks of Fargate are on no container instance: the condition says which cluster's.
    ("LookForTasks: ecs:ListTasks takes a resource (container-instance)",),
)


@pytest.mark.parametrize("role", iam.roles())
def test_actions_exist_and_take_the_resources_that_they_are_given(role: str) -> None:
    found = [f"{one.get('Sid')}: {said}" for one in iam.roles()[role] for said in iam.mistakes(one)]
    found = [said for said in found if not any(all(word in said for word in one) for one in TAKEN_ALL_THE_SAME)]
    assert found == [], f"in {role} of template.yaml"


def bad(action: Any, resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (bad("dynamodb:GetItems", TABLE), "knows no action dynamodb:GetItems"),
        (bad("dynamo:GetItem", TABLE), "knows no action dynamo:GetItem"),
        (bad("states:SendMessage", "*"), "knows no action"),
        (bad(["dynamodb:GetItem", "sqs:SendMessage"], TABLE), "sqs:SendMessage takes queue"),
        (bad("dynamodb:GetItem", "*"), "name it instead"),
        (bad("s3:GetObject", "arn:aws:s3:::data"), "s3:GetObject takes"),
        (bad("s3:ListBucket", "arn:aws:s3:::data/*"), "s3:ListBucket takes"),
        (bad(["s3:ListBucket", "s3:GetObject"], ["arn:aws:s3:::data", TABLE]), "is nothing that"),
        (bad("ec2:DescribeInstances", f"arn:aws:ec2:{iam.PLACE}:instance/*"), "no resource but *"),
        (bad("states:StartExecution", f"arn:aws:states:{iam.PLACE}:execution:x"), "takes statemachine"),
    ],
)
def test_such_mistakes_are_seen(statement: dict[str, Any], words: str) -> None:
    assert any(words in said for said in iam.mistakes(statement)), list(iam.mistakes(statement))


def asked(machine: Definition) -> set[str]:
    """The actions that the calls in a definition need."""
    found = set()
    for _, state in machine.every_task():
        service, operation = re.sub(r"\.\w+$", "", state["Resource"]).split(":")[-2:]
        service, operation = ("states" if service == "sfn" else service), operation[0].upper() + operation[1:]
        found.add("lambda:InvokeFunction" if service == "lambda" else f"{service}:{operation}")
    return found


@pytest.mark.parametrize("machine", ALL, ids=str)
def test_a_machine_may_do_what_its_definition_says_and_no_more(machine: Definition) -> None:
    role = ROLES[str(machine)]
    assert template()["Resources"][role]["Type"] == "AWS::IAM::Role"
    missing = asked(machine) - iam.actions(role)
    assert missing == set(), f"allow {role} in template.yaml what {machine} calls"
    unused = iam.actions(role) - asked(machine) - set(BESIDE)
    assert unused == set(), f"nothing in {machine} needs it: remove it from {role}, or say in BESIDE here what does"


@pytest.mark.parametrize("machine", ALL, ids=str)
def test_a_machine_may_call_each_function_of_its_own(machine: Definition) -> None:
    for name, state in machine.every_task():
        arguments = state.get("Arguments", {})
        function = re.fullmatch(r"\$\{(\w+)Arn\}", str(arguments.get("FunctionName", "")))
        if function:
            arn = iam.deployed()[f"{function[1]}.Arn"]
            assert iam.allows(ROLES[str(machine)], "lambda:InvokeFunction", arn), name
