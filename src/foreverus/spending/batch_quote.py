"""What a batch would cost on each backend. Pure."""

from dataclasses import dataclass, replace

from foreverus.backends.port import BackendName
from foreverus.batches.records import GpuOnly
from foreverus.choice.batch import choose
from foreverus.choice.records import Choice, Gpu, NextStep, Work
from foreverus.costs.assumptions import Assumption, Measure, Range
from foreverus.costs.prices import TokenPrice, mixed_price
from foreverus.costs.quote import AutoChoice, BackendQuote, Quote, QuoteKind, bedrock_usd
from foreverus.costs.reservations import Month, refusal
from foreverus.sessions.reserving import least_usd
from foreverus.spending.chat_quote import NO_BEDROCK, bedrock_of
from foreverus.spending.figures import CostFigures
from foreverus.spending.image_quote import LineImages
from foreverus.spending.session_quote import hourly_of
from foreverus.spending.work import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWork:
    """`gpu_only`: the first thing of it that Bedrock cannot do; `images`: what its lines show.
    `seconds_left`: of its window."""

    lines: int
    tokens: Tokens
    seconds_left: float
    allow_on_demand: bool = False
    gpu_only: GpuOnly | None = None
    images: LineImages | None = None


def batch_quote(
    figures: CostFigures, work: BatchWork, is_live: bool, max_gpus: int, month: Month, sees: TokenPrice | None = None
) -> Quote:
    """`is_live`: a GPU is healthy, and the batch would share it. `sees`: the price of the model that sees images."""
    tokens, container = work.tokens, work.images.container if work.images else None
    if work.images and sees:
        mixed = mixed_price(figures.bedrock_price, sees, work.images.of_prompt, work.images.of_completion)
        figures = replace(figures, bedrock_price=mixed)
    on_bedrock = bedrock_usd(tokens.prompt, tokens.completion, figures.bedrock_price)
    if container and on_bedrock:
        on_bedrock += container.value
    no_bedrock = _why_no_bedrock(figures, work, month, on_bedrock)
    no_gpu = "" if is_live or month.left >= least_usd() else refusal(month, least_usd()).message
    if work.images and work.images.gpu_tokens is None:
        no_gpu = f"Line {work.images.line} shows images: such a batch is answered on Bedrock."
    choice = _choice(figures, work, is_live, max_gpus, (no_gpu, no_bedrock))
    hourly = _hourly(figures, work, choice)
    gpu, shown = BackendQuote(backend=BackendName.GPU), work.images.on_gpu if work.images else None
    if not work.images or shown:
        gpu = _on_gpu(figures, work, is_live, choice.gpus, hourly)
    bedrock = BackendQuote(backend=BackendName.BEDROCK, why_not=no_bedrock)
    if figures.bedrock_calls and not work.gpu_only and not (work.images and work.images.by is None):
        seconds = tokens.completion.per(figures.bedrock_tokens_per_second.value)
        bedrock = BackendQuote(
            backend=BackendName.BEDROCK, usd=on_bedrock, seconds=seconds, first_word_seconds=seconds, why_not=no_bedrock
        )
    named = [*tokens.assumptions, figures.gpu_tokens_per_second, hourly]
    if not is_live:
        named += [figures.boot_seconds, figures.idle_seconds, figures.database_usd]
    named.append(Assumption("gpus", Range.of(choice.gpus), Measure.GPUS, "what the work is worth (choice/batch.py)"))
    if bedrock.usd or bedrock.seconds:
        named += [figures.bedrock_tokens_per_second, *figures.token_prices]
    named += [one for one in (container, shown) if one]
    return Quote(
        kind=QuoteKind.BATCH,
        backends=(replace(gpu, why_not=no_gpu), bedrock),
        auto=_auto(choice),
        assumptions=named,
        work={"lines": Range.of(work.lines), "prompt_tokens": tokens.prompt, "completion_tokens": tokens.completion},
    )


def _why_no_bedrock(figures: CostFigures, work: BatchWork, month: Month, usd: Range | None) -> str:
    if not figures.bedrock_calls:
        return NO_BEDROCK
    if work.images and work.images.by is None:
        return f"Nobody on Bedrock sees the images of line {work.images.line} (see this deployment's Images)."
    if work.gpu_only:
        return f"Bedrock cannot do {work.gpu_only.param} (line {work.gpu_only.line})."
    if usd and usd.expected > float(month.left):
        return f"It needs about US$ {usd.expected:.4f}, and the month has US$ {float(month.left):.4f} left."
    return ""


def _choice(figures: CostFigures, work: BatchWork, is_live: bool, max_gpus: int, why_not: tuple[str, str]) -> Choice:
    """What the batch's plan would decide. `why_not`: of the GPU, of Bedrock."""
    no_gpu, no_bedrock = why_not
    left = Work(
        work.lines,
        round(work.tokens.prompt.expected),
        round(work.tokens.completion.expected),
        work.seconds_left,
        round(work.images.gpu_tokens or 0) if work.images else 0,
    )
    gpu = Gpu(
        allowed=not no_gpu,
        live=is_live,
        boot_seconds=figures.boot_seconds.value.expected,
        tokens_per_second=figures.gpu_tokens_per_second.value.expected,
        spot_usd_per_hour=figures.spot.value.expected,
        on_demand_usd_per_hour=figures.on_demand.value.expected,
        idle_seconds=figures.idle_seconds.value.expected,
        on_demand_allowed=work.allow_on_demand,
        max_gpus=max_gpus,
    )
    bedrock = bedrock_of(figures, figures.bedrock_calls or 1)
    return choose(left, gpu, replace(bedrock, allowed=not no_bedrock))


def _hourly(figures: CostFigures, work: BatchWork, choice: Choice) -> Assumption:
    hourly = hourly_of(figures, work.allow_on_demand)
    if not choice.allow_on_demand:
        return hourly
    dear = figures.on_demand
    value = Range(hourly.value.low, dear.value.expected, max(hourly.value.high, dear.value.high))
    return Assumption(dear.name, value, dear.measure, f"{dear.source}; the window leaves no time to wait for spot")


def _on_gpu(figures: CostFigures, work: BatchWork, is_live: bool, gpus: int, hourly: Assumption) -> BackendQuote:
    """As the choice reckons: what is booted for it is paid from boot to idle tail; what is on anyway, its answers."""
    shown = work.images.on_gpu if work.images else None
    taken = work.tokens.completion + shown.value if shown else work.tokens.completion
    boot, alone = figures.boot_seconds.value, taken.per(figures.gpu_tokens_per_second.value)
    booted = gpus - is_live
    paid = alone + (boot + figures.idle_seconds.value).times(booted)
    usd = (paid * hourly.value).times(1 / 3600) + figures.database_usd.value.times(booted)
    seconds = (alone + boot.times(gpus - 1)).times(1 / gpus) if is_live else boot + alone.times(1 / gpus)
    return BackendQuote(backend=BackendName.GPU, usd=usd, seconds=seconds, first_word_seconds=seconds)


def _auto(choice: Choice) -> AutoChoice:
    backend = {NextStep.GPU: BackendName.GPU, NextStep.BEDROCK: BackendName.BEDROCK}.get(choice.next)
    return AutoChoice(backend, str(choice.arithmetic["reason"]), choice.text())
