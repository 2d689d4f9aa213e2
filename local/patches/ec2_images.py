"""Machine images of our own instances.

AWS: CreateImage makes a snapshot of each of the instance's volumes and an image that is `pending` until they are done;
names are unique; image and snapshots get the request's tags. DeleteSnapshot refuses a snapshot of a registered image.
Emulator: has no CreateImage, shows every image as `available` (to state machines as `ImageState`, which is `State` on
AWS), and deletes every snapshot.
Patch: CreateImage, of images that are pending for two looks, the field's name, and the refusal.
"""

import re
from typing import Any

from local.patches import Options

PENDING_LOOKS = 2
_pending: dict[str, int] = {}  # image: for how many looks more


def apply(options: Options) -> None:
    from ministack.services import ec2, stepfunctions

    stepfunctions._EC2_GENERIC_NAME_OVERRIDES["imageState"] = "State"
    original_describe = ec2._describe_images
    original_delete = ec2._delete_snapshot

    def create_image(parameters: dict[str, Any]) -> Any:
        instance = ec2._instances.get(ec2._p(parameters, "InstanceId"))
        name = ec2._p(parameters, "Name")
        if instance is None or instance["State"]["Name"] not in ("running", "stopped"):
            wanted = ec2._p(parameters, "InstanceId")
            return ec2._error("InvalidInstanceID.NotFound", f"The instance ID '{wanted}' does not exist", 400)
        if any(image["Name"] == name for image in ec2._images.values()):
            return ec2._error("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by another AMI", 400)
        image_id, mappings = ec2._new_image_id(), []
        for mapping in instance["BlockDeviceMappings"]:
            snapshot_id = _snapshot(ec2, mapping["Ebs"]["VolumeId"])
            ec2._parse_tag_specs(parameters, "snapshot", snapshot_id)
            mappings.append({"DeviceName": mapping["DeviceName"], "Ebs": {"SnapshotId": snapshot_id}})
        ec2._images[image_id] = {
            "ImageId": image_id,
            "Name": name,
            "ImageLocation": "",
            "Description": "",
            "Architecture": "x86_64",
            "RootDeviceType": "ebs",
            "RootDeviceName": instance["RootDeviceName"],
            "BlockDeviceMappings": mappings,
            "VirtualizationType": "hvm",
            "CreationDate": ec2._now_ts(),
            "OwnerId": ec2.get_account_id(),
        }
        ec2._parse_tag_specs(parameters, "image", image_id)
        _pending[image_id] = PENDING_LOOKS
        return ec2._xml(200, "CreateImageResponse", f"<imageId>{image_id}</imageId>")

    def describe_images(parameters: dict[str, Any]) -> Any:
        status, headers, body = original_describe(parameters)
        text = body.decode() if isinstance(body, bytes) else body
        for image_id, looks in list(_pending.items()):
            if looks > 0 and image_id in text:
                _pending[image_id] = looks - 1
                shown = rf"(<imageId>{image_id}</imageId>.*?<imageState>)available"
                text = re.sub(shown, r"\1pending", text, count=1, flags=re.DOTALL)
        return status, headers, text.encode()

    def delete_snapshot(parameters: dict[str, Any]) -> Any:
        wanted = ec2._p(parameters, "SnapshotId")
        for image in ec2._images.values():
            if wanted in [one.get("Ebs", {}).get("SnapshotId") for one in image["BlockDeviceMappings"]]:
                used = f"The snapshot {wanted} is currently in use by {image['ImageId']}"
                return ec2._error("InvalidSnapshot.InUse", used, 400)
        ec2._tags.pop(wanted, None)
        return original_delete(parameters)

    ec2._ACTION_MAP["CreateImage"] = create_image
    ec2._describe_images = ec2._ACTION_MAP["DescribeImages"] = describe_images
    ec2._delete_snapshot = ec2._ACTION_MAP["DeleteSnapshot"] = delete_snapshot


def _snapshot(ec2: Any, volume_id: str) -> str:
    snapshot_id = str(ec2._new_snapshot_id())
    ec2._snapshots[snapshot_id] = {
        "SnapshotId": snapshot_id,
        "VolumeId": volume_id,
        "VolumeSize": ec2._volumes[volume_id]["Size"],
        "Description": "",
        "State": "completed",
        "StartTime": ec2._now_ts(),
        "Progress": "100%",
        "OwnerId": ec2.get_account_id(),
        "Encrypted": True,
        "StorageTier": "standard",
    }
    return snapshot_id
