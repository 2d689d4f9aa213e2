"""What is left of a batch and how fast it will go: the numbers that the choice of a backend is made of. Pure.

Each has a source that the choice's arithmetic names: measured in this batch, learned from those before, or published.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import mean

from foreverus import ids
from foreverus.batches.plan.records import LearnedSpeed
from foreverus.batches.records import Batch, Shard
from foreverus.choice.assumed import (
    ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND,
    ASSUMED_BOOT_S,
    EXPECTED_SHARE,
    EXPECTED_TOKENS,
    PUBLISHED_TOKENS_PER_SECOND,
)
from foreverus.choice.records import Bedrock, NextStep, Work
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR
from foreverus.costs.prices import (
    NO_PRICE,
    UNKNOWN_USD_PER_MILLION,
    TokenPrice,
    dearest_price,
    listed_price,
    mixed_price,
)
from foreverus.costs.reservations import Month
from foreverus.sessions.records import Session, expected_boot_seconds

WEIGHT_LINES = 16  # the prior counts as much as so many answered lines
ASSUMED, MEASURED = "assumed", "measured in this batch"
LEAST_MEASURED_S = 60  # of a round, before its rate says something


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What this stack may use. `bedrock_price.prompt` None: a price that nobody knows. `sight_price`: of the model on
    Bedrock that sees images; `images_by`: who takes them in there, as people are told; empty: nobody. `gpu_sees`: the
    GPU's model where it sees them; empty: it does not."""

    region: str
    instance_types: tuple[str, ...]  # the first is the one that is reckoned with
    idle_seconds: float
    max_gpus: int
    bedrock_model_id: str  # empty: no Bedrock here
    bedrock_calls: int  # at once
    bedrock_price: TokenPrice
    sight_price: TokenPrice = NO_PRICE
    images_by: str = ""
    gpu_sees: str = ""


def price_left(shards: Sequence[Shard], price: TokenPrice, sight: TokenPrice) -> TokenPrice:
    """What a token on Bedrock costs of what is left: lines whose images are seen are another model's. One price of
    both, in the proportion of their tokens.

    >>> shard = Shard(0, 1, 2, 0, 9, prompt_tokens_estimate=4, seen_prompt_tokens_estimate=3)
    >>> price_left([shard], TokenPrice(0.16, 0.20, "a"), TokenPrice(0.08, 0.24, "b")).prompt
    0.1
    """
    left = [one for one in shards if not one.is_done]
    seen = sum(one.seen_prompt_tokens_estimate for one in left), sum(one.seen_completion_tokens_limit for one in left)
    if not any(seen):
        return price
    whole = sum(one.prompt_tokens_estimate for one in left), sum(one.completion_tokens_limit for one in left)
    return mixed_price(price, sight, seen[0] / max(whole[0], 1), seen[1] / max(whole[1], 1))


def work_left(shards: Sequence[Shard], seconds_left: float) -> Work:
    """Of the shards that are not done. Expected completion tokens: the mean of this batch's answers so far, mixed with
    the prior by the number of lines that were answered, and never more than the lines allow."""
    open_ = [one for one in shards if not one.is_done]
    lines = prompt = limit = images = 0.0
    for shard in open_:
        total = max(shard.lines, 1)
        share = max(total - shard.finished, 1) / total  # not marked done: there is something to do
        lines += share * total
        prompt += share * shard.prompt_tokens_estimate
        limit += share * shard.completion_tokens_limit
        images += share * shard.gpu_image_tokens
    answered = sum(one.completed for one in shards)
    written = sum(one.completion_tokens for one in shards)
    prior = min(EXPECTED_SHARE * limit / lines, EXPECTED_TOKENS) if lines else 0.0
    each = (prior * WEIGHT_LINES + written) / (WEIGHT_LINES + answered)
    expected = min(each * lines, limit) if limit else each * lines
    return Work(round(lines), round(prompt), max(round(expected), round(lines)), seconds_left, round(images))


def bedrock_expected_usd(work: Work, price: TokenPrice) -> float:
    """What Bedrock would take for all that is left."""
    return price.guard_usd(work.prompt_tokens, work.completion_tokens)


@dataclass(frozen=True, kw_only=True)
class Situation:
    """All that a plan is made from, as it was at one moment.

    `live`: usable sessions; `earlier`: the newest ones, to learn boots from. `month`: what is spent and reserved of the
    batch's month; what Bedrock took for the batch is in its own reservation until the batch is over.
    """

    batch: Batch
    shards: Sequence[Shard]
    live: Sequence[Session]
    earlier: Sequence[Session]
    gpu_speed: LearnedSpeed
    bedrock_speed: LearnedSpeed
    month: Month
    now: datetime

    @property
    def seconds_left(self) -> float:
        """Of the completion window."""
        return (ids.parse_timestamp(self.batch.expires_at) - self.now).total_seconds()

    @property
    def work(self) -> Work:
        return work_left(self.shards, self.seconds_left)


