"""What an instance costs by the hour: what EC2 charged at its launch, else the listed price."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from foreverus.aws.ec2 import SpotPrice
from foreverus.costs.launch import Launch, Lifecycle
from foreverus.costs.prices import Price, listed_price


@dataclass(frozen=True)
class PriceBook:
    """`spot_price(instance type, zone, when)`: None where EC2 does not say."""

    spot_price: Callable[[str, str, datetime], SpotPrice | None]
    region: str

    def price_of(self, launch: Launch) -> Price:
        """For spot what EC2 says it was in its zone at launch, else the listed price."""
        if launch.lifecycle is Lifecycle.SPOT:
            at = datetime.fromisoformat(launch.launched_at)
            if found := self.spot_price(launch.instance_type, launch.availability_zone or "", at):
                return Price(found.usd_per_hour, f"spot price history of {found.zone}")
        return listed_price(launch.instance_type, self.region, launch.lifecycle)
