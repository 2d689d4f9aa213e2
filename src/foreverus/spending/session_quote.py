"""What a session would cost: its GPU's life, from the order to the end. Pure."""

from dataclasses import dataclass

from foreverus.backends.port import BackendName
from foreverus.choice.arithmetic import break_even_tokens
from foreverus.costs.assumptions import Assumption, Measure, Range
from foreverus.costs.quote import AutoChoice, BackendQuote, Quote, QuoteKind, gpu_usd
from foreverus.costs.reservations import Month, refusal
from foreverus.sessions.reserving import ENDING_S, least_usd
from foreverus.spending.figures import CostFigures

A_SESSION = "A session is a GPU that is switched on: Bedrock answers without one, by the token."
NOBODY_WAITS = "somebody switches it off at once; it ends by itself; and its last answers and its end take time"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlan:
    """`minutes`: of use, from when the GPU is ready. `idle_seconds` None: the deployment's."""

    minutes: int
    idle_seconds: int | None = None
    allow_on_demand: bool = False


def session_quote(figures: CostFigures, work: SessionPlan, cap: float, is_live: bool, month: Month) -> Quote:
    """`cap`: what a session may cost at most, in USD. `is_live`: there is one."""
    minutes, idle_seconds, on_demand = work.minutes, work.idle_seconds, work.allow_on_demand
    hourly, tail = hourly_of(figures, on_demand), _tail(figures, minutes, idle_seconds)
    used = Range.of(minutes * 60)
    life = figures.boot_seconds.value + used + tail.value
    usd = _capped(gpu_usd(life, hourly.value, figures.database_usd.value), cap + figures.database_usd.value.high)
    gpu = BackendQuote(backend=BackendName.GPU, usd=usd, seconds=life, first_word_seconds=figures.boot_seconds.value)
    return Quote(
        kind=QuoteKind.SESSION,
        backends=(gpu, BackendQuote(backend=BackendName.BEDROCK, why_not=A_SESSION + _break_even(figures, usd))),
        auto=_auto(is_live, month),
        assumptions=(figures.boot_seconds, tail, hourly, figures.database_usd, _cap(cap), *figures.token_prices),
        work={"seconds_of_use": used},
    )


def _auto(is_live: bool, month: Month) -> AutoChoice:
    if is_live:
        return AutoChoice(BackendName.GPU, "joined", "A GPU is on: who starts a session now joins it, and buys none.")
    if month.left < least_usd():
        return AutoChoice(None, "spend_cap_reached", refusal(month, least_usd()).message)
    return AutoChoice(BackendName.GPU, "session", A_SESSION)


def hourly_of(figures: CostFigures, on_demand: bool) -> Assumption:
    """Spot, where it is to be had; what is bought where it is not, and may be."""
    spot = figures.spot
    if not on_demand:
        return spot
    high = max(spot.value.high, figures.on_demand.value.high)
    source = f"{spot.source}; where there is no spot capacity: {figures.on_demand.source}"
    return Assumption(spot.name, Range(spot.value.low, spot.value.expected, high), spot.measure, source)


def _tail(figures: CostFigures, minutes: int, idle_seconds: int | None) -> Assumption:
    idle = figures.idle_seconds
    expected = idle.value.expected if idle_seconds is None else float(idle_seconds)
    source = idle.source if idle_seconds is None else "as you say"
    low = expected if minutes == 0 else 0.0
    value = Range(low, expected, expected + ENDING_S)
    return Assumption(idle.name, value, Measure.SECONDS, f"{source}; {NOBODY_WAITS}")


def _cap(cap: float) -> Assumption:
    source = "this deployment's setting (SessionCapUsd): it is ended before it costs more"
    return Assumption("session_cap_usd", Range.of(cap), Measure.USD, source)


def _capped(usd: Range, cap: float) -> Range:
    return Range(min(usd.low, cap), min(usd.expected, cap), min(usd.high, cap))


def _break_even(figures: CostFigures, usd: Range) -> str:
    price = figures.bedrock_price.completion
    if not price:
        return ""
    tokens = break_even_tokens(3600, usd.expected, price)
    return f" As much as this session costs there {tokens:,.0f} tokens of answers."
