"""The template as other parameters make it: more zones, no page, no database; and a new account's limits."""

import itertools
import json
from typing import Any

import pytest

from foreverus.doctor.before import ALWAYS_UNRESERVED, RESERVED
from tests.template.template import holds, resolve, resources, template
from tests.template.test_updates import reached

KNOWN = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "1", "AWS::StackName": "s"}
PAGE = "http://localhost:8000/"
CHOICES = {
    "ZoneCount": ["2", "3", "4", "5", "6"],
    "Page": ["cloudfront", "none"],
    "Database": ["aurora", "none"],
    "DevelopmentPageUrl": ["", "http://127.0.0.1:5173/"],
}
VARIANTS = [dict(zip(CHOICES, values, strict=True)) for values in itertools.product(*CHOICES.values())]
VARIANTS += [
    {"ReservedConcurrency": "guards"},
    {"BedrockModelId": ""},
    {"SessionSchedule": "rate(1 day)", "BatchSchedule": "rate(1 day)", "WeeklyLetter": "rate(7 days)"},
]
VARIANTS += [{"NotificationEmail": "a@b.c", "ExecuteApiUrl": "http://127.0.0.1:4566/x"}]


def made(known: dict[str, str]) -> dict[str, Any]:
    """The resources that a deployment with these parameters has."""
    every = template()["Resources"].items()
    return {name: one for name, one in every if "Condition" not in one or holds(one["Condition"], known)}


def pruned(value: Any, known: dict[str, str]) -> Any:
    """The value with its Ifs decided and everything else as it is written."""
    if isinstance(value, list):
        return [pruned(one, known) for one in value]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value:
        condition, then, other = value["Fn::If"]
        return pruned(then if holds(condition, known) else other, known)
    return {key: pruned(inner, known) for key, inner in value.items() if key != "Condition"}


@pytest.mark.parametrize("known", VARIANTS, ids=lambda one: " ".join(f"{k}={v}" for k, v in one.items()))
def test_nothing_refers_to_what_is_not_made(known: dict[str, str]) -> None:
    there, whole = made(known), template()
    outputs = [one for one in whole["Outputs"].values() if "Condition" not in one or holds(one["Condition"], known)]
    absent = set(whole["Resources"]) - set(there)
    for name, one in (*there.items(), *enumerate(outputs)):
        waits_for = one.get("DependsOn", [])
        named = reached(pruned(one, known), whole) | set([waits_for] if isinstance(waits_for, str) else ())
        assert not named & absent, (name, named & absent)


def zones(known: dict[str, str]) -> list[str]:
    return [name for name, one in made(known).items() if one["Type"] == "AWS::EC2::Subnet"]


