"""What the template buys has a price that the receipt knows."""

from foreverus.costs.prices import listed_price
from tests.template.template import parameter_defaults


def test_every_default_instance_type_has_a_price() -> None:
    for instance_type in parameter_defaults()["InstanceTypes"].split(","):
        for lifecycle in ("spot", "on-demand"):
            assert listed_price(instance_type, "us-east-1", lifecycle).usd_per_hour, instance_type
