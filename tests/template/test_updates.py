"""What a later deployment with other parameters does to what is there: from the resource schemas that cfn-lint carries.

CloudFormation makes a resource anew when a create-only property changes. It refuses that where the name is fixed, and
where the resource holds data, the data stays behind with the old one.
"""

import copy
import json
import re
from functools import cache
from typing import Any

import pytest

from tests.template.template import template, walk

ZONES = {"ZoneCount"}  # chosen once, with the Region
HOLD_DATA = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Cognito::UserPool", "AWS::RDS::DBCluster")


@cache
def create_only(kind: str) -> tuple[str, ...]:
    """Paths as `Budget/BudgetName`. A type that is not AWS's own (SAM's, a custom resource) has none here."""
    if not kind.startswith("AWS::") or kind.startswith("AWS::Serverless::"):
        return ()
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    paths = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
    return tuple(path.removeprefix("/properties/") for path in paths)


def at(properties: Any, path: str) -> Any:
    for key in path.split("/"):
        properties = properties.get(key) if isinstance(properties, dict) else None
    return properties


def reached(value: Any, whole: dict[str, Any]) -> set[str]:
    """Parameters and resources that a value is made of: through Ref, GetAtt, Sub, and the conditions of its Ifs."""
    found: set[str] = set()
    for _, inner in walk(value):
        if not isinstance(inner, dict):
            continue
        if "Ref" in inner:
            found.add(inner["Ref"])
        if "Fn::GetAtt" in inner:
            found.add(inner["Fn::GetAtt"][0])
        if "Fn::Sub" in inner:
            text = inner["Fn::Sub"] if isinstance(inner["Fn::Sub"], str) else inner["Fn::Sub"][0]
            found |= {name.split(".")[0] for name in re.findall(r"\$\{([^!}][^}]*)\}", text)}
        if "Fn::If" in inner:
            found |= reached(whole["Conditions"][inner["Fn::If"][0]], whole)
        if isinstance(inner.get("Condition"), str) and inner["Condition"] in whole["Conditions"]:
            found |= reached(whole["Conditions"][inner["Condition"]], whole)
    return found


def replaced(parameter: str, whole: dict[str, Any]) -> dict[str, set[str]]:
    """Logical id → create-only paths that change with the parameter, also because another resource is made anew."""
    made_anew: dict[str, set[str]] = {}
    while True:
        moved = {parameter, *made_anew}
        now = {
            name: {
                path
                for path in create_only(one["Type"])
                if reached(at(one.get("Properties", {}), path), whole) & moved - {name}
            }
            for name, one in whole["Resources"].items()
        }
        now = {name: paths for name, paths in now.items() if paths}
        if now == made_anew:
            return now
        made_anew = now


def is_fixed_name(path: str, value: Any, whole: dict[str, Any]) -> bool:
    """A name that is ours and the same for every resource made after the first one."""
    return path.endswith("Name") and value is not None and not reached(value, whole) & set(whole["Resources"])


def troubles(parameter: str, whole: dict[str, Any]) -> list[str]:
    """What a change of the parameter would be refused for or lose."""
    found = []
    for name, changed in replaced(parameter, whole).items():
        one = whole["Resources"][name]
        if one["Type"] in HOLD_DATA:
            found.append(f"{name} holds data and would be made anew: {sorted(changed)}")
        fixed = [p for p in create_only(one["Type"]) if is_fixed_name(p, at(one.get("Properties", {}), p), whole)]
        if fixed and not set(fixed) & changed:
            found.append(f"{name} would be made anew beside itself, under one {fixed}: {sorted(changed)}")
    return found


@pytest.mark.parametrize("parameter", sorted(set(template()["Parameters"]) - ZONES))
def test_a_later_deployment_may_change_the_parameter(parameter: str) -> None:
    assert troubles(parameter, template()) == []


@pytest.mark.parametrize("parameter", sorted(ZONES))
def test_other_zones_lose_no_data(parameter: str) -> None:
    assert [one for one in troubles(parameter, template()) if "holds data" in one] == []


def test_a_new_address_for_notifications_subscribes_it_and_replaces_nothing_else() -> None:
    assert replaced("NotificationEmail", template()) == {"EmailSubscription": {"Endpoint"}}


ADDRESS = {"Fn::If": ["HasEmail", {"Ref": "NotificationEmail"}, "nobody@example.com"]}
BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "a named budget that mails": (
        "NotificationEmail",
        {
            "Type": "AWS::Budgets::Budget",
            "Properties": {
                "Budget": {"BudgetName": {"Fn::Sub": "${AWS::StackName}-gpus"}},
                "NotificationsWithSubscribers": [{"Subscribers": [{"Address": ADDRESS}]}],
            },
        },
    ),
    "a named queue whose kind is chosen by a condition": (
        "Database",
        {
            "Type": "AWS::SQS::Queue",
            "Properties": {"QueueName": "chat", "FifoQueue": {"Fn::If": ["HasDatabase", True, False]}},
        },
    ),
    "a bucket that is named by a parameter": (
        "ModelId",
        {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Sub": "weights-${ModelId}"}}},
    ),
    "a table whose key is a parameter": (
        "ModelId",
        {"Type": "AWS::DynamoDB::Table", "Properties": {"KeySchema": [{"AttributeName": {"Ref": "ModelId"}}]}},
    ),
    "a group that is described by a parameter": (
        "IdleSeconds",
        {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"GroupName": "gpus", "GroupDescription": {"Fn::Join": ["", [{"Ref": "IdleSeconds"}]]}},
        },
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_template_is_seen(name: str) -> None:
    parameter, resource = BAD[name]
    whole = copy.deepcopy(template())
    whole["Resources"]["Bad"] = resource
    (found,) = troubles(parameter, whole)
    assert found.startswith("Bad "), json.dumps(found)


def test_what_is_made_anew_because_of_another_resource_is_seen() -> None:
    whole = copy.deepcopy(template())
    whole["Resources"]["Role"] = {"Type": "AWS::IAM::Role", "Properties": {"Path": {"Fn::Sub": "/${ModelId}/"}}}
    profile = {"InstanceProfileName": "gpus", "Path": {"Fn::GetAtt": ["Role", "Arn"]}}
    whole["Resources"]["Profile"] = {"Type": "AWS::IAM::InstanceProfile", "Properties": profile}
    assert replaced("ModelId", whole) == {"Role": {"Path"}, "Profile": {"Path"}}
    assert [one.split()[0] for one in troubles("ModelId", whole)] == ["Profile"]
