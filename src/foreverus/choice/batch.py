"""Which backend answers what is left of a batch: a pure choice that comes with its arithmetic.

A cold GPU costs its boot, the work and its idle tail; a live one only the work, because its tail is paid for anyway.
Bedrock costs its tokens and boots nothing. Of those that make it within the window the cheaper one is chosen; the
longer the work, the smaller the share of the boot, so more work never moves from the GPU to Bedrock on price alone.

All estimates are taken times 1.2 before they are compared with the time that is left.
"""

from enum import StrEnum

from foreverus.choice.arithmetic import RESERVE, Plan, bedrock_plan, gpu_plan, gpu_seconds, gpu_tokens_of, usd_per_hour
from foreverus.choice.assumed import READ_IN_ONES_TIME
from foreverus.choice.records import Bedrock, Choice, Gpu, NextStep, Number, Work

LEAST_REVIEW_S = 60  # a plan costs four state transitions: no point in making one every second
CAPACITY_REVIEW_S = 300  # while nobody sells a GPU: how often the whole plan is looked at again
BOOTS_WORTH_A_GPU = 3  # an extra GPU answers for at least three times as long as it boots


class BatchReason(StrEnum):
    """Why a step comes next: its name for programs (the page has words for each), `REASONS` for people."""

    CHEAPER = "cheaper"
    ONLY_ALLOWED = "only_allowed"
    ONLY_ALLOWED_LATE = "only_allowed_late"
    ONLY_FAST_ENOUGH = "only_fast_enough"
    MOST_IN_TIME = "most_in_time"
    LAST_MOMENT = "last_moment"
    NO_CAPACITY = "no_capacity"
    NOTHING_ALLOWED = "nothing_allowed"
    NOTHING_LEFT = "nothing_left"
    WINDOW_OVER = "window_over"


REASONS = {
    BatchReason.CHEAPER: "cheaper",
    BatchReason.ONLY_ALLOWED: "the only one that is allowed",
    BatchReason.ONLY_ALLOWED_LATE: "the only one that is allowed; not all of it will be done in time",
    BatchReason.ONLY_FAST_ENOUGH: "the only one that is fast enough",
    BatchReason.MOST_IN_TIME: "none is fast enough; this one gets most done in time",
    BatchReason.LAST_MOMENT: "nobody sells a GPU, and this is the last moment for Bedrock",
    BatchReason.NO_CAPACITY: "a GPU is what it needs, and nobody sells one now",
    BatchReason.NOTHING_ALLOWED: "no backend is allowed",
    BatchReason.NOTHING_LEFT: "nothing is left to do",
    BatchReason.WINDOW_OVER: "the window is over",
}


