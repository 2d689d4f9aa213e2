"""A session's idle time, as the API shows it."""

from dataclasses import replace

from foreverus.choice.idle_time import IdleFigures, idle_time
from foreverus.choice.pauses import Pause
from foreverus.sessions.records import Session
from foreverus.sessions.views import public_session

SESSION = Session(session_id="ses_1", created_at="2026-01-01T00:00:00.000Z")


def test_a_number_is_shown_as_one() -> None:
    shown = public_session(replace(SESSION, idle_seconds=300))
    assert shown["idle_seconds"] == 300
    assert (shown["idle"]["seconds"], shown["idle"]["reason"]) == (300, "fixed")


def test_by_policy_there_is_no_number_and_the_decision_with_its_sentence() -> None:
    decision = idle_time([Pause(at, 120) for at in range(9)], IdleFigures(boot_seconds=420, gpu_usd_per_hour=0.4))
    shown = public_session(replace(SESSION, idle_seconds=0, idle=decision))
    assert shown["idle_seconds"] is None
    assert shown["idle"] == {
        **{"seconds": decision.seconds, "reason": "pauses", "text": decision.text()},
        "numbers": decision.numbers(),
    }


def test_before_anything_is_decided_nothing_is_shown() -> None:
    for idle_seconds in (0, None):
        shown = public_session(replace(SESSION, idle_seconds=idle_seconds))
        assert shown["idle_seconds"] is None and shown["idle"] is None
