"""The API's process on this machine, as a host of a stack on the laptop's cloud would run it: with the settings and the
permissions that foreverus.serve.stack reads from the deployed stack, and nothing else."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from foreverus.aws.account import Account
from foreverus.serve.stack import HostKind, HostNeeds, read, role_template
from local import deploy
from local.cloud import Cloud
from local.emulator import ACCOUNT, NO_CONFIGURATION, REGION, ROOT_KEYS
from local.ports import Port
from local.processes import LOOPBACK, Child, answers, wait_until
from tests.cloud import unique
from tests.local.sessions import wait_until as until

CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
START_S = 300.0
GRACE_S = 20


def account(cloud: Cloud) -> Account:
    """Of whoever deployed the stack."""
    import boto3

    made = Account(
        boto3.Session(ROOT_KEYS["AWS_ACCESS_KEY_ID"], ROOT_KEYS["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    )
    made.client = lambda service, region=None, endpoint_url=None: cloud.emulator.client(service)  # type: ignore[method-assign]
    return made


def needs_of(cloud: Cloud) -> HostNeeds:
    return read(account(cloud), deploy.STACK)


def credentials(cloud: Cloud, needs: HostNeeds, kind: HostKind) -> dict[str, str]:
    """Of the role in the template that a person deploys."""
    formation, stack = cloud.emulator.client("cloudformation"), unique("host")
    formation.create_stack(
        StackName=stack, TemplateBody=json.dumps(role_template(needs, kind)), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    found = lambda: formation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]  # noqa: E731
    until(lambda: found() == "CREATE_COMPLETE", "the role is deployed")
    role = next(
        one["PhysicalResourceId"]
        for one in formation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
        if one["ResourceType"] == "AWS::IAM::Role"
    )
    taken = cloud.emulator.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="host"
    )["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": taken["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": taken["SecretAccessKey"],
        "AWS_SESSION_TOKEN": taken["SessionToken"],
    }


@contextmanager
def process(
    cloud: Cloud, settings: dict[str, str], command: Sequence[str] = (), directory: Path | None = None
) -> Iterator[tuple[str, Child]]:
    """Its address with the stage, and its process. `command`: until the options of foreverus.serve."""
    port = Port()
    with port.listener() as listener:
        os.set_inheritable(listener.fileno(), True)
        number = str(listener.fileno())
        start = command or (sys.executable, "-m", "foreverus.serve")
        child = Child(
            "host",
            [*start, "--socket", number, "--grace", str(GRACE_S)],
            log=cloud.state.logs / f"{unique('host')}.log",
            directory=directory,
            environment={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": os.environ.get("PYTHONPATH", "src")}
            | NO_CONFIGURATION
            | {"AWS_ENDPOINT_URL": cloud.emulator.url, "PYTHONUNBUFFERED": "1"}
            | settings,
            sockets=(listener.fileno(),),
            stop_seconds=GRACE_S + 10,
        )
        try:
            child.start()
        except BaseException:
            port.close()
            raise
    try:
        address = f"http://{LOOPBACK}:{port.number}"
        wait_until(lambda: answers(f"{address}/healthz"), START_S, "The host", child.ended)
        yield f"{address}/v1", child
    finally:
        child.stop()
        port.close()
