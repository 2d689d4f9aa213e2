"""What a conversation would cost on each backend, as they are just now. Pure."""

from dataclasses import replace

from foreverus.backends.port import BackendName, Message, Prompt
from foreverus.choice.assumed import BEDROCK_FIRST_WORD_S, EXPECTED_TOKENS, GPU_FIRST_WORD_S
from foreverus.choice.records import Bedrock
from foreverus.choice.request import BLIND_BEDROCK
from foreverus.choice.request_records import Asked, AskedBy, GpuNow, GpuStatus, Preference
from foreverus.costs.assumptions import Assumption, Measure, Range
from foreverus.costs.one_answer import beside_usd
from foreverus.costs.prices import UNKNOWN_USD_PER_MILLION
from foreverus.costs.quote import AutoChoice, BackendQuote, Quote, QuoteKind, bedrock_usd, gpu_usd, share_usd
from foreverus.sessions.backends_now import BackendsNow
from foreverus.spending.figures import CostFigures
from foreverus.spending.image_quote import SEES_NONE, QuotedImages, with_container
from foreverus.spending.work import Tokens

NO_BEDROCK = "This deployment has no Bedrock (its BedrockModelId is empty)."
PAID_ANYWAY = "A GPU is on for others too: this is what it takes of its time."
MOST_WAIT_S = 10.0  # for each answer that is ahead of it
READING_S = Range(5, 30, 120)  # between an answer and the next question
FIRST_WORD_SOURCE = "estimated: nothing of it was measured on AWS (choice/assumed.py)"


def chat_quote(
    figures: CostFigures, tokens: Tokens, messages: int, now: BackendsNow, images: QuotedImages | None = None
) -> Quote:
    """`images`: each question shows some."""
    if images and images.price:  # seen by a model of their own
        figures = replace(figures, bedrock_price=images.price, bedrock_calls=max(1, figures.bedrock_calls))
    if images and images.price and not images.gpu:
        gpu, taken = BackendQuote(backend=BackendName.GPU, why_not=SEES_NONE), list[Assumption]()
    else:
        gpu, taken = _on_gpu(figures, tokens, messages, now.gpu)
    bedrock, given = _on_bedrock(figures, tokens, messages)
    if images and not images.price and not images.reads:
        bedrock, given = BackendQuote(backend=BackendName.BEDROCK, why_not=BLIND_BEDROCK.message), []
    backends, beside = (gpu, bedrock), list[Assumption]()
    if images and images.reads:
        beside = [images.container]
        read_for_it = gpu if images.gpu else with_container(gpu, images.container)
        backends = read_for_it, with_container(bedrock, images.container)
    return Quote(
        kind=QuoteKind.CHAT,
        backends=backends,
        auto=_auto(tokens, messages, now, images),
        assumptions=(*tokens.assumptions, *taken, *given, *beside),
        work={"messages": Range.of(messages), "prompt_tokens": tokens.prompt, "completion_tokens": tokens.completion},
    )


def _on_gpu(figures: CostFigures, tokens: Tokens, messages: int, now: GpuNow) -> tuple[BackendQuote, list[Assumption]]:
    alone, boot = figures.gpu_alone_tokens_per_second, _boot_left(figures, now)
    first = _first_word("gpu_first_word_seconds", GPU_FIRST_WORD_S)
    answering = tokens.completion.per(alone.value) + first.value.times(messages)
    named = [alone, first, figures.spot, *([boot] if boot.value.high else [])]
    if now.status is GpuStatus.NONE:
        reading = Assumption(
            "reading_seconds", READING_S, Measure.SECONDS, "assumed: from an answer to the next question"
        )
        life = boot.value + answering + READING_S.times(messages - 1) + figures.idle_seconds.value
        usd = gpu_usd(life, figures.spot.value, figures.database_usd.value)
        named += [figures.idle_seconds, figures.database_usd, *([reading] if messages > 1 else [])]
    else:
        usd = share_usd(tokens.completion, figures.gpu_tokens_per_second.value, figures.spot.value)
        named.append(
            replace(figures.gpu_tokens_per_second, source=f"{figures.gpu_tokens_per_second.source}. {PAID_ANYWAY}")
        )
    quote = BackendQuote(
        backend=BackendName.GPU,
        usd=usd,
        seconds=boot.value + answering,
        first_word_seconds=boot.value + first.value,
        beside_usd=_beside(tokens.completion.per(alone.value), messages, on_bedrock=False),
    )
    return quote, named


