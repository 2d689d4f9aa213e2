"""A session of the scripted cloud, with the events that the real API tells of such a record."""

from foreverus.costs.launch import Launch, Lifecycle
from foreverus.sessions.records import Phase, Session
from foreverus.sessions.refused import RefusedPool
from foreverus.sessions.timeline import events
from foreverus.sessions.views import public_event

BOOTS = {"low": 290, "expected": 350, "high": 425, "late": 480, "count": 23}


def new_session(session_id: str, created_at: str) -> dict:
    return with_events(
        {
            "id": session_id, "object": "session", "status": "requested", "version": 1, "trigger": "page",
            "created_at": created_at, "launched_at": None, "healthy_at": None, "ended_at": None,
            "end_requested": False, "attempt": 0, "phases": [], "instance": None, "idle_seconds": 300, "outcome": None,
            "idle": None, "error": None, "usage": {"prompt_tokens": 0, "completion_tokens": 0, "messages": 0},
            "receipt": None, "spend": None, "expected_boot_seconds": BOOTS["expected"], "boots": BOOTS,
        }
    )  # fmt: skip


def with_events(session: dict, *, end_requested_at: str = "", refused: tuple[RefusedPool, ...] = ()) -> dict:
    """`session` as the API shows it now. Of several launches only the newest one is told."""
    receipt, instance = session["receipt"] or {}, session["instance"] or {}
    launched = (
        Launch(
            instance_id=instance.get("id", "i-1"),
            instance_type=instance.get("type") or "g6.xlarge",
            lifecycle=Lifecycle(instance.get("lifecycle") or "spot"),
            launched_at=session["launched_at"] or "",
            attempt=session["attempt"],
            availability_zone=instance.get("availability_zone") or "",
        ),
    )
    record = Session(
        session_id=session["id"],
        created_at=session["created_at"],
        attempt=session["attempt"],
        launches=launched if session["launched_at"] else (),
        phases=tuple(Phase(one["name"], one["at"], one["attempt"]) for one in session["phases"]),
        refused=refused,
        healthy_at=session["healthy_at"] or "",
        end_requested_at=end_requested_at,
        terminated_at=receipt.get("terminated_at") or session["ended_at"] or "",
        ended_at=session["ended_at"] or "",
        error=(session["error"] or {}).get("code", ""),
    )
    return {**session, "events": [public_event(one) for one in events(record)]}
