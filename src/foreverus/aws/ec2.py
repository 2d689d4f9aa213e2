"""GPU instances in EC2, found by their tags, and what spot instances cost."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger(__name__)

SESSION_TAG = "foreverus:session"
STACK_TAG = "foreverus:stack"


LIVE_STATES = ("pending", "running", "stopping", "stopped")  # everything that may cost money or come back


@dataclass(frozen=True)
class GpuInstance:
    """`session_id`: empty when somebody took its tag away: then no execution owns it."""

    instance_id: str
    session_id: str
    launched_at: datetime


@dataclass(frozen=True)
class SpotPrice:
    usd_per_hour: float
    zone: str


class SpotPrices:
    """EC2's history of spot prices."""

    def __init__(self, ec2: Any):
        self.ec2 = ec2

    def at(self, instance_type: str, zone: str, when: datetime) -> SpotPrice | None:
        """The price in a zone (empty: any) at a moment; None, and a line in the log, where EC2 does not say."""
        zones = {"AvailabilityZone": zone} if zone else {}
        try:
            history = self.ec2.describe_spot_price_history(
                InstanceTypes=[instance_type],
                ProductDescriptions=["Linux/UNIX"],
                StartTime=when,
                EndTime=when,
                **zones,
            )["SpotPriceHistory"]
        except (ClientError, BotoCoreError):
            logger.warning("EC2 did not give the spot price history", exc_info=True)
            return None
        return SpotPrice(float(history[0]["SpotPrice"]), history[0]["AvailabilityZone"]) if history else None

    def everywhere(self, instance_types: Sequence[str], when: datetime) -> dict[tuple[str, str], float]:
        """USD an hour by type and zone at a moment, where EC2 sells them. Raises what boto3 raises."""
        pages = self.ec2.get_paginator("describe_spot_price_history").paginate(
            InstanceTypes=list(instance_types), ProductDescriptions=["Linux/UNIX"], StartTime=when, EndTime=when
        )
        found: dict[tuple[str, str], float] = {}
        for one in (row for page in pages for row in page["SpotPriceHistory"]):  # the newest first
            found.setdefault((one["InstanceType"], one["AvailabilityZone"]), float(one["SpotPrice"]))
        return found


class Fleet:
    def __init__(self, ec2: Any, stack_name: str):
        self.ec2 = ec2
        self.stack_name = stack_name

    def live(self) -> list[GpuInstance]:
        """Every instance of this stack that is not terminated or terminating."""
        pages = self.ec2.get_paginator("describe_instances").paginate(
            Filters=[
                {"Name": f"tag:{STACK_TAG}", "Values": [self.stack_name]},
                {"Name": "instance-state-name", "Values": list(LIVE_STATES)},
            ]
        )
        return [
            GpuInstance(instance["InstanceId"], _tag(instance, SESSION_TAG), instance["LaunchTime"])
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        ]

    def terminate(self, instance_id: str) -> None:
        """One that is gone already is a success. Raises ClientError where EC2 refuses."""
        try:
            self.ec2.terminate_instances(InstanceIds=[instance_id])
        except ClientError as err:
            if err.response["Error"]["Code"] != "InvalidInstanceID.NotFound":
                raise


def _tag(instance: Mapping[str, Any], key: str) -> str:
    return next((str(tag["Value"]) for tag in instance.get("Tags", []) if tag["Key"] == key), "")
