"""Sessions and the meter as the API and the WebSocket show them: no task token, no keys. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from foreverus.api.responses import Body
from foreverus.choice.idle_time import fixed
from foreverus.costs.forecast import Forecast, sentence
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR
from foreverus.sessions.boots import LearnedBoots
from foreverus.sessions.capacity import Pool
from foreverus.sessions.records import Session
from foreverus.sessions.timeline import SessionEvent, events
from foreverus.sessions.usage import MonthUsage


def public_session(session: Session, boots: LearnedBoots | None = None) -> dict[str, Any]:
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
        "events": [public_event(one) for one in events(session)],
        "instance": instance,
        "idle_seconds": session.idle_seconds or None,
        "crowd": {"text": session.crowd.text(), "numbers": session.crowd.numbers()} if session.crowd else None,
        "pools": _pools(session),
        "idle": _idle(session),
        "usage": {
            "prompt_tokens": session.prompt_tokens,
            "completion_tokens": session.completion_tokens,
            "messages": session.messages_answered,
        },
        "spend": _spend(session),
        "outcome": session.outcome,
        "error": {"code": session.error, "message": session.cause} if session.error else None,
        "receipt": asdict(session.receipt) if session.receipt else None,
        "expected_boot_seconds": boots.expected if boots else None,
        "boots": asdict(boots) if boots else None,
    }


def public_event(one: SessionEvent) -> dict[str, Any]:
    return {
        "state": one.state,
        "at": one.at,
        "attempt": one.attempt,
        "lifecycle": one.lifecycle or None,
        "instance_type": one.instance_type or None,
        "availability_zone": one.zone or None,
        "error": one.error or None,
        "refused": [
            {"instance_type": it.instance_type, "availability_zone": it.zone, "code": it.code, "error": it.error}
            for it in one.refused
        ],
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


def _idle(session: Session) -> Mapping[str, object] | None:
    """None: nobody has decided yet."""
    decision = fixed(session.idle_seconds) if session.idle_seconds else session.idle
    if decision is None:
        return None
    reason, numbers = decision.reason.value, decision.numbers()
    return {"seconds": decision.seconds, "reason": reason, "text": decision.text(), "numbers": numbers}


def _pools(session: Session) -> Mapping[str, object] | None:
    """None: nothing is known of them."""
    order = session.pools
    return {"learned": order.learned, "text": order.text(), "numbers": order.numbers()} if order else None


def public_usage(usage: MonthUsage) -> Body:
    """Reservations without their owners' names: what others ask is nobody's business."""
    month, spent = usage.purse, float(usage.purse.spent)
    return {
        "object": "usage",
        "month": month.month,
        "spent_usd": round(spent, 6),
        "live_usd": round(usage.live_usd, 6),
        "total_usd": round(spent + usage.live_usd, 6),
        "reserved_usd": round(float(month.reserved), 6),
        "left_usd": round(float(month.left), 6),
        "reservations": [
            {"kind": one.owner, "usd": round(float(one.usd), 6), "since": one.since, "until": one.until}
            for one in sorted(month.reservations, key=lambda one: one.since)
        ],
        "live": [asdict(one) for one in usage.live],
        "caps": {"monthly_usd": usage.caps.monthly_usd, "session_usd": usage.caps.session_usd},
        "idle": {
            "seconds": round(float(usage.idle.seconds), 3),
            "usd": round(float(usage.idle.usd), 6),
            "sessions": usage.idle.sessions,
        },
        "forecast": public_forecast(usage.forecast),
        "capacity": [public_pool(pool) for pool in usage.pools],
    }


def public_forecast(of: Forecast) -> Body:
    return {
        "low": round(of.usd.low, 6),
        "expected": round(of.usd.expected, 6),
        "high": round(of.usd.high, 6),
        "usd_per_day": round(of.usd_per_day, 6),
        "days_left": round(of.days_left, 3),
        "from": of.first.isoformat(),
        "to": of.last.isoformat(),
        "days": of.days,
        "enough": of.enough,
        "passes_cap_on": of.passes_cap_on.isoformat() if of.passes_cap_on else None,
        "text": sentence(of),
    }


def public_pool(pool: Pool) -> Body:
    """A line of the capacity diary.

    >>> public_pool(Pool(instance_type="g6.xlarge", zone="us-east-1b"))["bought_at"] is None
    True
    """
    return {
        "instance_type": pool.instance_type,
        "availability_zone": pool.zone,
        "bought_at": pool.bought_at or None,
        "bought_lifecycle": pool.bought_lifecycle or None,
        "refused_at": pool.refused_at or None,
        "refused_lifecycle": pool.refused_lifecycle or None,
        "refused_code": pool.refused_code or None,
        "spot": {
            "launches": round(pool.counts.launches, 1),
            "hours": round(pool.counts.hours, 1),
            "interruptions": round(pool.counts.interruptions, 1),
        },
    }
