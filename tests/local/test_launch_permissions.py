"""Nothing but the state machine and the reaper may launch or terminate: each role of the stack tries.

A machine of one state acts under the role that it is given, and IAM judges what it asks for.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.cloud import Cloud
from tests.cloud import unique
from tests.local.sessions import wait_until

pytestmark = pytest.mark.cloud

LAUNCHER = "GpuSessionRole"
TERMINATORS = {"GpuSessionRole", "ReapGpusFunctionRole", "EndSessionsFunctionRole"}
KINDS = ("fleet", "instance", "volume", "network-interface")


@pytest.fixture(scope="module")
def roles(cloud: Cloud) -> dict[str, str]:
    """The ARN of every role of the stack by its logical id."""
    pages = cloud.emulator.client("cloudformation").get_paginator("list_stack_resources")
    found = [
        one for page in pages.paginate(StackName=cloud.outputs["stack_name"]) for one in page["StackResourceSummaries"]
    ]
    names = {
        one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found if one["ResourceType"] == "AWS::IAM::Role"
    }
    iam = cloud.emulator.client("iam")
    return {logical: iam.get_role(RoleName=name)["Role"]["Arn"] for logical, name in names.items()}


def attempt(cloud: Cloud, role: str, action: str, arguments: dict[str, Any]) -> tuple[bool, str]:
    """(whether the role did it, the cause why not)."""
    state = {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:ec2:{action}", "Arguments": arguments, "End": True}
    definition = {"QueryLanguage": "JSONata", "StartAt": "Try", "States": {"Try": state}}
    states = cloud.emulator.client("stepfunctions")
    machine = states.create_state_machine(name=unique("try"), roleArn=role, definition=json.dumps(definition))
    execution = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    try:
        wait_until(lambda: states.describe_execution(executionArn=execution)["status"] != "RUNNING", "it was tried")
        found = states.describe_execution(executionArn=execution)
        return found["status"] == "SUCCEEDED", found.get("cause") or found.get("output") or ""
    finally:
        states.delete_state_machine(stateMachineArn=machine["stateMachineArn"])


def fleet(cloud: Cloud) -> dict[str, Any]:
    """What the state machine asks for, for a session that nobody has."""
    ec2 = cloud.emulator.client("ec2")
    subnets = ec2.describe_subnets(Filters=[{"Name": "tag:Name", "Values": [cloud.outputs["stack_name"]]}])["Subnets"]
    tags = [
        {"Key": "foreverus:session", "Value": "ses_try"},
        {"Key": "foreverus:stack", "Value": cloud.outputs["stack_name"]},
    ]
    specification = {"LaunchTemplateId": cloud.stack["LaunchTemplateId"], "Version": "1"}
    overrides = [{"InstanceType": "g6.xlarge", "SubnetId": subnets[0]["SubnetId"]}]
    return {
        "Type": "instant",
        "LaunchTemplateConfigs": [{"LaunchTemplateSpecification": specification, "Overrides": overrides}],
        "TargetCapacitySpecification": {"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "spot"},
        "TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in KINDS],
    }


def without_tags(asked: dict[str, Any], cloud: Cloud) -> None:
    del asked["TagSpecifications"]


def with_instances_untagged(asked: dict[str, Any], cloud: Cloud) -> None:
    asked["TagSpecifications"] = [one for one in asked["TagSpecifications"] if one["ResourceType"] != "instance"]


def without_the_session(asked: dict[str, Any], cloud: Cloud) -> None:
    for one in asked["TagSpecifications"]:
        one["Tags"] = one["Tags"][1:]


def as_another_stack(asked: dict[str, Any], cloud: Cloud) -> None:
    for one in asked["TagSpecifications"]:
        one["Tags"] = [one["Tags"][0], {"Key": "foreverus:stack", "Value": "another"}]


def through_another_template(asked: dict[str, Any], cloud: Cloud) -> None:
    data = {"ImageId": "ami-12345678", "InstanceType": "p5.48xlarge"}
    made = cloud.emulator.client("ec2").create_launch_template(
        LaunchTemplateName=unique("template"), LaunchTemplateData=data
    )
    specification = asked["LaunchTemplateConfigs"][0]["LaunchTemplateSpecification"]
    specification["LaunchTemplateId"] = made["LaunchTemplate"]["LaunchTemplateId"]


def into_another_subnet(asked: dict[str, Any], cloud: Cloud) -> None:
    ec2 = cloud.emulator.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.99.1.0/24")["Subnet"]["SubnetId"]
    asked["LaunchTemplateConfigs"][0]["Overrides"][0]["SubnetId"] = subnet


@pytest.mark.parametrize(
    "change",
    [
        without_tags,
        with_instances_untagged,
        without_the_session,
        as_another_stack,
        through_another_template,
        into_another_subnet,
    ],
    ids=lambda change: change.__name__,
)
def test_machine_cannot_launch(
    cloud: Cloud, roles: dict[str, str], change: Callable[[dict[str, Any], Cloud], None]
) -> None:
    asked = fleet(cloud)
    change(asked, cloud)
    done, why = attempt(cloud, roles[LAUNCHER], "createFleet", asked)
    assert not done
    assert "not authorized to perform: ec2:" in why


def test_no_other_role_can_launch_even_what_the_machine_may(cloud: Cloud, roles: dict[str, str]) -> None:
    asked = fleet(cloud)
    able = {name for name, role in roles.items() if name != LAUNCHER and attempt(cloud, role, "createFleet", asked)[0]}
    assert len(roles) > 10
    assert able == set()


@pytest.fixture
def launched(cloud: Cloud) -> Iterator[Callable[..., str]]:
    """Launches an instance with these tags; the test's instances are gone afterwards."""
    ec2, made = cloud.emulator.client("ec2"), []

    def launch(**tags: str) -> str:
        listed = [{"Key": key.replace("_", ":"), "Value": value} for key, value in tags.items()]
        specifications = [{"ResourceType": "instance", "Tags": listed}] if listed else []
        bought = ec2.run_instances(
            ImageId="ami-12345678", MinCount=1, MaxCount=1, InstanceType="g6.xlarge", TagSpecifications=specifications
        )
        made.append(bought["Instances"][0]["InstanceId"])
        return str(made[-1])

    yield launch
    ec2.terminate_instances(InstanceIds=made)


