"""What a session cost, written when its instance is gone. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus.costs.idle import GpuTime, IdleCost, gpu_time
from foreverus.costs.launch import BedrockUse, Launch, Lifecycle
from foreverus.costs.meter import Cost, cost
from foreverus.costs.money import exact
from foreverus.costs.prices import Price, bedrock_price, listed_price
from foreverus.costs.usage.report import ALWAYS_ON_TYPE, Elsewhere, Sum

DAY_HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Seconds, tokens and USD of one session. Money is rounded to a millionth of a USD, and None where a price is
    unknown. `launches`: how many instances were bought; what is said of an instance is said of the last one.
    `database_usd`: PostgreSQL woke up to keep the session; an upper bound. `boot_seconds`: of the instances'
    time, until they answered; `idle_seconds`: they were ready and nobody asked, `idle_usd`: what that part of the time
    cost (None: not known). `if_bedrock_usd`: the same tokens on Bedrock; `always_on_day_usd`: a GPU that is never
    switched off, for a day."""

    session_id: str = ""
    instance_id: str | None = None
    instance_type: str | None = None
    lifecycle: str | None = None
    region: str = ""
    launches: int = 0
    launched_at: str | None = None
    terminated_at: str | None = None
    instance_seconds: float = 0
    instance_minutes: float = 0
    price_per_hour_usd: float | None = None
    price_source: str | None = None
    gpu_usd: float | None = None
    storage_usd: float | None = None
    address_usd: float | None = None
    database_usd: float = 0
    bedrock_usd: float | None = 0
    bedrock_messages: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    messages: int = 0
    boot_seconds: float | None = None
    idle_seconds: float | None = None
    idle_usd: float | None = None
    if_bedrock_usd: float | None = None
    always_on_day_usd: float | None = None
    total_usd: float | None = None


class Billed(Protocol):
    """What a receipt needs to know of a session."""

    @property
    def session_id(self) -> str: ...
    @property
    def launches(self) -> Sequence[Launch]: ...
    @property
    def bedrock(self) -> BedrockUse: ...
    @property
    def prompt_tokens(self) -> int: ...
    @property
    def completion_tokens(self) -> int: ...
    @property
    def messages_answered(self) -> int: ...
    @property
    def healthy_times(self) -> Mapping[int, str]: ...
    @property
    def busy_seconds(self) -> Mapping[int, float]: ...


def receipt(
    session: Billed,
    region: str,
    terminated_at: datetime,
    price_of: Callable[[Launch], Price],
    database_usd: float = 0.0,
    compared_with: Elsewhere | None = None,
) -> Receipt:
    """A launch's price is the one that was noted when it was bought, else `price_of`'s.

    `database_usd`: what it costs to store the session. `compared_with`: elsewhere, as usage is.
    """
    launches = session.launches
    prices = {one.instance_id: one.noted_price or price_of(one) for one in launches}
    spent = cost(launches, terminated_at, lambda launch: prices[launch.instance_id])
    last = launches[-1] if launches else None
    price = prices[last.instance_id] if last else None
    bedrock = session.bedrock.billed_usd
    compared = _elsewhere(session, compared_with)
    time = gpu_time(launches, terminated_at, session.healthy_times, session.busy_seconds)
    total = None if spent.total_usd is None or bedrock is None else spent.total_usd + bedrock + database_usd
    return Receipt(
        session_id=session.session_id,
        instance_id=last.instance_id if last else None,
        instance_type=last.instance_type if last else None,
        lifecycle=last.lifecycle if last else None,
        region=region,
        launches=len(launches),
        launched_at=launches[0].launched_at if launches else None,
        terminated_at=terminated_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        instance_seconds=round(spent.seconds, 3),
        instance_minutes=round(spent.seconds / 60, 2),
        price_per_hour_usd=price.usd_per_hour if price else None,
        price_source=price.source if price else None,
        gpu_usd=_rounded(spent.gpu_usd),
        storage_usd=_rounded(spent.storage_usd),
        address_usd=_rounded(spent.address_usd),
        database_usd=round(database_usd, 6),
        bedrock_usd=_rounded(bedrock),
        bedrock_messages=session.bedrock.messages,
        prompt_tokens=session.prompt_tokens,
        completion_tokens=session.completion_tokens,
        messages=session.messages_answered,
        boot_seconds=round(time.boot, 3),
        idle_seconds=_rounded(time.idle),
        idle_usd=_rounded(idle_usd(spent, time)),
        if_bedrock_usd=_rounded(compared.if_bedrock_usd),
        always_on_day_usd=_rounded(compared.if_always_on_usd),
        total_usd=_rounded(total),
    )


def elsewhere(bedrock_model_id: str, region: str) -> Elsewhere:
    """What receipts compare with: the deployment's model on Bedrock (empty: none), and a GPU that is left on."""
    always_on = listed_price(ALWAYS_ON_TYPE, region, Lifecycle.ON_DEMAND)
    bedrock = bedrock_price(bedrock_model_id, region)
    return Elsewhere(gpu_usd_per_hour=None, gpu_tokens_per_second=0.0, bedrock=bedrock, always_on=always_on)


def _elsewhere(session: Billed, at: Elsewhere | None) -> Sum:
    tokens = Sum(prompt_tokens=session.prompt_tokens, completion_tokens=session.completion_tokens)
    return tokens.priced(at, DAY_HOURS) if at else tokens


def idle_usd(spent: Cost, time: GpuTime) -> float | None:
    """The idle part of what the instances cost, by its share of their time.

    >>> idle_usd(Cost(seconds=600, gpu_usd=0.5, storage_usd=0.0, address_usd=0.1), GpuTime(600, 300, 0))
    0.3
    """
    if time.idle is None or spent.total_usd is None:
        return None
    return spent.total_usd * time.idle / time.whole if time.whole else 0.0


def idle_of(bill: Receipt | None) -> IdleCost:
    """As the month's ledger counts it; nothing where it is not known."""
    if bill is None or bill.idle_seconds is None or bill.idle_usd is None or not bill.launches:
        return IdleCost()
    return IdleCost(exact(bill.idle_seconds), exact(bill.idle_usd), sessions=1)


def _rounded(usd: float | None) -> float | None:
    return None if usd is None else round(usd, 6)
