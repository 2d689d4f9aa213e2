"""What a plan decides: the batch goes on with a backend, waits, or comes to its end. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil

from foreverus import ids
from foreverus.batches.execution_error import ExecutionError
from foreverus.batches.model import Options, options_of
from foreverus.batches.plan.estimates import (
    ASSUMED,
    MEASURED,
    Deployment,
    Estimates,
    Situation,
    bedrock_of,
    estimates,
    price_left,
)
from foreverus.batches.plan.failures import Meaning, RoundContext, capacity_is_missing, meaning, usable, with_error
from foreverus.batches.plan.records import NextRound, RoundStart, Setbacks
from foreverus.batches.plan.reserving import bedrock_need, own_usd
from foreverus.batches.records import (
    Batch,
    BatchStatus,
    ErrorEntry,
    Shard,
    all_done,
    finished_lines,
)
from foreverus.choice.batch import choose
from foreverus.choice.records import Choice, Gpu, NextStep, Work
from foreverus.costs.reservations import refusal
from foreverus.errors import SpendCapReached

CHOICE_CHARACTERS = 512  # a few lines on a page
MANY_GPUS = 1_000  # more than anybody has


@dataclass(frozen=True, slots=True)
class GoOn:
    """A round on a backend; it is looked at again after so many seconds at the latest."""

    round: NextRound
    seconds: int

    def as_json(self) -> dict[str, object]:
        return {"next": self.round.start.planned.value, "round": self.round.number, "seconds": self.seconds}


@dataclass(frozen=True, slots=True)
class Wait:
    """A round in which nobody works; the next plan follows after so many seconds."""

    round: NextRound
    seconds: int

    def as_json(self) -> dict[str, object]:
        return {"next": NextStep.WAIT.value, "round": self.round.number, "seconds": self.seconds}


@dataclass(frozen=True, slots=True)
class Finish:
    """`round`: the newest one. `setbacks`, with the batch's errors: what is noted of why; None: nothing is."""

    status: BatchStatus
    round: int
    setbacks: Setbacks | None = None
    errors: tuple[ErrorEntry, ...] = ()

    def as_json(self) -> dict[str, object]:
        return {"next": "finish", "round": self.round, "seconds": 0, "status": self.status.value}


Decision = GoOn | Wait | Finish


def end_of(batch: Batch, shards: Sequence[Shard], now: datetime) -> Finish | None:
    """The end that the batch has come to, whatever its newest round said; None: there is more to do."""
    if batch.is_over:
        return Finish(batch.status, batch.round)
    if batch.status is BatchStatus.CANCELLING:
        return Finish(BatchStatus.CANCELLED, batch.round)
    if all_done(shards):
        return Finish(BatchStatus.COMPLETED, batch.round)
    return Finish(BatchStatus.EXPIRED, batch.round) if ids.timestamp(now) >= batch.expires_at else None


def decide(at: Situation, deployment: Deployment, error: ExecutionError | None) -> Decision:
    """What comes next for a batch with something left to do. `error`: what its newest round ended with."""
    batch, options = at.batch, options_of(at.batch.metadata)
    able = able_backends(batch, allowed_backends(options, deployment), deployment)
    allowed, refusal = within_cap(able, at, deployment)
    means = meaning(batch, error, RoundContext(allowed, bool(at.live), finished_lines(at.shards), at.now))
    if not means.finish and not usable(means.setbacks, allowed):
        nobody = refusal or ExecutionError("BackendUnavailable", _why_nobody(batch, options, able))
        means = Meaning(means.setbacks, BatchStatus.FAILED, with_error(batch.errors, nobody))
    if means.finish:
        return Finish(means.finish, batch.round, means.setbacks, means.errors)
    found = estimates(at, deployment)
    names = usable(means.setbacks, allowed)
    price = price_left(at.shards, deployment.bedrock_price, deployment.sight_price)
    gpu, bedrock = _gpu(at, found, means, names, deployment), bedrock_of(found, price, "bedrock" in names)
    choice = choose(_work(at, found), gpu, bedrock)
    next_, seconds, words = _next(at, choice, means, found.boot_seconds.source == ASSUMED)
    sources = {**found.sources, "bedrock_price_from": price.source}
    words = f"{_needs(batch, deployment)}{words}"
    next_round = NextRound(
        number=batch.round + 1,
        start=RoundStart(
            planned=next_,
            began_at=ids.timestamp(at.now),
            finished_before=finished_lines(at.shards),
            tokens_before=sum(one.completion_tokens for one in at.shards),
        ),
        choice={**choice.arithmetic, **sources, "next": next_.value},
        choice_text=words[:CHOICE_CHARACTERS],
        gpus=choice.gpus,
        on_demand=choice.allow_on_demand,
        backend=None if next_ is NextStep.WAIT else next_.value,
        setbacks=means.setbacks,
    )
    within_window = max(1, min(seconds, ceil(at.seconds_left)))
    return Wait(next_round, within_window) if next_ is NextStep.WAIT else GoOn(next_round, within_window)


