"""What a session cost, written when its instance is gone. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus.costs.launch import BedrockUse, Launch
from foreverus.costs.meter import cost
from foreverus.costs.prices import Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Seconds, tokens and USD of one session. Money is rounded to a millionth of a USD, and None where a price is
    unknown. `launches`: how many instances were bought; what is said of an instance is said of the last one.
    `database_usd`: PostgreSQL woke up to keep the session; an upper bound."""

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


def receipt(
    session: Billed,
    region: str,
    terminated_at: datetime,
    price_of: Callable[[Launch], Price],
    database_usd: float = 0.0,
) -> Receipt:
    """A launch's price is the one that was noted when it was bought, else `price_of`'s.

    `database_usd`: what it costs to store the session.
    """
    launches = session.launches
    prices = {one.instance_id: one.noted_price or price_of(one) for one in launches}
    spent = cost(launches, terminated_at, lambda launch: prices[launch.instance_id])
    last = launches[-1] if launches else None
    price = prices[last.instance_id] if last else None
    bedrock = session.bedrock.billed_usd
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
        total_usd=_rounded(total),
    )


def _rounded(usd: float | None) -> float | None:
    return None if usd is None else round(usd, 6)
