"""The spot price that EC2 itself charges, by zone."""

import logging
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from foreverus.costs.prices import Price, listed_price

Item = dict[str, Any]

logger = logging.getLogger(__name__)


class PriceBook:
    def __init__(self, ec2: Any, region: str):
        self.ec2 = ec2
        self.region = region

    def price_of(self, launch: Item) -> Price:
        """The launch's price: for spot what EC2 says it was in its zone at launch, else the listed price."""
        if launch["lifecycle"] == "spot":
            try:
                history = self._history(launch["instance_type"], launch, datetime.fromisoformat(launch["launched_at"]))
            except (ClientError, BotoCoreError):
                logger.warning("EC2 did not give the spot price history; using the listed price", exc_info=True)
                history = []
            if history:
                return Price(float(history[0]["SpotPrice"]), f"spot price history of {history[0]['AvailabilityZone']}")
        return listed_price(launch["instance_type"], self.region, launch["lifecycle"])

    def _history(self, instance_type: str, launch: Item, at: datetime) -> list[Item]:
        zone = {"AvailabilityZone": launch["availability_zone"]} if launch.get("availability_zone") else {}
        found = self.ec2.describe_spot_price_history(
            InstanceTypes=[instance_type], ProductDescriptions=["Linux/UNIX"], StartTime=at, EndTime=at, **zone
        )
        return list(found["SpotPriceHistory"])