def _boot_left(figures: CostFigures, now: GpuNow) -> Assumption:
    boot = figures.boot_seconds
    if now.status is GpuStatus.NONE:
        return boot
    if now.status is GpuStatus.BOOTING:
        left = Range(min(boot.value.low, now.gpu.boot_seconds), now.gpu.boot_seconds, boot.value.high)
        return replace(boot, value=left, source=f"{boot.source}, less what it has booted for already")
    if now.status is GpuStatus.FULL:
        ahead = now.in_work - now.slots + 1
        wait = Range(0, ahead * EXPECTED_TOKENS / figures.gpu_tokens_per_second.value.expected, ahead * MOST_WAIT_S)
        return Assumption("gpu_wait_seconds", wait, Measure.SECONDS, f"all {now.slots} slots are taken: {ahead} to go")
    return replace(boot, value=Range.of(0.0))


def _on_bedrock(figures: CostFigures, tokens: Tokens, messages: int) -> tuple[BackendQuote, list[Assumption]]:
    if figures.bedrock_calls == 0:
        return BackendQuote(backend=BackendName.BEDROCK, why_not=NO_BEDROCK), []
    rate, first = (
        figures.bedrock_call_tokens_per_second,
        _first_word("bedrock_first_word_seconds", BEDROCK_FIRST_WORD_S),
    )
    usd = bedrock_usd(tokens.prompt, tokens.completion, figures.bedrock_price)
    quote = BackendQuote(
        backend=BackendName.BEDROCK,
        usd=usd,
        seconds=tokens.completion.per(rate.value) + first.value.times(messages),
        first_word_seconds=first.value,
        beside_usd=_beside(tokens.completion.per(rate.value), messages, on_bedrock=True),
    )
    return quote, [rate, first, *figures.token_prices]


def _beside(writing: Range, messages: int, *, on_bedrock: bool) -> Range:
    """`writing`: seconds in which all of them are written."""
    low, expected, high = (
        messages * beside_usd(seconds / messages, on_bedrock=on_bedrock)
        for seconds in (writing.low, writing.expected, writing.high)
    )
    return Range(low, expected, high)


def _first_word(name: str, seconds: float) -> Assumption:
    return Assumption(name, Range(seconds / 2, seconds, seconds * 4), Measure.SECONDS, FIRST_WORD_SOURCE)


def _auto(tokens: Tokens, messages: int, now: BackendsNow, images: QuotedImages | None) -> AutoChoice:
    """Of the first message: what comes after it goes where it went, or to a GPU that is healthy by then."""
    on_gpu = bool(images and images.gpu) and now.gpu.status is GpuStatus.HEALTHY
    seen = images.shown if images and (on_gpu or not images.reads) else ()
    shown = (Message("user", "", images=seen),) if seen else ()
    asked = Asked(
        prompt=Prompt(shown, max_tokens=max(1, round(tokens.completion.expected / messages))),
        images_read=images.count if images and not seen else 0,
        preference=Preference(BackendName.AUTO, AskedBy.MESSAGE),
        prompt_tokens=round(tokens.prompt.expected / messages),
    )
    choice = now.choose(asked)
    return AutoChoice(choice.backend, choice.reason, choice.text)


def bedrock_of(figures: CostFigures, calls: int) -> Bedrock:
    """The choice's view of Bedrock; `calls` 1: of one answer, else of a batch."""
    price = figures.bedrock_price
    rate = figures.bedrock_call_tokens_per_second if calls == 1 else figures.bedrock_tokens_per_second
    return Bedrock(
        allowed=figures.bedrock_calls > 0,
        usd_per_million_prompt_tokens=UNKNOWN_USD_PER_MILLION if price.prompt is None else price.prompt,
        usd_per_million_completion_tokens=UNKNOWN_USD_PER_MILLION if price.completion is None else price.completion,
        tokens_per_second=rate.value.expected,
    )