def choose(work: Work, gpu: Gpu, bedrock: Bedrock) -> Choice:
    """The next step. ValueError for an allowed backend without a rate.

    400 lines of 150 tokens cost less than a boot:

    >>> prices = {"spot_usd_per_hour": 0.44, "on_demand_usd_per_hour": 0.805}
    >>> cold = Gpu(allowed=True, live=False, boot_seconds=180, tokens_per_second=452, idle_seconds=300, **prices)
    >>> on_bedrock = Bedrock(True, 0.15, 0.20, 500)
    >>> choose(Work(400, 80_000, 60_000, 86_400), cold, on_bedrock).next
    <NextStep.BEDROCK: 'bedrock'>
    >>> choose(Work(50_000, 10_000_000, 7_500_000, 86_400), cold, on_bedrock).next
    <NextStep.GPU: 'gpu'>
    """
    for backend in (gpu, bedrock):
        if backend.allowed and backend.tokens_per_second <= 0:
            raise ValueError(f"{type(backend).__name__}.tokens_per_second must be more than 0.")
    most = max(1, min(gpu.max_gpus, work.lines))
    needed = _needed(work, gpu, most)
    tight = gpu_seconds(work, gpu, needed) + gpu.boot_seconds  # after one more spot loss
    on_demand = gpu.allowed and gpu.on_demand_allowed and tight * RESERVE > work.seconds_left
    on_gpu, on_bedrock = gpu_plan(work, gpu, needed, on_demand), bedrock_plan(work, bedrock)
    chosen, reason = _chosen(work, gpu, bedrock, on_gpu, on_bedrock)
    gpus = _worth(work, gpu, needed, most, on_demand, on_bedrock.usd if bedrock.allowed else None)
    on_gpu = gpu_plan(work, gpu, gpus, on_demand)
    if chosen is NextStep.GPU and not (gpu.live or gpu.available or on_demand):
        last_moment = work.seconds_left - RESERVE * on_bedrock.seconds < LEAST_REVIEW_S
        if on_bedrock.fits and last_moment:
            chosen, reason = NextStep.BEDROCK, BatchReason.LAST_MOMENT
        else:
            chosen, reason = NextStep.WAIT, BatchReason.NO_CAPACITY
    fallbacks = _fallback_seconds(chosen, work, gpu, on_demand)
    if chosen is not NextStep.BEDROCK and bedrock.allowed:
        fallbacks.append(on_bedrock.seconds)
    if chosen is NextStep.BEDROCK and gpu.allowed:
        fallbacks.append(on_gpu.seconds)
    review = _review(chosen, work.seconds_left, fallbacks)
    arithmetic = {
        "reason": REASONS[reason],
        "reason_code": reason.value,
        **_of_work(work, review),
        **_of_gpu(gpu, on_gpu, gpus, on_demand),
        **_of_images(work),
        **_of_bedrock(bedrock, on_bedrock),
    }
    return Choice(chosen, on_demand, gpus, review, arithmetic)


def _of_work(work: Work, review: int) -> dict[str, Number]:
    return {
        "lines": work.lines,
        "prompt_tokens": work.prompt_tokens,
        "completion_tokens": work.completion_tokens,
        "seconds_left": round(work.seconds_left),
        "reserve": RESERVE,
        "review_in_seconds": review,
    }


def _of_images(work: Work) -> dict[str, Number]:
    if not work.gpu_image_tokens:
        return {}
    return {"gpu_image_tokens": work.gpu_image_tokens, "gpu_image_tokens_in_ones_time": READ_IN_ONES_TIME}


def _of_gpu(gpu: Gpu, plan: "Plan", gpus: int, on_demand: bool) -> dict[str, Number]:
    numbers: dict[str, Number] = {
        "gpu_allowed": gpu.allowed,
        "gpu_live": gpu.live,
        "gpu_available": gpu.available,
        "gpu_tokens_per_second": round(gpu.tokens_per_second, 1),
        "gpu_boot_seconds": round(gpu.boot_seconds),
        "gpu_idle_seconds": round(gpu.idle_seconds),
        "gpu_usd_per_hour": round(usd_per_hour(gpu, on_demand), 4),
        "gpu_lifecycle": "spot, else on-demand" if on_demand else "spot",
        "gpus": gpus,
        "gpus_at_most": gpu.max_gpus,
    }
    if gpu.allowed:
        numbers |= {"gpu_seconds": round(plan.seconds), "gpu_usd": round(plan.usd, 6), "gpu_fits": plan.fits}
    return numbers


def _of_bedrock(bedrock: Bedrock, plan: "Plan") -> dict[str, Number]:
    if not bedrock.allowed:
        return {"bedrock_allowed": False}
    return {
        "bedrock_allowed": True,
        "bedrock_tokens_per_second": round(bedrock.tokens_per_second, 1),
        "bedrock_usd_per_million_prompt_tokens": bedrock.usd_per_million_prompt_tokens,
        "bedrock_usd_per_million_completion_tokens": bedrock.usd_per_million_completion_tokens,
        "bedrock_seconds": round(plan.seconds),
        "bedrock_usd": round(plan.usd, 6),
        "bedrock_fits": plan.fits,
    }


