"""What a session is to those who look at it: statuses and the object that the API shows. Pure."""

from collections.abc import Iterable
from datetime import datetime
from statistics import median
from typing import Any

from foreverus import ids
from foreverus.aws import keys
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR

Item = dict[str, Any]

REQUESTED = "requested"
ENDED = "ended"
FAILED = "failed"
OVER = frozenset({ENDED, FAILED})


def is_over(session: Item) -> bool:
    return session.get("status") in OVER


def is_usable(session: Item) -> bool:
    """Live, and not on its way to its end."""
    return not is_over(session) and not session.get("end_requested") and session.get("status") != "draining"


def new_session(
    session_id: str,
    *,
    owner: str,
    trigger: str,
    idle_seconds: int | None,
    allow_on_demand: bool,
    now: datetime,
    slot: int = 0,
    batch_id: str = "",
) -> Item:
    """The record before anything is launched. `batch_id`: the batch that asked for it, if one did."""
    more: Item = {} if idle_seconds is None else {"idle_seconds": idle_seconds}
    more |= {"batch_id": batch_id} if batch_id else {}
    return {
        **keys.session_key(session_id),
        "session_id": session_id,
        "status": REQUESTED,
        "version": 1,
        "trigger": trigger,
        "owner": owner,
        "created_at": ids.timestamp(now),
        "allow_on_demand": allow_on_demand,
        "attempt": 0,
        "slot": slot,
        **more,
    }


def public_session(item: Item, expected_boot_seconds: float | None = None) -> Item:
    """The session as the API and the WebSocket show it: no task token, no keys.

    >>> shown = public_session({"session_id": "ses_1", "status": "ended", "version": 4, "created_at": "t", "task_token": "secret"})
    >>> shown["id"], shown["status"], "task_token" in shown
    ('ses_1', 'ended', False)
    """  # noqa: E501
    instance = None
    if item.get("instance_id"):
        instance = {
            "id": item["instance_id"],
            "type": item.get("instance_type"),
            "availability_zone": item.get("availability_zone"),
            "lifecycle": item.get("lifecycle"),
        }
    error = {"code": item["error"], "message": item.get("cause", "")} if item.get("error") else None
    return {
        "id": item["session_id"],
        "object": "session",
        "status": item["status"],
        "version": item.get("version", 0),
        "trigger": item.get("trigger"),
        "created_at": item["created_at"],
        "launched_at": item.get("launched_at"),
        "healthy_at": item.get("healthy_at"),
        "ended_at": item.get("ended_at"),
        "end_requested": bool(item.get("end_requested", False)),
        "attempt": item.get("attempt", 0),
        "phases": item.get("phases", []),
        "instance": instance,
        "idle_seconds": item.get("idle_seconds"),
        "usage": {
            "prompt_tokens": item.get("prompt_tokens", 0),
            "completion_tokens": item.get("completion_tokens", 0),
            "messages": item.get("messages_answered", 0),
        },
        "spend": _spend(item),
        "outcome": item.get("outcome"),
        "error": error,
        "receipt": item.get("receipt"),
        "expected_boot_seconds": expected_boot_seconds,
    }


def _spend(item: Item) -> Item | None:
    """What the page's meter counts with; None before anything is bought. `usd_per_hour`: with disk and address."""
    launches = item.get("launches", [])
    if not launches:
        return None
    gpu = item.get("price_per_hour_usd")
    return {
        "gpu_usd_per_hour": gpu,
        "price_source": item.get("price_source"),
        "usd_per_hour": None if gpu is None else round(gpu + BESIDE_GPU_USD_PER_HOUR, 6),
        "launches": [
            {"launched_at": one["launched_at"], "gpu_usd_per_hour": one.get("price_per_hour_usd")} for one in launches
        ],
        "month_usd": item.get("month_usd"),
        "session_cap_usd": item.get("session_cap_usd"),
        "monthly_cap_usd": item.get("monthly_cap_usd"),
        "notice": item.get("spend_notice"),
        "notice_cap": item.get("spend_notice_cap"),
    }


def expected_boot_seconds(earlier: Iterable[Item]) -> float | None:
    """Median seconds from request to healthy over earlier sessions; None without any.

    >>> expected_boot_seconds([{"created_at": "2026-01-01T00:00:00Z", "healthy_at": "2026-01-01T00:02:30Z"}])
    150.0
    """
    took = [
        (ids.parse_timestamp(item["healthy_at"]) - ids.parse_timestamp(item["created_at"])).total_seconds()
        for item in earlier
        if item.get("healthy_at")
    ]
    return round(median(took), 1) if took else None
