"""How both backends are just now: what the choice for a chat or an OpenAI request is made from."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from foreverus import ids
from foreverus.aws.dynamo import Table
from foreverus.backends.sights import SeeingModel
from foreverus.backends.tokens import BEDROCK_CONTEXT_TOKENS
from foreverus.choice.assumed import ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND, PUBLISHED_TOKENS_PER_SECOND
from foreverus.choice.records import Bedrock, Gpu
from foreverus.choice.request import choose_for_request
from foreverus.choice.request_records import Asked, BedrockNow, GpuNow, GpuStatus, RequestChoice
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR, month_of
from foreverus.costs.money import exact
from foreverus.costs.prices import NO_PRICE, UNKNOWN_USD_PER_MILLION, TokenPrice, dearest_price, listed_price
from foreverus.costs.purse import PurseStore
from foreverus.costs.reservations import Month
from foreverus.errors import SpendCapReached
from foreverus.sessions.gpu_state import GpuState
from foreverus.sessions.reserving import least_usd


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What does not change while a stack is deployed. `bedrock`: whether it may be asked here. `instance_type`: the one
    that is asked for first. `sees`: the model on Bedrock that images go to, with its price; empty: none. `gpu_sees`:
    the GPU's model, where that sees them."""

    region: str
    instance_type: str
    context_tokens: int
    idle_seconds: float
    bedrock: bool
    bedrock_price: TokenPrice
    sees: str = ""
    sees_price: TokenPrice = NO_PRICE
    gpu_sees: SeeingModel | None = None


@dataclass(frozen=True, slots=True)
class BackendsNow:
    """`month`: without its reservations. `whole_month`: with them, which only a refusal tells people of. `state`: what
    `gpu` was made from, for who then asks the GPU. `sight`: Bedrock as it is for a prompt with images."""

    gpu: GpuNow
    bedrock: BedrockNow
    month: Month
    state: GpuState
    whole_month: Callable[[], Month]
    sight: BedrockNow

    def choose(self, asked: Asked) -> RequestChoice:
        bedrock = self.sight if asked.prompt.images else self.bedrock
        choice = choose_for_request(asked, self.gpu, bedrock, self.month)
        if isinstance(choice.error, SpendCapReached):
            return choose_for_request(asked, self.gpu, bedrock, self.whole_month())
        return choice


@dataclass(frozen=True)
class BackendsLook:
    gpus: Callable[[], GpuState]
    purse: PurseStore
    figures: Figures
    clock: Callable[[], datetime]

    def __call__(self, throttled_for_s: int) -> BackendsNow:
        """`throttled_for_s`: for how long Bedrock is not asked (choice/refusals.py)."""
        return self.of(self.gpus(), throttled_for_s)

    def of(self, gpus: GpuState, throttled_for_s: int) -> BackendsNow:
        """For who has looked at the GPUs beside other things."""
        month = month_of(ids.timestamp(self.clock()))
        gpu, bedrock = gpu_now(self.figures, gpus), bedrock_now(self.figures, throttled_for_s)
        whole, sight = (lambda: self.purse.month(month)), sight_now(self.figures)
        return BackendsNow(gpu, bedrock, self.totals(month, gpus), gpus, whole, sight)

    def totals(self, month: str, gpus: GpuState) -> Month:
        """With what the live sessions have cost: whoever spends less from 80 % on begins in the middle of a session."""
        return replace(self.purse.totals(month), live=exact(max(0.0, gpus.live_usd)))

    def over(self, items: Table) -> "BackendsLook":
        """The same, the month's purse being read from there."""
        return replace(self, purse=self.purse.over(items))


def gpu_now(figures: Figures, state: GpuState) -> GpuNow:
    """Pure."""
    spot, on_demand = (_usd_per_hour(figures, lifecycle) for lifecycle in ("spot", "on-demand"))
    gpu = Gpu(
        allowed=True,
        live=state.status in (GpuStatus.HEALTHY, GpuStatus.FULL),
        boot_seconds=state.boot_seconds,
        tokens_per_second=PUBLISHED_TOKENS_PER_SECOND,
        spot_usd_per_hour=spot,
        on_demand_usd_per_hour=on_demand,
        idle_seconds=figures.idle_seconds,
    )
    return GpuNow(
        gpu=gpu,
        slots=state.slots,
        in_work=state.waiting,
        booting=state.is_booting,
        context_tokens=figures.context_tokens,
        needs_usd=least_usd(),
        sees=figures.gpu_sees,
    )


def bedrock_now(figures: Figures, throttled_for_s: int) -> BedrockNow:
    """Pure."""
    price = figures.bedrock_price
    bedrock = Bedrock(
        allowed=figures.bedrock,
        usd_per_million_prompt_tokens=_usd(price.prompt),
        usd_per_million_completion_tokens=_usd(price.completion),
        tokens_per_second=ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND,
    )
    return BedrockNow(bedrock=bedrock, context_tokens=BEDROCK_CONTEXT_TOKENS, throttled_for_s=throttled_for_s)


def sight_now(figures: Figures) -> BedrockNow:
    """Pure. It holds 300,000 tokens; of words it is sent no more than the other one. Whether it was throttled is not
    noted: it is another model, with quotas of its own."""
    seeing = replace(figures, bedrock=bool(figures.sees), bedrock_price=figures.sees_price)
    return replace(bedrock_now(seeing, 0), sees=figures.sees)


def _usd_per_hour(figures: Figures, lifecycle: str) -> float:
    listed = listed_price(figures.instance_type, figures.region, lifecycle).usd_per_hour
    return (listed or dearest_price().usd_per_hour or 0.0) + BESIDE_GPU_USD_PER_HOUR


def _usd(price: float | None) -> float:
    return UNKNOWN_USD_PER_MILLION if price is None else price
