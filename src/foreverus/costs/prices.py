"""What a GPU instance costs by the hour and Bedrock by the token, from prices.csv and bedrock_prices.csv. Pure.

Each row names its source and date. The live spot price comes from EC2 itself (spot_price.py); this table is what is
left when EC2 does not say.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

# us-east-1 list prices, https://aws.amazon.com/ebs/pricing and https://aws.amazon.com/vpc/pricing
GP3_USD_PER_GB_MONTH = 0.08
GP3_USD_PER_MIBPS_MONTH = 0.04  # of throughput above the 125 MiB/s that are in the price; the same page
GP3_OWN_MIBPS = 125
PUBLIC_IPV4_USD_PER_HOUR = 0.005
HOURS_PER_MONTH = 730  # AWS's own convention
# Of a model whose price nobody knows: as dear as the dearest large ones, so that it is never chosen for its price, and
# a guard errs on the expensive side.
UNKNOWN_USD_PER_MILLION = 15.0
PROFILES = ("us.", "eu.", "apac.", "global.")  # of inference profiles, before the model's id


@dataclass(frozen=True)
class Price:
    """USD per hour (None: unknown), and where the figure comes from, for people to read."""

    usd_per_hour: float | None
    source: str


@dataclass(frozen=True)
class TokenPrice:
    """USD per million tokens (None: unknown), and where the figures come from, for people to read."""

    prompt: float | None
    completion: float | None
    source: str

    def usd(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """
        >>> TokenPrice(0.15, 0.20, "").usd(1_000_000, 500_000)
        0.25
        """
        if self.prompt is None or self.completion is None:
            return None
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6

    def guard_usd(self, prompt_tokens: float, completion_tokens: float) -> float:
        """For those who guard money.

        >>> TokenPrice(None, None, "unknown").guard_usd(1_000_000, 1_000_000)
        30.0
        """
        prompt, completion = (UNKNOWN_USD_PER_MILLION if one is None else one for one in (self.prompt, self.completion))
        return (prompt_tokens * prompt + completion_tokens * completion) / 1e6


NO_PRICE = TokenPrice(None, None, "nothing is asked")


def mixed_price(price: TokenPrice, other: TokenPrice, of_prompt: float, of_completion: float) -> TokenPrice:
    """One price of two models' tokens. `of_…`: which part of them is the other's, 0 to 1. None where one of the two is
    not known."""

    def mixed(one: float | None, another: float | None, part: float) -> float | None:
        return None if one is None or another is None else one + (another - one) * part

    prompt = mixed(price.prompt, other.prompt, of_prompt)
    completion = mixed(price.completion, other.completion, of_completion)
    return TokenPrice(prompt, completion, f"{price.source}; for images {other.source}")


@cache
def _rows(table: str = "prices.csv") -> tuple[dict[str, str], ...]:
    text = (files(__package__) / table).read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@cache
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
            row = max(rows, key=lambda row: (float(row["usd_per_hour"]), row["as_of"].replace("unknown", "")))
            source = f"{row['kind']} in {row['region']}, {_origin(row)}"
            return Price(float(row["usd_per_hour"]), source)
    return Price(None, f"unknown: prices.csv has no {instance_type}")


def cheapest_listed(instance_type: str, region: str, lifecycle: str) -> float | None:
    """USD an hour: the table's lowest price of an instance type in a Region. None: it has none there.

    >>> cheapest_listed("g6.xlarge", "us-east-1", "spot")
    0.349
    """
    rows = [row for row in _rows() if (row["instance_type"], row["region"]) == (instance_type, region)]
    return min((float(row["usd_per_hour"]) for row in _of(rows, lifecycle)), default=None)


def bedrock_price(model_id: str, region: str) -> TokenPrice:
    """What Bedrock takes for a model by the token, on demand.

    In a Region that the table does not know it is the dearest that it knows; a model that it does not know has no
    price. An inference profile costs what its model costs.

    >>> price = bedrock_price("mistral.mistral-7b-instruct-v0:2", "us-east-1")
    >>> price.prompt, price.completion
    (0.15, 0.2)
    """
    name = model_id.rpartition("/")[2]
    for profile in PROFILES:
        name = name.removeprefix(profile)
    ours = [row for row in _rows("bedrock_prices.csv") if row["model_id"] == name]
    rows = [row for row in ours if row["region"] == region] or ours
    if not rows:
        return TokenPrice(None, None, f"unknown: bedrock_prices.csv has no price of {model_id}")
    row = max(rows, key=lambda row: float(row["usd_per_million_completion_tokens"]))
    prompt, completion = (float(row[f"usd_per_million_{kind}_tokens"]) for kind in ("prompt", "completion"))
    return TokenPrice(prompt, completion, f"Bedrock on-demand in {row['region']}, {_origin(row)}")


def gpu_usd_per_million_tokens(usd_per_hour: float, tokens_per_second: float) -> float:
    """What a million tokens cost on a GPU that is busy all the time.

    >>> round(gpu_usd_per_million_tokens(0.44, 452), 4)
    0.2704
    """
    return usd_per_hour / 3600 / tokens_per_second * 1e6


@cache
def dearest_price() -> Price:
    """The highest price of the table, for an instance type that it does not know."""
    row = max(_rows(), key=lambda row: float(row["usd_per_hour"]))
    return Price(float(row["usd_per_hour"]), f"the dearest that prices.csv knows, {row['instance_type']}")


@cache
def cheapest_price() -> Price:
    """The lowest price of the table: no GPU costs less."""
    row = min(_rows(), key=lambda row: float(row["usd_per_hour"]))
    return Price(float(row["usd_per_hour"]), f"the cheapest that prices.csv knows, {row['instance_type']}")


def _origin(row: dict[str, str]) -> str:
    as_of = "at an unknown date" if row["as_of"] == "unknown" else row["as_of"]
    return f"{row['basis']} {as_of}, {row['source']}"


def _of(rows: list[dict[str, str]], kind: str) -> list[dict[str, str]]:
    """Observed and published prices before estimates."""
    kinds = [row for row in rows if row["kind"] == kind]
    return [row for row in kinds if row["basis"] != "estimated"] or kinds