@pytest.mark.parametrize("count", CHOICES["ZoneCount"])
def test_every_zone_is_asked_for_a_gpu(count: str) -> None:
    known = {"ZoneCount": count, "AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "1"}
    subnets = zones(known)
    assert len(subnets) == int(count)
    machine = resolve(resources("AWS::Serverless::StateMachine")["GpuSession"]["DefinitionSubstitutions"], known)
    assert machine["SubnetIds"].split(",") == [f"the-{name}" for name in subnets]
    assert machine["AvailabilityZones"].split(",") == [f"the-{name}.AvailabilityZone" for name in subnets]
    policy = resolve(resources("AWS::IAM::Role")["GpuSessionRole"]["Policies"][0]["PolicyDocument"], known)
    (launch,) = [one for one in policy["Statement"] if one["Sid"] == "LaunchWith"]
    assert {arn.rpartition("/")[2] for arn in launch["Resource"] if ":subnet/" in arn} == set(
        machine["SubnetIds"].split(",")
    )
    routes = [one for one in made(known).values() if one["Type"] == "AWS::EC2::SubnetRouteTableAssociation"]
    assert [one["Properties"]["SubnetId"]["Ref"] for one in routes] == subnets


def test_zones_are_all_different_and_so_are_their_addresses() -> None:
    every = list(resources("AWS::EC2::Subnet").values())
    indices = [one["AvailabilityZone"]["Fn::Select"][0] for one in every]
    assert indices == list(range(6)) and len({one["CidrBlock"] for one in every}) == 6
    assert all(one["MapPublicIpOnLaunch"] for one in every)


def test_a_zone_more_or_less_makes_no_other_subnet_anew() -> None:
    """A subnet that is made anew would meet its own addresses: its zone and block depend on nothing."""
    for one in resources("AWS::EC2::Subnet").values():
        assert not reached(one, template()) & set(template()["Parameters"])


PAGES = {
    "SiteBucket",
    "SiteBucketPolicy",
    "OriginAccessControl",
    "PageHeaders",
    "Distribution",
    "PublishSiteFunction",
    "Site",
}


def test_without_cloudfront_everything_but_the_page_is_there() -> None:
    assert set(made({})) - set(made({"Page": "none"})) == PAGES | {"PublishSiteLog"}


@pytest.mark.parametrize(("own", "address"), [("", PAGE), ("http://127.0.0.1:5173/", "http://127.0.0.1:5173/")])
def test_without_cloudfront_people_sign_in_from_their_own_machine(own: str, address: str) -> None:
    known = {"Page": "none", "DevelopmentPageUrl": own, "AWS::Region": "us-east-1", "AWS::URLSuffix": "amazonaws.com"}
    known["AWS::StackName"] = "forever-us"
    client = resolve(resources("AWS::Cognito::UserPoolClient")["UserPoolClient"], known)
    assert client["CallbackURLs"] == client["LogoutURLs"] == [address]
    outputs = resolve(template()["Outputs"], known)
    config = json.loads(outputs["PageConfig"]["Value"])
    site = resolve(template()["Resources"]["Site"]["Properties"]["Config"], known)
    assert outputs["PageUrl"]["Value"] == config["cognito"]["redirect_uri"] == address
    config["cognito"].pop("redirect_uri")
    site["cognito"].pop("redirect_uri")
    assert config == site


def test_an_account_with_ten_lambdas_can_be_deployed_to() -> None:
    """Lambda keeps a hundred of an account's executions unreserved, so none may be reserved unless somebody says so."""
    for one in resolve(resources("AWS::Serverless::Function"), KNOWN).values():
        assert not {"ReservedConcurrentExecutions", "ProvisionedConcurrencyConfig"} & set(one)


def test_what_ends_gpus_can_always_run_where_an_account_has_the_lambdas() -> None:
    """Who terminates what is left on, who closes a session, and who says who may come in to end one. The sum is what
    doctor asks for, beside the hundred that Lambda keeps."""
    functions = resolve(resources("AWS::Serverless::Function"), KNOWN | {"ReservedConcurrency": "guards"})
    reserved = {name: one.get("ReservedConcurrentExecutions") for name, one in functions.items()}
    kept = {name: count for name, count in reserved.items() if count is not None}
    assert set(kept) == {"ReapGpusFunction", "CloseSessionFunction", "AuthorizeFunction"}
    assert min(kept.values()) >= 2 and sum(kept.values()) == RESERVED
    assert kept["CloseSessionFunction"] >= template()["Parameters"]["MaxGpus"]["MaxValue"]
    assert f"{RESERVED} in all" in template()["Parameters"]["ReservedConcurrency"]["Description"]
    assert f"{RESERVED + ALWAYS_UNRESERVED} at once" in template()["Parameters"]["ReservedConcurrency"]["Description"]


QUEUED_BY_AWS = {"EventBridgeRule", "Schedule"}  # called asynchronously: Lambda itself tries for six hours


def test_what_calls_a_function_waits_where_none_is_free() -> None:
    """Api: the client is told to come again (429 and 503 with Retry-After), and clients do by themselves."""
    for name, one in resources("AWS::Serverless::Function").items():
        for event in one.get("Events", {}).values():
            kept = event["Type"] in QUEUED_BY_AWS | {"Api"}
            if event["Type"] == "DynamoDB":  # throttled tries count towards the age only
                kept = event["Properties"]["MaximumRecordAgeInSeconds"] >= 300
            assert kept, (name, event["Type"])
        assert one.get("EventInvokeConfig", {}).get("MaximumEventAgeInSeconds", 21600) >= 3600
    for schedule in resources("AWS::Scheduler::Schedule").values():
        target = schedule["Target"]
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0 and target["DeadLetterConfig"]