@dataclass(frozen=True)
class Estimate:
    """A figure, and where it is from."""

    value: float
    source: str


@dataclass(frozen=True)
class Estimates:
    """What the choice is made from, before it is known what is allowed."""

    instance_type: str
    gpu_tokens_per_second: Estimate
    boot_seconds: Estimate
    spot: Estimate  # USD/h, with disk and address
    on_demand: Estimate
    bedrock_tokens_per_second: Estimate

    @property
    def sources(self) -> dict[str, str]:
        """As the arithmetic names them."""
        return {
            "gpu_instance_type": self.instance_type,
            "gpu_price_from": self.spot.source,
            "gpu_tokens_per_second_from": self.gpu_tokens_per_second.source,
            "gpu_boot_seconds_from": self.boot_seconds.source,
            "bedrock_tokens_per_second_from": self.bedrock_tokens_per_second.source,
        }


def instance_type(deployment: Deployment, live: Sequence[Session]) -> str:
    """The one that is reckoned with: what is live, else what is asked for first."""
    return next((one.instance_type for one in live if one.instance_type), deployment.instance_types[0])


def estimates(at: Situation, deployment: Deployment) -> Estimates:
    name = instance_type(deployment, at.live)
    return Estimates(
        instance_type=name,
        gpu_tokens_per_second=_gpu_rate(at),
        boot_seconds=_boot_seconds(at),
        spot=_usd_per_hour(name, deployment.region, "spot"),
        on_demand=_usd_per_hour(name, deployment.region, "on-demand"),
        bedrock_tokens_per_second=_bedrock_rate(at, deployment.bedrock_calls),
    )


def bedrock_of(found: Estimates, price: TokenPrice, allowed: bool) -> Bedrock:
    """The choice's view of Bedrock."""
    return Bedrock(
        allowed=allowed,
        usd_per_million_prompt_tokens=_usd(price.prompt),
        usd_per_million_completion_tokens=_usd(price.completion),
        tokens_per_second=found.bedrock_tokens_per_second.value,
    )


def _usd_per_hour(name: str, region: str, lifecycle: str) -> Estimate:
    price = listed_price(name, region, lifecycle)
    return Estimate((price.usd_per_hour or dearest_price().usd_per_hour or 0.0) + BESIDE_GPU_USD_PER_HOUR, price.source)


def _usd(price: float | None) -> float:
    return UNKNOWN_USD_PER_MILLION if price is None else price


def _bedrock_rate(at: Situation, calls: int) -> Estimate:
    learned = at.bedrock_speed.tokens_per_second
    if learned:
        return Estimate(learned, "earlier batches")
    return Estimate(calls * ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND, f"{ASSUMED} for each call in flight")


def _gpu_rate(at: Situation) -> Estimate:
    """Completion tokens a second of one GPU: of this batch's newest round if it ran on one that still lives, losses and
    chats beside it included."""
    healthy, start = [one for one in at.live if one.healthy_at], at.batch.newest_round
    if start.planned is NextStep.GPU and healthy:
        began = max(start.began_at, min(_first_healthy(one) for one in healthy))
        seconds = (at.now - ids.parse_timestamp(began)).total_seconds()
        written = sum(one.completion_tokens for one in at.shards) - start.tokens_before
        if seconds >= LEAST_MEASURED_S and written > 0:
            return Estimate(written / seconds / len(healthy), MEASURED)
    if at.gpu_speed.tokens_per_second:
        return Estimate(at.gpu_speed.tokens_per_second, "earlier batches")
    return Estimate(PUBLISHED_TOKENS_PER_SECOND, "published: vLLM, Mistral 7B AWQ, L4, 8 at once, April 2026")


def _first_healthy(session: Session) -> str:
    """A relaunch within the round counts as time in which nothing was answered."""
    return min([*(one.at for one in session.phases if one.name == "healthy"), session.healthy_at])


def _boot_seconds(at: Situation) -> Estimate:
    """Of one that is booting now: the rest."""
    boot, source = expected_boot_seconds(at.earlier), "earlier sessions"
    if not boot:
        boot, source = at.gpu_speed.boot_seconds, "earlier batches"
    if not boot:
        boot, source = ASSUMED_BOOT_S, ASSUMED
    booting = [one for one in at.live if not one.healthy_at]
    if not booting or len(booting) < len(at.live):
        return Estimate(boot, source)
    since = mean((at.now - ids.parse_timestamp(one.created_at)).total_seconds() for one in booting)
    return Estimate(max(boot - since, 1.0), f"{source}, less {since:.0f} s since its launch")
