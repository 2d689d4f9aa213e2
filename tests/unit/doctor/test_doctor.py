"""The doctor against AWS's own service models: each request is checked by botocore, and so is each answer given here.

A healthy account first; then each thing broken in turn, and its line says what to do.
"""

import copy
import io
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from foreverus.aws.account import Account
from foreverus.cli.__main__ import main
from foreverus.cli.context import Context
from foreverus.doctor import after, before
from foreverus.doctor.examination import examine
from foreverus.doctor.records import BOUND_MINUTES, DEFAULTS, Finding, Patient, Verdict, WebAnswer
from tests.template.template import parameter_defaults
from tests.unit.costs.test_bound import minutes, published

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
TOPIC = "arn:aws:sns:us-east-1:123456789012:foreverus-topic"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:foreverus-gpu-session"
EXECUTION = MACHINE.replace("stateMachine", "execution")


class Refused(Exception):
    def __init__(self, code: str):
        self.code = code


class Http:
    def __init__(self, status: int):
        self.status_code = status


def instance(age_minutes: float, **tags: str) -> dict[str, Any]:
    named = {"foreverus:stack": "foreverus", "foreverus:session": "ses_1", **tags}
    listed = [{"Key": key, "Value": value} for key, value in named.items()]
    return {"InstanceId": "i-1", "LaunchTime": NOW - timedelta(minutes=age_minutes), "Tags": listed}


def execution(status: str) -> dict[str, Any]:
    return {
        "executionArn": f"{EXECUTION}:ses_9",
        "stateMachineArn": MACHINE,
        "name": "ses_9",
        "status": status,
        "startDate": NOW,
    }


def region_zones(letters: str) -> dict[str, Any]:
    return {"AvailabilityZones": [{"ZoneName": f"us-east-1{letter}"} for letter in letters]}


