"""What a session cost, written when its instance is gone. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from foreverus.costs.meter import bedrock_usd, cost, noted_price
from foreverus.costs.prices import Price

Item = dict[str, Any]


def receipt(session: Item, region: str, terminated_at: datetime, price_of: Callable[[Item], Price]) -> Item:
    """Seconds, tokens and USD of one session.

    A launch's price is the one that was noted when it was bought, else `price_of`'s. Money is rounded to a millionth
    of a USD, and None where a price is unknown.
    """
    launches = list(session.get("launches", []))
    prices = [noted_price(launch) or price_of(launch) for launch in launches]
    by_instance = {launch["instance_id"]: price for launch, price in zip(launches, prices, strict=True)}
    spent = cost(launches, terminated_at, lambda launch: by_instance[launch["instance_id"]])
    last = launches[-1] if launches else {}
    bedrock = bedrock_usd(session)
    total = None if spent.total_usd is None or bedrock is None else spent.total_usd + bedrock
    return {
        "session_id": session["session_id"],
        "instance_id": last.get("instance_id"),
        "instance_type": last.get("instance_type"),
        "lifecycle": last.get("lifecycle"),
        "region": region,
        "launches": len(launches),
        "launched_at": launches[0]["launched_at"] if launches else None,
        "terminated_at": terminated_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "instance_seconds": round(spent.seconds, 3),
        "instance_minutes": round(spent.seconds / 60, 2),
        "price_per_hour_usd": prices[-1].usd_per_hour if prices else None,
        "price_source": prices[-1].source if prices else None,
        "gpu_usd": _rounded(spent.gpu_usd),
        "storage_usd": _rounded(spent.storage_usd),
        "address_usd": _rounded(spent.address_usd),
        "bedrock_usd": _rounded(bedrock),
        "bedrock_messages": session.get("bedrock_messages", 0),
        "prompt_tokens": session.get("prompt_tokens", 0),
        "completion_tokens": session.get("completion_tokens", 0),
        "messages": session.get("messages_answered", 0),
        "total_usd": _rounded(total),
    }


def _rounded(usd: float | None) -> float | None:
    return None if usd is None else round(usd, 6)
