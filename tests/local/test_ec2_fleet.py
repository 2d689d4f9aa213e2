"""CreateFleet can be retried, and an instance knows its role, its zone and whether it is spot."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator import Emulator, client
from local.patches.ec2_fleet import SOLD_OUT
from tests.cloud import policy, trust, unique

pytestmark = pytest.mark.cloud


def fleet_request(emulator: Emulator, *, profile: str | None = None, kind: str = "spot") -> dict[str, Any]:
    ec2 = emulator.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][1]
    data: dict[str, Any] = {"ImageId": "ami-1", "InstanceType": "g6.xlarge"}
    if profile:
        data["IamInstanceProfile"] = {"Name": profile}
    name = unique("template")
    ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    return {
        "Type": "instant",
        "LaunchTemplateConfigs": [
            {
                "LaunchTemplateSpecification": {"LaunchTemplateName": name, "Version": "$Latest"},
                "Overrides": [{"InstanceType": "g5.xlarge", "SubnetId": subnet["SubnetId"]}],
            }
        ],
        "TargetCapacitySpecification": {"TotalTargetCapacity": 1, "DefaultTargetCapacityType": kind},
        "ClientToken": unique("token"),
    }


def instances(emulator: Emulator, fleet: dict[str, Any]) -> list[dict[str, Any]]:
    ids = [one for entry in fleet["Instances"] for one in entry["InstanceIds"]]
    found = emulator.client("ec2").describe_instances(InstanceIds=ids)
    return [instance for reservation in found["Reservations"] for instance in reservation["Instances"]]


def count(emulator: Emulator) -> int:
    return sum(len(one["Instances"]) for one in emulator.client("ec2").describe_instances()["Reservations"])


def test_retried_fleet_does_not_buy_a_second_instance(emulator: Emulator) -> None:
    ec2, request = emulator.client("ec2"), fleet_request(emulator)
    first = ec2.create_fleet(**request)
    before = count(emulator)
    second = ec2.create_fleet(**request)
    assert (second["FleetId"], second["Instances"]) == (first["FleetId"], first["Instances"])
    assert count(emulator) == before


def test_fleet_whose_pools_are_sold_out_answers_with_an_error_for_each(emulator: Emulator) -> None:
    ec2, request = emulator.client("ec2"), fleet_request(emulator)
    (pool,) = request["LaunchTemplateConfigs"][0]["Overrides"]
    ec2.create_tags(Resources=[pool["SubnetId"]], Tags=[{"Key": SOLD_OUT, "Value": ""}])
    before = count(emulator)
    answer = ec2.create_fleet(**request)
    ec2.delete_tags(Resources=[pool["SubnetId"]], Tags=[{"Key": SOLD_OUT}])
    assert not answer["Instances"] and count(emulator) == before
    (error,) = answer["Errors"]
    assert error["ErrorCode"] == "InsufficientInstanceCapacity"
    assert error["LaunchTemplateAndOverrides"]["Overrides"] == pool
    bought = ec2.create_fleet(**{**request, "ClientToken": unique("token")})
    assert len(bought["Instances"]) == 1 and not bought["Errors"]


def test_token_with_other_parameters_is_refused(emulator: Emulator) -> None:
    ec2, request = emulator.client("ec2"), fleet_request(emulator)
    ec2.create_fleet(**request)
    request["TargetCapacitySpecification"]["DefaultTargetCapacityType"] = "on-demand"
    with pytest.raises(ClientError) as refused:
        ec2.create_fleet(**request)
    assert refused.value.response["Error"]["Code"] == "IdempotentParameterMismatch"


@pytest.mark.parametrize(("kind", "lifecycle"), [("spot", "spot"), ("on-demand", None)])
def test_instance_says_whether_it_is_spot(emulator: Emulator, kind: str, lifecycle: str | None) -> None:
    fleet = emulator.client("ec2").create_fleet(**fleet_request(emulator, kind=kind))
    (instance,) = instances(emulator, fleet)
    assert instance.get("InstanceLifecycle") == lifecycle
    assert fleet["Instances"][0]["Lifecycle"] == kind


def test_instance_is_in_its_subnets_zone(emulator: Emulator) -> None:
    ec2, request = emulator.client("ec2"), fleet_request(emulator)
    fleet = ec2.create_fleet(**request)
    override = fleet["Instances"][0]["LaunchTemplateAndOverrides"]["Overrides"]
    assert override == request["LaunchTemplateConfigs"][0]["Overrides"][0]
    (subnet,) = ec2.describe_subnets(SubnetIds=[override["SubnetId"]])["Subnets"]
    (instance,) = instances(emulator, fleet)
    assert instance["Placement"]["AvailabilityZone"] == subnet["AvailabilityZone"]
    assert instance["InstanceType"] == "g5.xlarge"


def test_instance_acts_under_its_role_and_no_other(emulator: Emulator) -> None:
    iam, role, profile = emulator.client("iam"), unique("role"), unique("profile")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust("ec2"))
    iam.put_role_policy(
        RoleName=role, PolicyName="queues", PolicyDocument=policy({"Action": "sqs:CreateQueue", "Resource": "*"})
    )
    iam.create_instance_profile(InstanceProfileName=profile)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    fleet = emulator.client("ec2").create_fleet(**fleet_request(emulator, profile=profile))
    instance_id = fleet["Instances"][0]["InstanceIds"][0]

    address = f"{emulator.url}/_foreverus/instance-credentials/{instance_id}"
    with urllib.request.urlopen(address) as response:
        given = json.load(response)
    keys = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["Token"],
    }
    caller = client(emulator.url, "sts", **keys).get_caller_identity()
    assert caller["Arn"].endswith(f":assumed-role/{role}/{instance_id}")
    client(emulator.url, "sqs", **keys).create_queue(QueueName=unique("queue"))
    with pytest.raises(ClientError):
        client(emulator.url, "sns", **keys).create_topic(Name="refused")

    emulator.client("ec2").terminate_instances(InstanceIds=[instance_id])
    with pytest.raises(urllib.error.HTTPError) as gone:
        urllib.request.urlopen(address)
    gone.value.close()
    assert gone.value.code == 404


# ---- The day one of these fails, the emulator does it itself: delete the patch ----


def test_emulator_still_buys_twice(unpatched: Emulator) -> None:
    ec2, request = unpatched.client("ec2"), fleet_request(unpatched)
    assert ec2.create_fleet(**request)["FleetId"] != ec2.create_fleet(**request)["FleetId"]


def test_emulator_still_hides_the_lifecycle(unpatched: Emulator) -> None:
    fleet = unpatched.client("ec2").create_fleet(**fleet_request(unpatched))
    (instance,) = instances(unpatched, fleet)
    assert "InstanceLifecycle" not in instance
    assert "Overrides" not in fleet["Instances"][0]["LaunchTemplateAndOverrides"]


def test_emulator_still_has_no_instance_credentials(unpatched: Emulator) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{unpatched.url}/_foreverus/instance-credentials/i-1")
    refused.value.close()