def lambdas(limit: int, unreserved: int) -> dict[str, int]:
    return {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": unreserved}


def sold_in(letters: str) -> dict[str, Any]:
    return {"InstanceTypeOfferings": [{"InstanceType": "g6.xlarge", "Location": f"us-east-1{one}"} for one in letters]}


HEALTHY: dict[str, Any] = {
    "sts.GetCallerIdentity": {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/ana"},
    "ec2.DescribeRegions": {
        "Regions": [{"RegionName": name, "OptInStatus": "opted-in"} for name in ("us-east-1", "sa-east-1")]
    },
    "service-quotas.GetServiceQuota": {"Quota": {"Value": 8.0}},
    "lambda.GetAccountSettings": {"AccountLimit": lambdas(1000, 115)},
    "iam.GetRole": {
        "Role": {
            "Path": "/",
            "RoleName": "r",
            "RoleId": "i" * 16,
            "Arn": "arn:aws:iam::1:role/abcdef",
            "CreateDate": NOW,
        }
    },
    "ssm.GetParameter": {"Parameter": {"Value": "ami-1"}},
    "ec2.DescribeInstanceTypeOfferings": {
        "InstanceTypeOfferings": [{"InstanceType": "g6.xlarge", "Location": "us-east-1a"}]
    },
    "ec2.DescribeAvailabilityZones": region_zones("abcdef"),
    "bedrock.GetFoundationModel": {
        "modelDetails": {
            "modelArn": "arn:aws:bedrock:us-east-1::foundation-model/x.y",
            "modelId": "x.y",
            "modelLifecycle": {"status": "ACTIVE"},
        }
    },
    "bedrock-runtime.Converse": {
        "output": {"message": {"role": "assistant", "content": [{"text": "H"}]}},
        "stopReason": "max_tokens",
        "usage": {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4},
        "metrics": {"latencyMs": 1},
    },
    "cloudformation.DescribeStacks": {
        "Stacks": [
            {
                "StackName": "foreverus",
                "CreationTime": NOW,
                "StackStatus": "UPDATE_COMPLETE",
                "Parameters": [{"ParameterKey": "ModelRevision", "ParameterValue": "0123abcd" * 5}],
                "Outputs": [
                    {"OutputKey": "TopicArn", "OutputValue": TOPIC},
                    {"OutputKey": "GpuSessionArn", "OutputValue": MACHINE},
                ],
            }
        ]
    },
    "cloudformation.ListStackResources": {
        "StackResourceSummaries": [
            {
                "LogicalResourceId": logical,
                "PhysicalResourceId": f"foreverus-{logical}",
                "ResourceType": kind,
                "LastUpdatedTimestamp": NOW,
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for logical, kind in {"Budget": "AWS::Budgets::Budget", "ReaperFails": "AWS::CloudWatch::Alarm"}.items()
        ]
    },
    "sns.ListSubscriptionsByTopic": {
        "Subscriptions": [{"SubscriptionArn": TOPIC + ":1", "Endpoint": "ana@example.com"}]
    },
    "budgets.DescribeBudget": {
        "Budget": {
            "BudgetName": "foreverus-Budget",
            "TimeUnit": "MONTHLY",
            "BudgetType": "COST",
            "BudgetLimit": {"Amount": "20", "Unit": "USD"},
            "CalculatedSpend": {"ActualSpend": {"Amount": "1.5", "Unit": "USD"}},
        }
    },
    "cloudwatch.DescribeAlarms": {"MetricAlarms": [{"AlarmName": "foreverus-ReaperFails", "StateValue": "OK"}]},
    "sfn.ListExecutions": {"executions": []},
    "sfn.ListStateMachines": {"stateMachines": []},
    "cloudwatch-logs.DescribeLogGroups": {"logGroups": []},
    "ec2.DescribeInstances": {"Reservations": []},
}


class Aws:
    """Answers by operation, in place of the network. What AWS's models do not know is an error, asked or answered."""

    def __init__(self) -> None:
        self.answers = copy.deepcopy(HEALTHY)
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def account(self, region: str | None = "us-east-1") -> Account:
        session = boto3.Session("a", "b", region_name=region)
        session.events.register("before-call", self._answer)
        return Account(session)

    def _answer(self, model: Any, params: dict[str, Any], request_signer: Any, **_: Any) -> tuple[Http, dict[str, Any]]:
        name = f"{model.service_model.service_id.lower().replace(' ', '-')}.{model.name}"
        self.asked.append((name, request_signer.region_name, params))
        answer = self.answers[name]
        if callable(answer):
            answer = answer(request_signer.region_name, params)
        if isinstance(answer, Refused):
            return Http(400), {"Error": {"Code": answer.code, "Message": "refused"}, "ResponseMetadata": {}}
        report = ParamValidator().validate(answer, model.output_shape)
        assert not report.has_errors(), f"{name}: {report.generate_report()}"
        return Http(200), copy.deepcopy(answer)


@pytest.fixture
def aws() -> Aws:
    return Aws()


def registry(method: str, url: str, headers: Mapping[str, str]) -> WebAnswer:
    """It has whatever it is asked for."""
    return WebAnswer(200, {})


def patient(aws: Aws, **changes: Any) -> Patient:
    return replace(Patient(aws.account(), NOW, fetch=registry), **changes)


def findings(aws: Aws, **changes: Any) -> dict[str, Finding]:
    return {one.name: one for one in examine(patient(aws, **changes))}


def test_healthy_account_is_ok_in_every_line(aws: Aws) -> None:
    found = findings(aws, spend=True)
    assert {name: one.verdict for name, one in found.items()} == dict.fromkeys(
        [*before.CHECKS, "stack", *after.CHECKS, *after.EVERYWHERE], Verdict.OK
    )


def test_account_without_a_stack_is_ready(aws: Aws) -> None:
    aws.answers["cloudformation.DescribeStacks"] = Refused("ValidationError")
    found = findings(aws)
    assert {one.verdict for one in found.values()} == {Verdict.OK, Verdict.NOTE}
    assert found["stack"].command == "sam build && sam deploy"
    assert not set(after.CHECKS) & set(found)


def test_it_only_reads_and_spends_nothing_unless_it_may(aws: Aws) -> None:
    findings(aws)
    operations = {name.split(".")[1] for name, _, _ in aws.asked}
    assert all(re.match(r"Get|Describe|List", operation) for operation in operations), operations
    findings(aws, spend=True)
    (asked,) = [params for name, _, params in aws.asked if name == "bedrock-runtime.Converse"]
    assert json.loads(asked["body"])["inferenceConfig"] == {"maxTokens": 1}


def broken(**answers: Any) -> dict[str, Any]:
    return {name.replace("__", "."): answer for name, answer in answers.items()}


def quota(code: str) -> Callable[[str, dict[str, Any]], Any]:
    return lambda region, params: {"Quota": {"Value": 0.0 if code in str(params["body"]) else 8.0}}


def stacks(status: str = "UPDATE_COMPLETE", **parameters: str) -> dict[str, Any]:
    changed = copy.deepcopy(HEALTHY["cloudformation.DescribeStacks"])
    changed["Stacks"][0]["StackStatus"] = status
    known = {one["ParameterKey"]: one["ParameterValue"] for one in changed["Stacks"][0]["Parameters"]} | parameters
    changed["Stacks"][0]["Parameters"] = [{"ParameterKey": k, "ParameterValue": v} for k, v in known.items()]
    return changed  # type: ignore[no-any-return]


BROKEN = [
    ("credentials", {"sts.GetCallerIdentity": Refused("InvalidClientTokenId")}, Verdict.ACT, "aws configure"),
    ("credentials", {"sts.GetCallerIdentity": Refused("ExpiredToken")}, Verdict.ACT, "aws configure"),
    (
        "region",
        {"ec2.DescribeRegions": {"Regions": [{"RegionName": "us-east-1", "OptInStatus": "not-opted-in"}]}},
        Verdict.ACT,
        "aws account enable-region --region-name us-east-1",
    ),
    ("region", {"ec2.DescribeRegions": {"Regions": []}}, Verdict.ACT, "export AWS_DEFAULT_REGION"),
    ("spot quota", {"service-quotas.GetServiceQuota": quota("L-3819A6DF")}, Verdict.ACT, "--quota-code L-3819A6DF"),
    (
        "on-demand quota",
        {"service-quotas.GetServiceQuota": quota("L-DB2E81BA")},
        Verdict.NOTE,
        "--quota-code L-DB2E81BA",
    ),
    (
        "Lambda concurrency",
        {"lambda.GetAccountSettings": {"AccountLimit": {"ConcurrentExecutions": 10}}},
        Verdict.NOTE,
        "--quota-code L-B99A9384",
    ),
    (
        "Lambda concurrency",
        {
            "lambda.GetAccountSettings": {"AccountLimit": lambdas(10, 10)},
            "cloudformation.DescribeStacks": stacks(ReservedConcurrency="guards"),
        },
        Verdict.ACT,
        "--quota-code L-B99A9384",
    ),
    (
        "Lambda concurrency",
        {"lambda.GetAccountSettings": {"AccountLimit": lambdas(1000, 1000)}},
        Verdict.NOTE,
        "ReservedConcurrency=guards",
    ),
    ("spot role", {"iam.GetRole": Refused("NoSuchEntity")}, Verdict.ACT, "create-service-linked-role"),
    ("machine image", {"ssm.GetParameter": Refused("ParameterNotFound")}, Verdict.ACT, "get-parameters-by-path"),
    (
        "weights",
        {"cloudformation.DescribeStacks": stacks(ModelRevision="main")},
        Verdict.NOTE,
        "ModelRevision=<commit>",
    ),
    ("instance types", {"ec2.DescribeInstanceTypeOfferings": {"InstanceTypeOfferings": []}}, Verdict.ACT, "aws ec2"),
    ("zones", {"ec2.DescribeInstanceTypeOfferings": sold_in("abde")}, Verdict.NOTE, "ZoneCount=5"),
    ("zones", {"ec2.DescribeInstanceTypeOfferings": sold_in("f")}, Verdict.ACT, "ZoneCount=6"),
    ("zones", {"ec2.DescribeAvailabilityZones": region_zones("ab")}, Verdict.ACT, "ZoneCount=2"),
    (
        "Bedrock",
        {
            "bedrock.GetFoundationModel": {
                "modelDetails": {
                    "modelArn": "arn:aws:bedrock:us-east-1::foundation-model/x.y",
                    "modelId": "x.y",
                    "modelLifecycle": {"status": "LEGACY"},
                }
            }
        },
        Verdict.ACT,
        "list-foundation-models",
    ),
    ("Bedrock", {"bedrock.GetFoundationModel": Refused("ResourceNotFoundException")}, Verdict.ACT, "list-foundation"),
    ("Bedrock", {"bedrock.GetFoundationModel": Refused("ValidationException")}, Verdict.ACT, "list-foundation-models"),
    (
        "stack",
        {"cloudformation.DescribeStacks": stacks("UPDATE_ROLLBACK_COMPLETE")},
        Verdict.ACT,
        "describe-stack-events",
    ),
    (
        "notifications",
        {
            "sns.ListSubscriptionsByTopic": {
                "Subscriptions": [{"SubscriptionArn": "PendingConfirmation", "Endpoint": "a@b.c"}]
            }
        },
        Verdict.ACT,
        "--notification-endpoint a@b.c",
    ),
    ("notifications", {"sns.ListSubscriptionsByTopic": {"Subscriptions": []}}, Verdict.NOTE, "aws sns subscribe"),
    ("budget", {"budgets.DescribeBudget": Refused("NotFoundException")}, Verdict.ACT, "sam deploy"),
    (
        "alarms",
        {
            "cloudwatch.DescribeAlarms": {
                "MetricAlarms": [{"AlarmName": "foreverus-ReaperFails", "StateValue": "ALARM"}]
            }
        },
        Verdict.ACT,
        "--alarm-name foreverus-ReaperFails",
    ),
    ("alarms", {"cloudwatch.DescribeAlarms": {"MetricAlarms": []}}, Verdict.ACT, "sam deploy"),
    ("last deaths", {"sfn.ListExecutions": {"executions": [execution("FAILED")]}}, Verdict.NOTE, f"{EXECUTION}:ses_9"),
]


@pytest.mark.parametrize(("name", "answers", "verdict", "command"), BROKEN)
def test_each_thing_that_is_broken_has_its_line(
    aws: Aws, name: str, answers: dict[str, Any], verdict: Verdict, command: str
) -> None:
    aws.answers |= answers
    found = findings(aws, spend=True)
    assert found[name].verdict is verdict
    assert command in found[name].command
    others = {other: one.verdict for other, one in found.items() if other != name}
    assert set(others.values()) <= {Verdict.OK}, others


WITHOUT_A_STACK = ("cloudwatch-logs.DescribeLogGroups", "sfn.ListStateMachines")
OPERATIONS = [name for name in HEALTHY if not name.startswith(("sts", "cloudformation", *WITHOUT_A_STACK))]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_may_not_be_looked_at_is_said_and_the_others_are_looked_at(aws: Aws, operation: str) -> None:
    aws.answers[operation] = Refused("AccessDeniedException")
    found = findings(aws, spend=True)
    said = [one for one in found.values() if one.verdict is Verdict.ACT]
    assert said and all("AccessDeniedException" in one.says and "ReadOnlyAccess" in one.command for one in said)
    if operation != "ec2.DescribeRegions":
        assert set(found) == {*before.CHECKS, "stack", *after.CHECKS, *after.EVERYWHERE}


def test_stack_that_lacks_an_output_is_said_and_the_others_are_looked_at(aws: Aws) -> None:
    del aws.answers["cloudformation.DescribeStacks"]["Stacks"][0]["Outputs"][1]
    found = findings(aws)
    assert "GpuSessionArn" in found["last deaths"].says and found["last deaths"].verdict is Verdict.ACT
    assert found["GPUs"].verdict is Verdict.OK


def test_quota_that_nobody_has_changed_is_awss_default(aws: Aws) -> None:
    aws.answers["service-quotas.GetServiceQuota"] = Refused("NoSuchResourceException")
    aws.answers["service-quotas.GetAWSDefaultServiceQuota"] = {"Quota": {"Value": 0.0}}
    found = findings(aws)
    assert (found["spot quota"].verdict, found["on-demand quota"].verdict) == (Verdict.ACT, Verdict.NOTE)


def test_no_region_is_said(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    found = findings(aws, account=aws.account(region=None))
    assert found["region"].command == "export AWS_DEFAULT_REGION=us-east-1"
    name, value = found["region"].command.removeprefix("export ").split("=")
    monkeypatch.setenv(name, value)
    assert boto3.Session().region_name == value, "what it says must help: boto3 and SAM do not read AWS_REGION"
    assert list(found) == ["credentials", "region"]


@pytest.mark.parametrize(
    ("age_minutes", "where", "deployed", "verdict"),
    [
        (30, "us-east-1", True, Verdict.NOTE),
        (BOUND_MINUTES + 1, "us-east-1", True, Verdict.ACT),
        (BOUND_MINUTES + 1, "sa-east-1", True, Verdict.ACT),
        (30, "us-east-1", False, Verdict.ACT),
    ],
)
def test_gpu_that_is_left_on_is_found_in_any_region(
    aws: Aws, age_minutes: float, where: str, deployed: bool, verdict: Verdict
) -> None:
    aws.answers["ec2.DescribeInstances"] = lambda region, params: {
        "Reservations": [{"Instances": [instance(age_minutes)]}] if region == where else []
    }
    if not deployed:
        aws.answers["cloudformation.DescribeStacks"] = Refused("ValidationError")
    found = findings(aws)["GPUs"]
    assert found.verdict is verdict
    assert "i-1" in found.says
    if verdict is Verdict.ACT:
        assert found.command == f"aws ec2 terminate-instances --region {where} --instance-ids i-1"


def test_defaults_and_bound_are_the_templates() -> None:
    assert {name: parameter_defaults()[name] for name in DEFAULTS} == DEFAULTS
    assert minutes(published().worst) == BOUND_MINUTES


@pytest.mark.parametrize(("broken", "status"), [({}, 0), ({"iam.GetRole": Refused("NoSuchEntity")}, 1)])
def test_command_says_each_line_and_ends_with_the_verdict(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, broken: dict[str, Any], status: int
) -> None:
    monkeypatch.setattr("foreverus.aws.account.own_account", lambda region: aws.account())
    monkeypatch.setattr("foreverus.cli.doctor.fetched", registry)
    aws.answers |= broken
    out, err = io.StringIO(), io.StringIO()
    assert main(["doctor"], Context(out, err)) == status
    assert "✓ spot quota: 8 vCPUs" in out.getvalue()
    assert ("    aws iam create-service-linked-role" in out.getvalue()) is bool(status)
    out = io.StringIO()
    assert main(["doctor", "--json"], Context(out, err)) == status
    shown = json.loads(out.getvalue())
    assert shown["ok"] is not bool(status)
    assert [one["name"] for one in shown["findings"]][:2] == ["credentials", "region"]


def test_command_without_boto3_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    err = io.StringIO()
    assert main(["doctor"], Context(io.StringIO(), err)) == 2
    assert "pip install boto3" in err.getvalue()
