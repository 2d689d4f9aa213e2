"""The figures that comparisons and quotes are reckoned with, each with its source. Pure but for `CostFiguresLook`.

What was measured here comes first: boots of the newest sessions, the speed of earlier batches. Before there is any, a
published or an estimated one stands in, and says so. The expected ones are those that the choice of a backend takes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from foreverus import ids
from foreverus.backends.port import BackendName
from foreverus.batches.plan.estimates import Deployment
from foreverus.batches.plan.records import LearnedSpeed
from foreverus.choice.arithmetic import RESERVE
from foreverus.choice.assumed import (
    ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND,
    ASSUMED_BOOT_S,
    PUBLISHED_ALONE_TOKENS_PER_SECOND,
    PUBLISHED_TOKENS_PER_SECOND,
)
from foreverus.choice.idle_time import EXPECTED_AUTO_S, LEAST_IDLE_S, MOST_IDLE_S
from foreverus.costs.assumptions import Assumption, Measure, Range
from foreverus.costs.launch import Lifecycle
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR
from foreverus.costs.prices import Price, TokenPrice, cheapest_listed, dearest_price, listed_price
from foreverus.costs.usage.report import ALWAYS_ON_TYPE
from foreverus.sessions.records import Session, expected_boot_seconds

SESSIONS_TO_LEARN_FROM = 10
ESTIMATED_BOOT_S = Range(371, ASSUMED_BOOT_S, 611)  # docs/costs.md: of weights in the bucket, and of a first boot
# The same benchmark: four at once, eight, and as much again for an engine with twice the slots.
PUBLISHED_RATE = Range(234, PUBLISHED_TOKENS_PER_SECOND, 2 * PUBLISHED_TOKENS_PER_SECOND)
ALONE_RATE = Range(
    PUBLISHED_ALONE_TOKENS_PER_SECOND / RESERVE,
    PUBLISHED_ALONE_TOKENS_PER_SECOND,
    PUBLISHED_ALONE_TOKENS_PER_SECOND * RESERVE,
)
CALL_RATE = Range(
    ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND / 2,
    ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND,
    ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND * 2,
)
BENCHMARK = "published: vLLM, Mistral 7B AWQ on an L4, April 2026"
WITH_DISK = "with disk and address"


@dataclass(frozen=True, kw_only=True)
class CostFigures:
    """`spot`, `on_demand`: of the type that is asked for first, with disk and address; a guard's price where nobody
    knows its own, and `price_known` False. `bedrock_calls`: at once; 0: there is no Bedrock here. `database_usd`: what
    it costs to store a session."""

    instance_type: str
    price_known: bool
    spot: Assumption
    on_demand: Assumption
    always_on: Price
    boot_seconds: Assumption
    idle_seconds: Assumption
    gpu_tokens_per_second: Assumption
    gpu_alone_tokens_per_second: Assumption
    bedrock_price: TokenPrice
    bedrock_calls: int
    bedrock_call_tokens_per_second: Assumption
    bedrock_tokens_per_second: Assumption
    database_usd: Assumption

    @property
    def token_prices(self) -> list[Assumption]:
        """Of Bedrock, as far as they are known."""
        price = self.bedrock_price
        kinds = (("prompt", price.prompt), ("completion", price.completion))
        return [
            Assumption(f"bedrock_usd_per_million_{kind}_tokens", Range.of(usd), Measure.USD_PER_MILLION, price.source)
            for kind, usd in kinds
            if usd is not None
        ]


class Sessions(Protocol):
    def newest(self, limit: int, after: str = "") -> list[Session]: ...


@dataclass(frozen=True)
class CostFiguresLook:
    """`speed`: what earlier batches measured of an instance type, or of Bedrock. `database_usd`: see CostFigures."""

    sessions: Sessions
    speed: Callable[[str], LearnedSpeed]
    deployment: Deployment
    database_usd: float

    def __call__(self) -> CostFigures:
        name = self.deployment.instance_types[0]
        earlier = self.sessions.newest(SESSIONS_TO_LEARN_FROM)
        gpu, bedrock = self.speed(name), self.speed(BackendName.BEDROCK)
        return figures(self.deployment, earlier, gpu, bedrock, self.database_usd)


def figures(
    deployment: Deployment,
    earlier: Sequence[Session],
    gpu: LearnedSpeed,
    bedrock: LearnedSpeed,
    database_usd: float,
) -> CostFigures:
    name, region = deployment.instance_types[0], deployment.region
    on_demand = listed_price(name, region, Lifecycle.ON_DEMAND)
    rate = Measure.TOKENS_PER_SECOND
    call = f"assumed: one answer at a time, {ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND:.0f} tokens a second"
    return CostFigures(
        instance_type=name,
        price_known=on_demand.usd_per_hour is not None,
        spot=_spot(name, region, earlier),
        on_demand=_with_disk("gpu_on_demand_usd_per_hour", on_demand),
        always_on=listed_price(ALWAYS_ON_TYPE, region, Lifecycle.ON_DEMAND),
        boot_seconds=_boot(earlier, gpu),
        idle_seconds=_idle(deployment),
        gpu_tokens_per_second=_rate("gpu_tokens_per_second", gpu, PUBLISHED_RATE, f"{BENCHMARK}, 8 at once"),
        gpu_alone_tokens_per_second=Assumption(
            "gpu_alone_tokens_per_second", ALONE_RATE, rate, f"{BENCHMARK}, one answer alone"
        ),
        bedrock_price=deployment.bedrock_price,
        bedrock_calls=deployment.bedrock_calls if deployment.bedrock_model_id else 0,
        bedrock_call_tokens_per_second=Assumption("bedrock_call_tokens_per_second", CALL_RATE, rate, call),
        bedrock_tokens_per_second=_rate(
            *("bedrock_tokens_per_second", bedrock, CALL_RATE.times(deployment.bedrock_calls)),
            f"{call}, {deployment.bedrock_calls} answers at once",
        ),
        database_usd=Assumption(
            "database_usd",
            Range.of(database_usd),
            Measure.USD,
            "reckoned: Aurora wakes up to store the session (costs/database.py)" if database_usd else "no PostgreSQL",
        ),
    )


def _idle(deployment: Deployment) -> Assumption:
    if told := deployment.idle_seconds:
        return Assumption(
            "gpu_idle_seconds", Range.of(told), Measure.SECONDS, "this deployment's setting (IdleSeconds)"
        )
    spread = Range(LEAST_IDLE_S, EXPECTED_AUTO_S, MOST_IDLE_S)
    source = "decided by the pauses between requests (IdleSeconds=auto)"
    return Assumption("gpu_idle_seconds", spread, Measure.SECONDS, source)


def _rate(name: str, learned: LearnedSpeed, otherwise: Range, source: str) -> Assumption:
    value = learned.tokens_per_second
    if not value:
        return Assumption(name, otherwise, Measure.TOKENS_PER_SECOND, source)
    spread = Range(value / RESERVE, value, value * RESERVE)
    return Assumption(name, spread, Measure.TOKENS_PER_SECOND, "learned from earlier batches of this deployment")


def _boot(earlier: Sequence[Session], speed: LearnedSpeed) -> Assumption:
    """From the order to the first answer."""
    name, expected = "gpu_boot_seconds", expected_boot_seconds(earlier)
    if expected:
        took = [
            (ids.parse_timestamp(one.healthy_at) - ids.parse_timestamp(one.created_at)).total_seconds()
            for one in earlier
            if one.healthy_at
        ]
        many = f"{len(took)} sessions" if len(took) > 1 else "one session"
        value = Range(min(took), expected, max(took))
        return Assumption(name, value, Measure.SECONDS, f"learned from {many} of this deployment")
    if boot := speed.boot_seconds:
        value = Range(boot / RESERVE, boot, boot * RESERVE)
        return Assumption(name, value, Measure.SECONDS, "learned from earlier batches of this deployment")
    return Assumption(
        name, ESTIMATED_BOOT_S, Measure.SECONDS, "estimated: docs/costs.md; nothing was measured here yet"
    )


def _spot(name: str, region: str, earlier: Sequence[Session]) -> Assumption:
    """Nobody pays more for spot than the on-demand price, which is the bid where none is named."""
    listed, most = listed_price(name, region, Lifecycle.SPOT), listed_price(name, region, Lifecycle.ON_DEMAND)
    expected = _or_dearest(listed)
    seen = [
        price
        for session in earlier
        for one in session.launches
        if one.instance_type == name and one.lifecycle is Lifecycle.SPOT and (price := one.price_per_hour_usd)
    ]
    low = min([expected, *seen, *filter(None, [cheapest_listed(name, region, Lifecycle.SPOT)])])
    value = Range(low, expected, max(expected, most.usd_per_hour or 0.0, *seen)) + Range.of(BESIDE_GPU_USD_PER_HOUR)
    return Assumption("gpu_spot_usd_per_hour", value, Measure.USD_PER_HOUR, f"{_source(listed)}; {WITH_DISK}")


def _with_disk(name: str, price: Price) -> Assumption:
    value = Range.of(_or_dearest(price) + BESIDE_GPU_USD_PER_HOUR)
    return Assumption(name, value, Measure.USD_PER_HOUR, f"{_source(price)}; {WITH_DISK}")


def _or_dearest(price: Price) -> float:
    return price.usd_per_hour or dearest_price().usd_per_hour or 0.0


def _source(price: Price) -> str:
    return price.source if price.usd_per_hour else f"{price.source}; reckoned with {dearest_price().source}"
