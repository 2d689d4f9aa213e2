"""What a session cost, written when its instance is gone. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from foreverus.costs.prices import GP3_USD_PER_GB_MONTH, HOURS_PER_MONTH, PUBLIC_IPV4_USD_PER_HOUR, Price

Item = dict[str, Any]

MINIMUM_BILLED_SECONDS = 60  # EC2 bills Linux by the second with a minimum of 60 s an instance
VOLUME_GB = 100  # the launch template's root volume; a test compares them


def receipt(
    session: Item, region: str, terminated_at: datetime, price_of: Callable[[Item], Price], volume_gb: int = VOLUME_GB
) -> Item:
    """Seconds, tokens and USD of one session.

    Every launch in `launches` is counted, from its launch to the next launch or to `terminated_at`: an upper
    bound, because a lost instance is gone before its successor is launched. Money is rounded to a millionth of a USD,
    and None where a price is unknown.
    """
    launches = list(session.get("launches", []))
    starts = [datetime.fromisoformat(launch["launched_at"]) for launch in launches]
    lives = [
        max((end - start).total_seconds(), 0.0)
        for start, end in zip(starts, [*starts[1:], terminated_at][: len(starts)], strict=True)
    ]
    prices = [price_of(launch) for launch in launches]
    hours = [max(life, MINIMUM_BILLED_SECONDS) / 3600 for life in lives]
    gpu_usd = _total(hours, prices)
    storage_usd = sum(hours) * volume_gb * GP3_USD_PER_GB_MONTH / HOURS_PER_MONTH
    address_usd = sum(hours) * PUBLIC_IPV4_USD_PER_HOUR
    last = launches[-1] if launches else {}
    return {
        "session_id": session["session_id"],
        "instance_id": last.get("instance_id"),
        "instance_type": last.get("instance_type"),
        "lifecycle": last.get("lifecycle"),
        "region": region,
        "launches": len(launches),
        "launched_at": launches[0]["launched_at"] if launches else None,
        "terminated_at": terminated_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "instance_seconds": round(sum(lives), 3),
        "instance_minutes": round(sum(lives) / 60, 2),
        "price_per_hour_usd": prices[-1].usd_per_hour if prices else None,
        "price_source": prices[-1].source if prices else None,
        "gpu_usd": None if gpu_usd is None else round(gpu_usd, 6),
        "storage_usd": round(storage_usd, 6),
        "address_usd": round(address_usd, 6),
        "prompt_tokens": session.get("prompt_tokens", 0),
        "completion_tokens": session.get("completion_tokens", 0),
        "messages": session.get("messages_answered", 0),
        "total_usd": None if gpu_usd is None else round(gpu_usd + storage_usd + address_usd, 6),
    }


def _total(hours: list[float], prices: list[Price]) -> float | None:
    total = 0.0
    for spent, price in zip(hours, prices, strict=True):
        if price.usd_per_hour is None:
            return None
        total += spent * price.usd_per_hour
    return total
