"""What is left of a batch and how fast it will go: the numbers that the choice of a backend is made of. Pure.

Each has a source that the choice's arithmetic names: measured in this batch, learned from those before, or published.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import mean
from typing import Any

from foreverus import ids
from foreverus.batches.plan.choice import Bedrock, Gpu, Work
from foreverus.batches.records import Shard
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR
from foreverus.costs.prices import UNKNOWN_USD_PER_MILLION, TokenPrice, dearest_price, listed_price
from foreverus.sessions.records import Session, expected_boot_seconds

Item = dict[str, Any]

# Before anything is answered we expect half of what the lines allow, and at most so much a line: people set limits
# high. 256 tokens are about 190 English words; the mean answer of public chat traces is 200 to 350 tokens.
EXPECTED_SHARE, EXPECTED_TOKENS = 0.5, 256
WEIGHT_LINES = 16  # the prior counts as much as so many answered lines
# vLLM, Mistral 7B AWQ with Marlin on an L4, eight at once (public benchmark, April 2026). The engine has more slots and
# other GPUs are faster: the first batch that fills the slots puts its own rate in this one's place.
PUBLISHED_TOKENS_PER_SECOND = 452.0
ASSUMED_BOOT_S = 210.0  # an image with its weights on a g6.xlarge; learned from the first session on
# One answer of Mistral 7B on Bedrock, as backends/bedrock.py reckons for its timeout; calls in flight add up.
ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND = 30.0
ASSUMED = "assumed"
LEAST_MEASURED_S = 60  # of a round, before its rate says something


@dataclass(frozen=True)
class Deployment:
    """What this stack may use. `bedrock_price.prompt` None: a price that nobody knows."""

    region: str
    instance_types: tuple[str, ...]  # the first is the one that is reckoned with
    idle_seconds: float
    max_gpus: int
    bedrock_model_id: str  # empty: no Bedrock here
    bedrock_calls: int  # at once
    bedrock_price: TokenPrice
    monthly_cap_usd: float


def work_left(shards: Sequence[Shard], seconds_left: float) -> Work:
    """Of the shards that are not done. Expected completion tokens: the mean of this batch's answers so far, mixed with
    the prior by the number of lines that were answered, and never more than the lines allow."""
    open_ = [one for one in shards if not one.is_done]
    lines = prompt = limit = 0.0
    for shard in open_:
        total = max(shard.lines, 1)
        share = max(total - shard.finished, 1) / total  # not marked done: there is something to do
        lines += share * total
        prompt += share * shard.prompt_tokens_estimate
        limit += share * shard.completion_tokens_limit
    answered = sum(one.completed for one in shards)
    written = sum(one.completion_tokens for one in shards)
    prior = min(EXPECTED_SHARE * limit / lines, EXPECTED_TOKENS) if lines else 0.0
    each = (prior * WEIGHT_LINES + written) / (WEIGHT_LINES + answered)
    expected = min(each * lines, limit) if limit else each * lines
    return Work(round(lines), round(prompt), max(round(expected), round(lines)), seconds_left)


def bedrock_expected_usd(work: Work, price: TokenPrice) -> float:
    """What Bedrock would take for all that is left."""
    return price.guard_usd(work.prompt_tokens, work.completion_tokens)


@dataclass(frozen=True)
class Known:
    """What the table knows of paces: of the instance type that is reckoned with, and of Bedrock."""

    gpu: Item
    bedrock: Item


@dataclass(frozen=True)
class Outlook:
    """The choice's view of the GPU and of Bedrock, and where each figure is from."""

    gpu: Gpu
    bedrock: Bedrock
    sources: dict[str, str]


def instance_type(deployment: Deployment, live: Sequence[Session]) -> str:
    """The one that is reckoned with: what is live, else what is asked for first."""
    return next((one.instance_type for one in live if one.instance_type), deployment.instance_types[0])


