"""`foreverus doctor` on the laptop's cloud: a stack that is well, then one thing after the other broken for real.

What the emulator has no answer for (quotas, offers of instance types, Bedrock's list) is tried in tests/unit/doctor.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from foreverus.aws.account import Account
from foreverus.doctor.examination import examine
from foreverus.doctor.names import log_groups
from foreverus.doctor.records import BOUND_MINUTES, Finding, Patient, Verdict
from local.cloud import Cloud
from tests.cloud import policy, unique
from tests.local.sessions import executions, wait_until

pytestmark = pytest.mark.cloud

ASKED = ("credentials", "region", "Lambda concurrency", "stack", "notifications", "budget", "alarms", "GPUs")


@pytest.fixture
def patient(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Patient:
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.emulator.url)
    return Patient(account("test", "test"), datetime.now(UTC), cloud.outputs["stack_name"])


def account(key_id: str, secret: str) -> Account:
    return Account(boto3.Session(key_id, secret, region_name="us-east-1"))


def findings(patient: Patient) -> dict[str, Finding]:
    return {one.name: one for one in examine(patient)}


def test_a_stack_that_is_well_is_ok_in_every_line_that_the_emulator_can_answer(patient: Patient) -> None:
    found = findings(patient)
    # The emulator's account has room for Lambdas that are kept, which this stack keeps not.
    expected = dict.fromkeys(ASKED, Verdict.OK) | {"Lambda concurrency": Verdict.NOTE}
    assert {name: found[name].verdict for name in ASKED} == expected
    assert "names" not in found


def test_credentials_that_nobody_has_end_it_in_the_first_line(patient: Patient) -> None:
    found = findings(replace(patient, account=account("AKIAIOSFODNN7EXAMPLE", "x" * 40)))
    assert list(found) == ["credentials"]
    assert found["credentials"].command == "aws configure"


@contextmanager
def reader(cloud: Cloud, *actions: str) -> Iterator[Account]:
    """Somebody who may do this and nothing else."""
    iam, name = cloud.emulator.client("iam"), unique("reader")
    iam.create_user(UserName=name)
    iam.put_user_policy(
        UserName=name, PolicyName="all", PolicyDocument=policy({"Action": list(actions), "Resource": "*"})
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    try:
        yield account(key["AccessKeyId"], key["SecretAccessKey"])
    finally:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=name, PolicyName="all")
        iam.delete_user(UserName=name)


def test_what_somebody_may_not_look_at_is_said_and_the_rest_is_looked_at(cloud: Cloud, patient: Patient) -> None:
    with reader(cloud, "sts:*", "ec2:*", "cloudformation:*", "budgets:*", "states:*") as somebody:
        found = findings(replace(patient, account=somebody))
    for name in ("notifications", "alarms"):
        assert found[name].verdict is Verdict.ACT and "ReadOnlyAccess" in found[name].command, found[name]
    assert (found["budget"].verdict, found["GPUs"].verdict) == (Verdict.OK, Verdict.OK)


def test_a_stack_that_is_not_there_is_said_and_what_an_earlier_one_left(cloud: Cloud, patient: Patient) -> None:
    logs, name = cloud.emulator.client("logs"), unique("gone")
    assert findings(replace(patient, stack=name))["names"].verdict is Verdict.OK
    left = log_groups(name)[1]
    logs.create_log_group(logGroupName=left)
    found = findings(replace(patient, stack=name))
    assert found["stack"].command == "sam build && sam deploy"
    assert found["names"].command == f"aws logs delete-log-group --log-group-name {left}"
    logs.delete_log_group(logGroupName=left)
    assert findings(replace(patient, stack=name))["names"].verdict is Verdict.OK


def test_nobody_who_is_notified_is_said(cloud: Cloud, patient: Patient) -> None:
    sns, topic = cloud.emulator.client("sns"), cloud.stack["TopicArn"]
    found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    for one in found:
        sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
    try:
        one = findings(patient)["notifications"]
        assert one.verdict is Verdict.NOTE and one.command.startswith("aws sns subscribe")
    finally:
        for one in found:
            sns.subscribe(TopicArn=topic, Protocol=one["Protocol"], Endpoint=one["Endpoint"])
    assert findings(patient)["notifications"].verdict is Verdict.OK


def physical(cloud: Cloud, logical_id: str) -> str:
    found = cloud.emulator.client("cloudformation").describe_stack_resource(
        StackName=cloud.outputs["stack_name"], LogicalResourceId=logical_id
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def test_an_alarm_is_said_with_its_name(cloud: Cloud, patient: Patient) -> None:
    watch, name = cloud.emulator.client("cloudwatch"), physical(cloud, "ReaperHadToAct")
    watch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    try:
        found = findings(patient)["alarms"]
        assert found.verdict is Verdict.ACT and "ReaperHadToAct" in found.says
        assert found.command == f"aws cloudwatch describe-alarm-history --alarm-name {name}"
    finally:
        watch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="a test")


def test_a_budget_that_is_gone_is_said(cloud: Cloud, patient: Patient) -> None:
    budgets, name = cloud.emulator.client("budgets"), physical(cloud, "Budget")
    number = cloud.stack["TopicArn"].split(":")[4]
    budget = budgets.describe_budget(AccountId=number, BudgetName=name)["Budget"]
    budgets.delete_budget(AccountId=number, BudgetName=name)
    try:
        found = findings(patient)["budget"]
        assert (found.verdict, found.command) == (Verdict.ACT, "sam deploy")
    finally:
        budgets.create_budget(AccountId=number, Budget=budget)


def test_the_last_death_is_said_with_its_execution(cloud: Cloud, patient: Patient) -> None:
    """One that somebody started by hand, without a claimed session."""
    states, name = cloud.emulator.client("stepfunctions"), unique("ses_by_hand")
    begun = states.start_execution(
        stateMachineArn=cloud.stack["GpuSessionArn"], name=name, input=json.dumps({"session_id": name})
    )
    wait_until(lambda: executions(cloud)[name] == "FAILED", "the execution fails")
    found = findings(patient)["last deaths"]
    assert found.verdict is Verdict.NOTE and name in found.says
    assert found.command.endswith(begun["executionArn"])


def test_a_gpu_that_is_left_on_is_said_with_its_region(cloud: Cloud, patient: Patient) -> None:
    tags: Any = [{"Key": "foreverus:stack", "Value": patient.stack}, {"Key": "foreverus:session", "Value": "ses_lost"}]
    ec2 = boto3.client("ec2", region_name="sa-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    made = ec2.run_instances(
        ImageId="ami-12345678",
        InstanceType="g6.xlarge",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )["Instances"][0]["InstanceId"]
    try:
        young = findings(patient)["GPUs"]
        assert young.verdict is Verdict.NOTE and made in young.says
        late = replace(patient, now=patient.now + timedelta(minutes=BOUND_MINUTES + 5))
        old = findings(late)["GPUs"]
        assert old.command == f"aws ec2 terminate-instances --region sa-east-1 --instance-ids {made}"
    finally:
        ec2.terminate_instances(InstanceIds=[made])
