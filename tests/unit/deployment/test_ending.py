"""Before a stack goes, everything that it runs is ended: against moto's EC2, Step Functions and IAM."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from foreverus.aws.cloudformation import OwnStack
from foreverus.aws.ec2 import Fleet
from foreverus.aws.iam import AttachedPolicy
from foreverus.aws.step_functions import StepFunctionsMachine
from foreverus.deployment.ending import LOOKS, StackEnd, StillOn
from tests.unit.conftest import Aws
from tests.unit.sessions.test_reaping import buy, state

ROLES = ("launching", "answering")
DENY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "*"}]}


@dataclass
class World:
    """A stack with two state machines, a launching role and a denial. `during`: what happens at each pause."""

    policy_arn: str
    role_arn: str
    machines: tuple[StepFunctionsMachine, ...]
    pauses: list[float] = field(default_factory=list)
    during: list[Callable[[], Any]] = field(default_factory=list)
    updating: bool | None = False  # None: nobody can say

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if self.during:
            self.during.pop(0)()

    @property
    def stack_end(self) -> StackEnd:
        return StackEnd(
            machines=self.machines,
            gpus=Fleet(boto3.client("ec2"), "foreverus"),
            denial=AttachedPolicy(boto3.client("iam"), ROLES, self.policy_arn),
            stack=self,
            sleep=self.sleep,
        )

    def is_updating(self) -> bool:
        if self.updating is None:
            raise ConnectionError
        return self.updating

    def attached(self) -> list[str]:
        pages = (boto3.client("iam").list_attached_role_policies(RoleName=role) for role in ROLES)
        return [one["PolicyArn"] for page in pages for one in page["AttachedPolicies"]]


@pytest.fixture
def world(aws: Aws) -> Iterator[World]:
    iam, states = boto3.client("iam"), boto3.client("stepfunctions")
    made = [iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(DENY)) for name in ROLES]
    role = made[0]["Role"]["Arn"]
    policy = iam.create_policy(PolicyName="NoLaunches", PolicyDocument=json.dumps(DENY))["Policy"]["Arn"]
    machines = tuple(
        StepFunctionsMachine(
            states, states.create_state_machine(name=name, definition="{}", roleArn=role)["stateMachineArn"]
        )
        for name in ("batch-run", "gpu-session")
    )
    missing = StepFunctionsMachine(states, machines[0].arn.replace("batch-run", "bake-image"))  # off by default
    yield World(policy, role, (*machines, missing))


def test_executions_are_stopped_and_instances_terminated_of_this_stack_only(world: World) -> None:
    batch_run, gpu_session, _ = world.machines
    batch_run.start("batch_1", {})
    gpu_session.start("ses_1", {})
    ours, theirs = buy("ses_1"), buy("ses_1", stack="another")
    assert world.stack_end.end({}) == {"Stopped": "2", "Terminated": "1"}
    assert (batch_run.status("batch_1"), gpu_session.status("ses_1")) == ("ABORTED", "ABORTED")
    assert state(ours) in ("shutting-down", "terminated") and state(theirs) == "running"


def test_an_update_that_is_rolled_back_ends_nothing(world: World) -> None:
    world.machines[1].start("ses_1", {})
    ours = buy("ses_1")
    world.updating = True
    assert world.stack_end.end({}) == {"Stopped": "0", "Terminated": "0"}
    assert world.machines[1].running() == ["ses_1"] and state(ours) == "running"
    world.updating = None
    assert world.stack_end.end({}) == {"Stopped": "1", "Terminated": "1"}, "no GPU is left on where nobody can say"


@pytest.mark.parametrize(
    ("status", "stays"),
    [
        ("DELETE_IN_PROGRESS", False),
        ("DELETE_FAILED", False),
        ("ROLLBACK_IN_PROGRESS", False),
        ("UPDATE_IN_PROGRESS", True),
        ("UPDATE_ROLLBACK_IN_PROGRESS", True),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", True),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", True),
    ],
)
def test_a_stack_stays_while_it_is_updated(status: str, stays: bool) -> None:
    class CloudFormation:
        def describe_stacks(self, StackName: str) -> dict[str, Any]:
            assert StackName == "foreverus"
            return {"Stacks": [{"StackName": StackName, "StackStatus": status}]}

    assert OwnStack(CloudFormation(), "foreverus").is_updating() is stays


def test_quiet_stack_is_looked_at_twice(world: World) -> None:
    assert world.stack_end.end({}) == {"Stopped": "0", "Terminated": "0"}
    assert len(world.pauses) == 1


def test_what_starts_meanwhile_is_ended_too(world: World) -> None:
    gpu_session = world.machines[1]
    world.during = [lambda: None, lambda: (gpu_session.start("ses_late", {}), buy("ses_late"))]
    gpu_session.start("ses_1", {})
    assert world.stack_end.end({}) == {"Stopped": "2", "Terminated": "1"}
    assert gpu_session.running() == [] and Fleet(boto3.client("ec2"), "foreverus").live() == []


def test_ended_twice_is_ended_once(world: World) -> None:
    buy("ses_1")
    assert world.stack_end.end({})["Terminated"] == "1"
    assert world.stack_end.end({}) == {"Stopped": "0", "Terminated": "0"}
    world.machines[0].stop("never_there")


@pytest.mark.parametrize("attached", [True, False])
def test_policy_that_budgets_attached_is_taken_off(world: World, attached: bool) -> None:
    """CloudFormation did not attach it, and could not delete the role nor the policy."""
    if attached:
        for role in ROLES:
            boto3.client("iam").attach_role_policy(RoleName=role, PolicyArn=world.policy_arn)
    world.stack_end.end({})
    assert world.attached() == []


def test_gpu_that_cannot_be_ended_keeps_the_stack_and_the_others_are_ended(world: World) -> None:
    protected, other = buy("ses_1"), buy("ses_2")
    boto3.client("ec2").modify_instance_attribute(InstanceId=protected, DisableApiTermination={"Value": True})
    with pytest.raises(StillOn, match=f"Still on: {protected}. The stack is kept"):
        world.stack_end.end({})
    assert state(other) in ("shutting-down", "terminated")
    assert len(world.pauses) == LOOKS - 1 and sum(world.pauses) < 240 - 30  # within the function's own time
