"""What a GPU instance costs by the hour, from prices.csv (each row names its source and date). Pure.

The live spot price comes from EC2 itself (spot_price.py); this table is what is left when EC2 does not say.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

# us-east-1 list prices, https://aws.amazon.com/ebs/pricing and https://aws.amazon.com/vpc/pricing
GP3_USD_PER_GB_MONTH = 0.08
PUBLIC_IPV4_USD_PER_HOUR = 0.005
HOURS_PER_MONTH = 730  # AWS's own convention


@dataclass(frozen=True)
class Price:
    """USD per hour (None: unknown), and where the figure comes from, for people to read."""

    usd_per_hour: float | None
    source: str


@cache
def _rows() -> tuple[dict[str, str], ...]:
    text = (files(__package__) / "prices.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def listed_price(instance_type: str, region: str, lifecycle: str) -> Price:
    """The table's price of an instance type. Where the table is silent it errs on the expensive side.

    Order: the asked lifecycle in the region (the highest zone), on-demand in the region, the same anywhere (the
    dearest). An instance type that the table does not know has no price: an invented one would be worse.

    >>> listed_price("g6.xlarge", "us-east-1", "on-demand").usd_per_hour
    0.8048
    """
    ours = [row for row in _rows() if row["instance_type"] == instance_type]
    here = [row for row in ours if row["region"] == region]
    for rows in (_of(here, lifecycle), _of(here, "on-demand"), _of(ours, lifecycle), _of(ours, "on-demand")):
        if rows:
            row = max(rows, key=lambda row: float(row["usd_per_hour"]))
            as_of = "at an unknown date" if row["as_of"] == "unknown" else row["as_of"]
            source = f"{row['kind']} in {row['region']}, {row['basis']} {as_of}, {row['source']}"
            return Price(float(row["usd_per_hour"]), source)
    return Price(None, f"unknown: prices.csv has no {instance_type}")


@cache
def dearest_price() -> Price:
    """The highest price of the table, for an instance type that it does not know."""
    row = max(_rows(), key=lambda row: float(row["usd_per_hour"]))
    return Price(float(row["usd_per_hour"]), f"the dearest that prices.csv knows, {row['instance_type']}")


def _of(rows: list[dict[str, str]], kind: str) -> list[dict[str, str]]:
    """Observed and published prices before estimates."""
    kinds = [row for row in rows if row["kind"] == kind]
    return [row for row in kinds if row["basis"] != "estimated"] or kinds
