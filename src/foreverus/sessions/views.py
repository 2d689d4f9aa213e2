"""A session as the API and the WebSocket show it: no task token, no keys. Pure."""

from dataclasses import asdict
from typing import Any

from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR
from foreverus.sessions.records import Session


def public_session(session: Session, expected_boot_seconds: float | None = None) -> dict[str, Any]:
    """
    >>> from foreverus.sessions.records import SessionStatus
    >>> ended = Session(session_id="ses_1", status=SessionStatus.ENDED, version=4, created_at="t", task_token="secret")
    >>> shown = public_session(ended)
    >>> shown["id"], shown["status"], "secret" in str(shown)
    ('ses_1', 'ended', False)
    """
    instance = None
    if session.instance_id:
        instance = {
            "id": session.instance_id,
            "type": session.instance_type or None,
            "availability_zone": session.availability_zone or None,
            "lifecycle": session.lifecycle,
        }
    return {
        "id": session.session_id,
        "object": "session",
        "status": session.status,
        "version": session.version,
        "trigger": session.trigger,
        "created_at": session.created_at,
        "launched_at": session.launched_at or None,
        "healthy_at": session.healthy_at or None,
        "ended_at": session.ended_at or None,
        "end_requested": session.end_requested,
        "attempt": session.attempt,
        "phases": [asdict(phase) for phase in session.phases],
        "instance": instance,
        "idle_seconds": session.idle_seconds,
        "usage": {
            "prompt_tokens": session.prompt_tokens,
            "completion_tokens": session.completion_tokens,
            "messages": session.messages_answered,
        },
        "spend": _spend(session),
        "outcome": session.outcome,
        "error": {"code": session.error, "message": session.cause} if session.error else None,
        "receipt": asdict(session.receipt) if session.receipt else None,
        "expected_boot_seconds": expected_boot_seconds,
    }


def _spend(session: Session) -> dict[str, Any] | None:
    """What the page's meter counts with; None before anything is bought. `usd_per_hour`: with disk and address."""
    if not session.launches:
        return None
    gpu = session.price_per_hour_usd
    return {
        "gpu_usd_per_hour": gpu,
        "price_source": session.price_source,
        "usd_per_hour": None if gpu is None else round(gpu + BESIDE_GPU_USD_PER_HOUR, 6),
        "launches": [
            {"launched_at": one.launched_at, "gpu_usd_per_hour": one.price_per_hour_usd} for one in session.launches
        ],
        "month_usd": session.month_usd,
        "session_cap_usd": session.session_cap_usd,
        "monthly_cap_usd": session.monthly_cap_usd,
        "notice": session.spend_notice,
        "notice_cap": session.spend_notice_cap,
    }
