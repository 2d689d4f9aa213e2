"""An image is made of an instance, is pending for a while, and can be launched from; its snapshot goes after it."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator import Emulator
from tests.cloud import unique
from tests.local.test_ec2_fleet import fleet_request, instances

pytestmark = pytest.mark.cloud

TAGS = [{"Key": "stack", "Value": "ours"}]


def make(emulator: Emulator, name: str) -> str:
    ec2 = emulator.client("ec2")
    launched = ec2.run_instances(ImageId="ami-1", InstanceType="g6.xlarge", MinCount=1, MaxCount=1)
    specification: Any = [{"ResourceType": kind, "Tags": TAGS} for kind in ("image", "snapshot")]
    made = ec2.create_image(
        InstanceId=launched["Instances"][0]["InstanceId"], Name=name, NoReboot=True, TagSpecifications=specification
    )
    return str(made["ImageId"])


def image(emulator: Emulator, image_id: str) -> dict[str, Any]:
    (found,) = emulator.client("ec2").describe_images(ImageIds=[image_id])["Images"]
    return dict(found)


def test_image_is_pending_first_and_has_its_tags_and_a_snapshot_with_them(emulator: Emulator) -> None:
    image_id = make(emulator, unique("image"))
    assert [image(emulator, image_id)["State"] for _ in range(4)] == ["pending", "pending", "available", "available"]
    found = image(emulator, image_id)
    assert found["Tags"] == TAGS
    (mapping,) = found["BlockDeviceMappings"]
    ids = [mapping["Ebs"]["SnapshotId"]]
    (snapshot,) = emulator.client("ec2").describe_snapshots(SnapshotIds=ids)["Snapshots"]
    assert snapshot["Tags"] == TAGS


def test_name_is_used_once_and_a_snapshot_is_kept_while_its_image_is_registered(emulator: Emulator) -> None:
    ec2, name = emulator.client("ec2"), unique("image")
    image_id = make(emulator, name)
    with pytest.raises(ClientError, match=r"InvalidAMIName\.Duplicate"):
        make(emulator, name)
    snapshot_id = image(emulator, image_id)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    with pytest.raises(ClientError, match=r"InvalidSnapshot\.InUse"):
        ec2.delete_snapshot(SnapshotId=snapshot_id)
    ec2.deregister_image(ImageId=image_id)
    ec2.delete_snapshot(SnapshotId=snapshot_id)
    with pytest.raises(ClientError, match=r"InvalidSnapshot\.NotFound"):
        ec2.describe_snapshots(SnapshotIds=[snapshot_id])


def test_fleet_launches_from_the_overrides_image_and_refuses_one_that_is_gone(emulator: Emulator) -> None:
    ec2, request, image_id = emulator.client("ec2"), fleet_request(emulator), make(emulator, unique("image"))
    (override,) = request["LaunchTemplateConfigs"][0]["Overrides"]
    override["ImageId"] = image_id
    (instance,) = instances(emulator, ec2.create_fleet(**request))
    assert instance["ImageId"] == image_id
    ec2.deregister_image(ImageId=image_id)
    answer = ec2.create_fleet(**{**request, "ClientToken": unique("token")})
    assert not answer["Instances"]
    assert [error["ErrorCode"] for error in answer["Errors"]] == ["InvalidAMIID.NotFound"]


# ---- The day one of these fails, the emulator does it itself: delete that part of the patch ----


def test_emulator_still_makes_no_image(unpatched: Emulator) -> None:
    with pytest.raises(ClientError):
        make(unpatched, unique("image"))


def test_emulator_still_ignores_the_overrides_image(unpatched: Emulator) -> None:
    request = fleet_request(unpatched)
    request["LaunchTemplateConfigs"][0]["Overrides"][0]["ImageId"] = "ami-0gone"
    (instance,) = instances(unpatched, unpatched.client("ec2").create_fleet(**request))
    assert instance["ImageId"] == "ami-1"