def test_machine_and_reaper_terminate_ours_and_nobody_else_does(
    cloud: Cloud, roles: dict[str, str], launched: Callable[..., str]
) -> None:
    able = set()
    for name, role in roles.items():
        ours = launched(foreverus_stack=cloud.outputs["stack_name"])
        if attempt(cloud, role, "terminateInstances", {"InstanceIds": [ours]})[0]:
            able.add(name)
    assert able == TERMINATORS


@pytest.mark.parametrize("tags", [{}, {"foreverus_stack": "another"}, {"Name": "foreverus"}], ids=str)
def test_nobody_terminates_what_is_not_ours(
    cloud: Cloud, roles: dict[str, str], launched: Callable[..., str], tags: dict[str, str]
) -> None:
    theirs = launched(**tags)
    able = {
        name for name, role in roles.items() if attempt(cloud, role, "terminateInstances", {"InstanceIds": [theirs]})[0]
    }
    assert able == set()


def test_used_up_budget_stops_launches_and_not_terminations(
    cloud: Cloud, roles: dict[str, str], launched: Callable[..., str]
) -> None:
    """What the budget's action does: it attaches its policy to the machine's role."""
    iam, formation = cloud.emulator.client("iam"), cloud.emulator.client("cloudformation")
    resource = formation.describe_stack_resource(StackName=cloud.outputs["stack_name"], LogicalResourceId="NoLaunches")
    arn = resource["StackResourceDetail"]["PhysicalResourceId"]
    role = roles[LAUNCHER].rpartition("/")[2]
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    try:
        done, why = attempt(cloud, roles[LAUNCHER], "createFleet", fleet(cloud))
        assert (done, "not authorized" in why) == (False, True)
        ours = launched(foreverus_stack=cloud.outputs["stack_name"])
        assert attempt(cloud, roles[LAUNCHER], "terminateInstances", {"InstanceIds": [ours]})[0]
    finally:
        iam.detach_role_policy(RoleName=role, PolicyArn=arn)


def test_machine_may_launch_what_it_asks_for(cloud: Cloud, roles: dict[str, str]) -> None:
    """Otherwise the refusals above would prove nothing."""
    done, answer = attempt(cloud, roles[LAUNCHER], "createFleet", fleet(cloud))
    assert done, answer
    (bought,) = [i for one in json.loads(answer)["Instances"] for i in one["InstanceIds"]]
    cloud.emulator.client("ec2").terminate_instances(InstanceIds=[bought])