def _why_nobody(batch: Batch, options: Options, able: frozenset[str]) -> str:
    if batch.images_line and not able:
        return f"Nobody who may answer it sees the images of line {batch.images_line} here, as it is deployed now."
    return f"metadata.backend is '{options.backend}', and this deployment has no such backend."


def _work(at: Situation, found: Estimates) -> Work:
    """A rate that was measured in this batch has the time of its images in it."""
    return replace(at.work, gpu_image_tokens=0) if found.gpu_tokens_per_second.source == MEASURED else at.work


def allowed_backends(options: Options, deployment: Deployment) -> frozenset[str]:
    here = {"gpu"} | ({"bedrock"} if deployment.bedrock_model_id else set())
    return frozenset(here if options.backend == "auto" else here & {options.backend.value})


def able_backends(batch: Batch, allowed: frozenset[str], deployment: Deployment) -> frozenset[str]:
    """Those that can do what every line asks: a batch is not divided among backends by its lines."""
    if batch.images_line and not (batch.gpu_sees and deployment.gpu_sees):
        allowed -= {"gpu"}
    if batch.images_line and not deployment.images_by:
        allowed -= {"bedrock"}
    return allowed - {"bedrock"} if batch.gpu_only else allowed


def _needs(batch: Batch, deployment: Deployment) -> str:
    """Why another backend is not thought of."""
    images = f"images, in line {batch.images_line} first, are " if batch.images_line else ""
    if images and batch.gpu_sees and deployment.gpu_sees:
        there = f", on Bedrock {deployment.images_by}" if deployment.images_by else ""
        return f"{images}seen by {deployment.gpu_sees} on the GPU{there or ' alone'}; "
    if images:
        return f"{images}{deployment.images_by}, on Bedrock alone; "
    return f"{batch.gpu_only.param} of line {batch.gpu_only.line} needs the GPU; " if batch.gpu_only else ""


def within_cap(
    allowed: frozenset[str], at: Situation, deployment: Deployment
) -> tuple[frozenset[str], ExecutionError | None]:
    """Without Bedrock, and why, when what is left of the batch needs more there than the month has left. A GPU's
    session reserves for itself when it starts."""
    if "bedrock" not in allowed:
        return allowed, None
    need = bedrock_need(at.batch, at.shards, at.work, deployment.bedrock_price, deployment.sight_price)
    if need.least <= at.month.left + own_usd(at.month, at.batch):
        return allowed, None
    others = [one for one in at.month.reservations if one.name != at.batch.batch_id]
    refused = refusal(replace(at.month, reservations=others), need.least - need.spent)
    return allowed - {"bedrock"}, ExecutionError(SpendCapReached.code(), refused.message)


def _gpu(at: Situation, found: Estimates, means: Meaning, names: frozenset[str], deployment: Deployment) -> Gpu:
    """The choice's view of the GPU."""
    missing = capacity_is_missing(means.setbacks, at.now)
    most = MANY_GPUS if means.setbacks.most_gpus is None else means.setbacks.most_gpus
    return Gpu(
        allowed="gpu" in names and (bool(at.live) or not missing or "bedrock" not in names),
        live=any(one.healthy_at for one in at.live),
        boot_seconds=found.boot_seconds.value,
        tokens_per_second=found.gpu_tokens_per_second.value,
        spot_usd_per_hour=found.spot.value,
        on_demand_usd_per_hour=found.on_demand.value,
        idle_seconds=deployment.idle_seconds,
        on_demand_allowed=options_of(at.batch.metadata).allow_on_demand,
        max_gpus=1 if missing else min(deployment.max_gpus, most),
        available=not means.pause_s or means.any_gpu_waits,
    )


def _next(at: Situation, choice: Choice, means: Meaning, boot_is_assumed: bool) -> tuple[NextStep, int, str]:
    """The step, its seconds and words for people: the choice, but for what the newest error or the window forbid."""
    next_, seconds, words = choice.next, choice.review_in_seconds, choice.text(CHOICE_CHARACTERS)
    newly_on_demand = next_ is NextStep.GPU and choice.allow_on_demand and not at.batch.on_demand
    if means.pause_s and (means.any_gpu_waits or not newly_on_demand):
        pause_s = means.pause_s
        if options_of(at.batch.metadata).allow_on_demand and not means.any_gpu_waits:
            pause_s = min(pause_s, choice.review_in_seconds)
        return NextStep.WAIT, pause_s, f"wait {pause_s} s, then {words}"
    boots_late = float(choice.arithmetic["gpu_boot_seconds"]) >= at.seconds_left and not boot_is_assumed
    if next_ is NextStep.GPU and not at.live and boots_late:
        # A GPU that would answer nothing in time is not bought: what is answered is delivered when the window ends.
        words = f"wait for the end of the window, no GPU would boot in it; {words}"
        return NextStep.WAIT, ceil(at.seconds_left), words
    return next_, seconds, words
