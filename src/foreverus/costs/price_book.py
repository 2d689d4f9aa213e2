"""The spot price that EC2 itself charges, by zone."""

import logging
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from foreverus.costs.launch import Launch, Lifecycle
from foreverus.costs.prices import Price, listed_price

logger = logging.getLogger(__name__)


class PriceBook:
    def __init__(self, ec2: Any, region: str):
        self.ec2 = ec2
        self.region = region

    def price_of(self, launch: Launch) -> Price:
        """The launch's price: for spot what EC2 says it was in its zone at launch, else the listed price."""
        if launch.lifecycle is Lifecycle.SPOT and (price := self._spot_price(launch)):
            return price
        return listed_price(launch.instance_type, self.region, launch.lifecycle)

    def _spot_price(self, launch: Launch) -> Price | None:
        at = datetime.fromisoformat(launch.launched_at)
        zone = {"AvailabilityZone": launch.availability_zone} if launch.availability_zone else {}
        try:
            history = self.ec2.describe_spot_price_history(
                InstanceTypes=[launch.instance_type],
                ProductDescriptions=["Linux/UNIX"],
                StartTime=at,
                EndTime=at,
                **zone,
            )["SpotPriceHistory"]
        except (ClientError, BotoCoreError):
            logger.warning("EC2 did not give the spot price history; using the listed price", exc_info=True)
            return None
        if not history:
            return None
        return Price(float(history[0]["SpotPrice"]), f"spot price history of {history[0]['AvailabilityZone']}")