def outlook(
    record: Item,
    shards: Sequence[Shard],
    deployment: Deployment,
    known: Known,
    live: Sequence[Session],
    earlier: Sequence[Session],
    now: datetime,
    *,
    gpu_allowed: bool,
    bedrock_allowed: bool,
    on_demand_allowed: bool,
    most_gpus: int,
) -> Outlook:
    """`live`: usable sessions; `earlier`: the newest ones, to learn boots from."""
    name = instance_type(deployment, live)
    healthy = [one for one in live if one.healthy_at]
    rate, rate_from = _gpu_rate(record, shards, known, healthy, now)
    boot, boot_from = _boot_seconds(known, live, earlier, now)
    spot = listed_price(name, deployment.region, "spot")
    on_demand = listed_price(name, deployment.region, "on-demand")
    price = deployment.bedrock_price
    learned = known.bedrock.get("tokens_per_second")
    return Outlook(
        Gpu(
            allowed=gpu_allowed,
            live=bool(healthy),
            boot_seconds=boot,
            tokens_per_second=rate,
            spot_usd_per_hour=(spot.usd_per_hour or _dearest()) + BESIDE_GPU_USD_PER_HOUR,
            on_demand_usd_per_hour=(on_demand.usd_per_hour or _dearest()) + BESIDE_GPU_USD_PER_HOUR,
            idle_seconds=deployment.idle_seconds,
            on_demand_allowed=on_demand_allowed,
            max_gpus=most_gpus,
        ),
        Bedrock(
            allowed=bedrock_allowed,
            usd_per_million_prompt_tokens=_usd(price.prompt),
            usd_per_million_completion_tokens=_usd(price.completion),
            tokens_per_second=learned or deployment.bedrock_calls * ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND,
        ),
        {
            "gpu_instance_type": name,
            "gpu_price_from": spot.source,
            "gpu_tokens_per_second_from": rate_from,
            "gpu_boot_seconds_from": boot_from,
            "bedrock_price_from": price.source,
            "bedrock_tokens_per_second_from": "earlier batches" if learned else f"{ASSUMED} for each call in flight",
        },
    )


def _usd(price: float | None) -> float:
    return UNKNOWN_USD_PER_MILLION if price is None else price


def _dearest() -> float:
    return dearest_price().usd_per_hour or 0.0


def _gpu_rate(
    record: Item, shards: Sequence[Shard], known: Known, healthy: Sequence[Session], now: datetime
) -> tuple[float, str]:
    """Completion tokens a second of one GPU: of this batch's newest round if it ran on one that still lives, losses and
    chats beside it included."""
    if record.get("planned") == "gpu" and healthy:
        began = max(record.get("round_began_at", ""), min(_first_healthy(one) for one in healthy))
        seconds = (now - ids.parse_timestamp(began)).total_seconds()
        written = sum(one.completion_tokens for one in shards) - int(record.get("tokens_before", 0))
        if seconds >= LEAST_MEASURED_S and written > 0:
            return written / seconds / len(healthy), "measured in this batch"
    if rate := known.gpu.get("tokens_per_second"):
        return float(rate), "earlier batches"
    return PUBLISHED_TOKENS_PER_SECOND, "published: vLLM, Mistral 7B AWQ, L4, 8 at once, April 2026"


def _first_healthy(session: Session) -> str:
    """A relaunch within the round counts as time in which nothing was answered."""
    phases = [one.at for one in session.phases if one.name == "healthy"]
    return min([*phases, session.healthy_at])


def _boot_seconds(
    known: Known, live: Sequence[Session], earlier: Sequence[Session], now: datetime
) -> tuple[float, str]:
    """Of one that is booting now: the rest."""
    seen = expected_boot_seconds(earlier)
    boot, source = (
        (seen, "earlier sessions") if seen else (float(known.gpu.get("boot_seconds") or 0.0), "earlier batches")
    )
    if not boot:
        boot, source = ASSUMED_BOOT_S, ASSUMED
    booting = [one for one in live if not one.healthy_at]
    if not booting or len(booting) < len(live):
        return boot, source
    since = mean((now - ids.parse_timestamp(one.created_at)).total_seconds() for one in booting)
    return max(boot - since, 1.0), f"{source}, less {since:.0f} s since its launch"
