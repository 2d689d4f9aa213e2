"""What a host of the API needs of a deployed stack: the settings of the functions that it stands for, and a role that
may what theirs may. `python -m foreverus.serve.stack` reads both from AWS, so nothing of them is typed again.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from foreverus.aws.account import Account, CannotLook, own_account

FUNCTIONS = (
    *("ApiFunction", "ChatCompletionsFunction", "AuthorizeFunction"),
    *("ManageKeysFunction", "ManageAccountFunction"),
)
# Of Lambda's web server alone; the port is a setting of its application, which nobody listens on here.
_LAMBDAS = ("AWS_LAMBDA_EXEC_WRAPPER", "AWS_LWA_INVOKE_MODE", "AWS_LWA_READINESS_CHECK_PROTOCOL")
# Beanstalk's own agent on the instance: it fetches the bundle, tells how the instance is and keeps its logs.
BEANSTALK_AGENT = {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AWSElasticBeanstalkWebTier"}

EXECUTION_ROLE = "ecsTaskExecutionRole"  # as AWS's own pages call it: it fetches the image and writes lines of the log
PORT = 8000

Document = Mapping[str, object]


class HostKind(StrEnum):
    """Where the process runs; who takes its role."""

    BEANSTALK = "beanstalk"
    ECS = "ecs"

    @property
    def principal(self) -> str:
        return "ec2.amazonaws.com" if self is HostKind.BEANSTALK else "ecs-tasks.amazonaws.com"


class SettingsDiffer(Exception):
    """Two functions have a variable of one name with two values: one process cannot have both."""


@dataclass(frozen=True)
class HostNeeds:
    """`account`: as ARNs of IAM begin, `arn:aws:iam::123456789012`. `policies`: the functions' own, as IAM has them, by
    name."""

    stack: str
    account: str
    settings: Mapping[str, str]
    policies: Mapping[str, Document]


def read(account: Account, stack: str) -> HostNeeds:
    """Of the deployed stack. Raises CannotLook, SettingsDiffer."""
    listed = account.call("cloudformation", "list_stack_resources", StackName=stack)["StackResourceSummaries"]
    names = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed}
    configurations = [
        account.call("lambda", "get_function_configuration", FunctionName=names[one]) for one in FUNCTIONS
    ]
    settings = merged([one["Environment"]["Variables"] for one in configurations])
    policies: dict[str, Document] = {}
    for configuration in configurations:
        role = configuration["Role"].rpartition("/")[2]
        for name in account.call("iam", "list_role_policies", RoleName=role)["PolicyNames"]:
            found = account.call("iam", "get_role_policy", RoleName=role, PolicyName=name)
            policies[name] = found["PolicyDocument"]
    place = configurations[0]["Role"].partition(":role/")[0]
    return HostNeeds(stack, place, {**settings, "AWS_DEFAULT_REGION": account.region}, policies)


def merged(variables: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Raises SettingsDiffer.

    >>> merged([{"A": "1"}, {"A": "1", "AWS_LWA_INVOKE_MODE": "response_stream"}])
    {'A': '1'}
    """
    found: dict[str, str] = {}
    for one in variables:
        for name, value in one.items():
            text = str(value)
            if name not in _LAMBDAS and found.setdefault(name, text) != text:
                raise SettingsDiffer(f"{name} is {found[name]!r} for one function and {text!r} for another")
    return found


def settings_file(settings: Mapping[str, str]) -> str:
    """For a shell (`set -a; . file`), and for `docker run --env-file` where no value has a space.

    >>> settings_file({"TYPES": "g5.xlarge,g6.xlarge", "NONE": "", "TEXT": "a b"})
    "NONE=\\nTEXT='a b'\\nTYPES=g5.xlarge,g6.xlarge\\n"
    """
    return "".join(f"{name}={shlex.quote(value) if value else ''}\n" for name, value in sorted(settings.items()))