def _chosen(work: Work, gpu: Gpu, bedrock: Bedrock, on_gpu: Plan, on_bedrock: Plan) -> tuple[NextStep, BatchReason]:
    if not gpu.allowed and not bedrock.allowed:
        return NextStep.WAIT, BatchReason.NOTHING_ALLOWED
    if work.lines <= 0 or work.seconds_left <= 0:
        return NextStep.WAIT, BatchReason.NOTHING_LEFT if work.lines <= 0 else BatchReason.WINDOW_OVER
    if not (gpu.allowed and bedrock.allowed):
        only = NextStep.GPU if gpu.allowed else NextStep.BEDROCK
        in_time = on_gpu.fits or on_bedrock.fits
        return only, BatchReason.ONLY_ALLOWED if in_time else BatchReason.ONLY_ALLOWED_LATE
    if on_gpu.fits and on_bedrock.fits:
        return (NextStep.GPU if on_gpu.usd <= on_bedrock.usd else NextStep.BEDROCK), BatchReason.CHEAPER
    if on_gpu.fits:
        return NextStep.GPU, BatchReason.ONLY_FAST_ENOUGH
    if on_bedrock.fits:
        return NextStep.BEDROCK, BatchReason.ONLY_FAST_ENOUGH
    best = NextStep.GPU if on_gpu.tokens_done >= on_bedrock.tokens_done else NextStep.BEDROCK
    return best, BatchReason.MOST_IN_TIME


def _needed(work: Work, gpu: Gpu, most: int) -> int:
    """The fewest GPUs that make it within the window; when not even all do, all that would still answer something."""
    if not gpu.allowed:
        return 1
    fitting = (gpus for gpus in range(1, most + 1) if gpu_seconds(work, gpu, gpus) * RESERVE <= work.seconds_left)
    return next(fitting, most if work.seconds_left > gpu.boot_seconds else 1)


def _worth(work: Work, gpu: Gpu, needed: int, most: int, on_demand: bool, bedrock_usd: float | None) -> int:
    """Each extra GPU answers for three of its boots at least, and the whole stays no dearer than Bedrock."""
    gpus = needed
    while gpu.allowed and gpus < most:
        more = gpu_plan(work, gpu, gpus + 1, on_demand)
        answering = min(more.seconds, work.seconds_left) - gpu.boot_seconds  # of the GPU that is booted for it
        if answering < BOOTS_WORTH_A_GPU * gpu.boot_seconds or (bedrock_usd is not None and more.usd > bedrock_usd):
            break
        gpus += 1
    return gpus


def _fallback_seconds(chosen: NextStep, work: Work, gpu: Gpu, on_demand: bool) -> list[float]:
    """How long an on-demand GPU would take, where it is what we would fall back on."""
    if chosen is NextStep.BEDROCK or not (gpu.allowed and gpu.on_demand_allowed) or on_demand:
        return []
    return [gpu.boot_seconds + gpu_tokens_of(work) / gpu.tokens_per_second]


def _review(chosen: NextStep, seconds_left: float, fallbacks: list[float]) -> int:
    """Seconds until the last moment at which what we would fall back on still does all the work in time.

    Without anything to fall back on, the end of the window. Never under a minute, never beyond the window.

    >>> _review(NextStep.GPU, 3600, [1000]), _review(NextStep.GPU, 3600, []), _review(NextStep.WAIT, 3600, [])
    (2400, 3600, 300)
    """
    latest = [seconds_left - RESERVE * seconds for seconds in fallbacks]
    review = max((moment for moment in latest if moment >= 0), default=seconds_left)
    if chosen is NextStep.WAIT:
        review = min(review, CAPACITY_REVIEW_S)
    return max(1, min(int(seconds_left), max(LEAST_REVIEW_S, int(review))))