def role_name(stack: str, kind: HostKind) -> str:
    return f"{stack}-host-{kind.value}"


def role_template(needs: HostNeeds, kind: HostKind) -> Document:
    """A template of CloudFormation: a role with a copy of the functions' policies, each a policy of its own (a role's
    inline ones may have 10,240 characters together), and for an instance its profile. Deploy it again after each
    deployment that changed a function's permissions."""
    trust = {"Effect": "Allow", "Principal": {"Service": kind.principal}, "Action": "sts:AssumeRole"}
    properties: dict[str, object] = {
        "RoleName": role_name(needs.stack, kind),
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "ManagedPolicyArns": [
            *({"Ref": name} for name in needs.policies),
            *([BEANSTALK_AGENT] if kind is HostKind.BEANSTALK else []),
        ],
    }
    resources: dict[str, object] = {
        name: {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
        for name, document in needs.policies.items()
    }
    resources["HostRole"] = {"Type": "AWS::IAM::Role", "Properties": properties}
    if kind is HostKind.BEANSTALK:
        profile = {"InstanceProfileName": role_name(needs.stack, kind), "Roles": [{"Ref": "HostRole"}]}
        resources["HostProfile"] = {"Type": "AWS::IAM::InstanceProfile", "Properties": profile}
    about = f"The role of a host of {needs.stack}'s API: what its functions may. Written by foreverus.serve.stack."
    return {"AWSTemplateFormatVersion": "2010-09-09", "Description": about, "Resources": resources}


def task_definition(needs: HostNeeds, image: str) -> Document:
    """What `aws ecs register-task-definition` takes, of the smallest task of Fargate. It begins no task, and no service
    keeps one. Its lines go to a log group of its own, which the execution role makes."""
    role = f"{needs.account}:role"
    log = {
        "awslogs-group": f"/foreverus/{needs.stack}/host",
        "awslogs-region": needs.settings["AWS_DEFAULT_REGION"],
        "awslogs-stream-prefix": "api",
        "awslogs-create-group": "true",
    }
    container: Document = {
        "name": "api",
        "image": image,
        "environment": [{"name": name, "value": value} for name, value in sorted(needs.settings.items())],
        "portMappings": [{"containerPort": PORT}],
        "user": "10001:10001",
        "readonlyRootFilesystem": True,
        "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
        "stopTimeout": 120,
        "logConfiguration": {"logDriver": "awslogs", "options": log},
    }
    return {
        "family": f"{needs.stack}-api",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        "taskRoleArn": f"{role}/{role_name(needs.stack, HostKind.ECS)}",
        "executionRoleArn": f"{role}/{EXECUTION_ROLE}",
        "containerDefinitions": [container],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """0, or 1 with the reason where AWS does not say."""
    parser = argparse.ArgumentParser(prog="python -m foreverus.serve.stack", description=__doc__)
    parser.add_argument("what", choices=["settings", "role", "task"], help="what is printed")
    parser.add_argument("--stack", default="foreverus", help="the stack's name (foreverus)")
    parser.add_argument("--region", help="the stack's region (that of the AWS CLI)")
    parser.add_argument("--for", dest="kind", type=HostKind, choices=list(HostKind), default=HostKind.BEANSTALK)
    parser.add_argument("--image", default="", help="of a task's container, by its digest")
    given = parser.parse_args(arguments)
    if given.what == "task" and "@sha256:" not in given.image:
        parser.error("--image names the image by its digest: …/foreverus-api@sha256:…")
    try:
        needs = read(own_account(given.region), given.stack)
    except (CannotLook, SettingsDiffer) as err:
        sys.stderr.write(f"{err}\n")
        return 1
    printed = {
        "settings": lambda: settings_file(needs.settings).rstrip("\n"),
        "role": lambda: json.dumps(role_template(needs, given.kind)),
        "task": lambda: json.dumps(task_definition(needs, given.image)),
    }
    sys.stdout.write(printed[given.what]() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
