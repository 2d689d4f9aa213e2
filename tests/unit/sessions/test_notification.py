"""Who is mailed that a session is over: whatever cost something, and of what cost nothing no more than is news."""

from datetime import datetime, timedelta

import pytest

from foreverus import ids
from foreverus.aws import keys
from foreverus.notifications.outbox import OutboxStore, Subject
from foreverus.sessions.closing import Failure, SessionCloser
from foreverus.sessions.notification import is_told
from tests.unit.conftest import NOW, Aws, launch_item, session_item, session_record
from tests.unit.sessions.test_closing import Machine, closer, request
from tests.unit.sessions.test_reaping import Executions, reaper

AT = ids.timestamp(NOW)


@pytest.mark.parametrize(
    ("told", "session"),
    [
        (True, {"launches": [launch_item()], "status": "ended"}),
        (True, {"bedrock_usd": 0.000001, "status": "failed", "error": "NoGpuCapacity"}),
        (True, {"trigger": "schedule", "status": "ended"}),
        (True, {"trigger": "bake", "status": "failed", "error": "NoGpuCapacity"}),
        (True, {"status": "failed", "error": "NoGpuCapacity"}),
        (False, {"status": "ended", "end_requested": True}),
        (False, {"trigger": "message", "status": "ended"}),
    ],
)
def test_what_is_told(told: bool, session: dict[str, object]) -> None:
    assert is_told(session_record("ses_1", **{"launches": [], "ended_at": AT} | session), ()) is told


@pytest.mark.parametrize(
    ("told", "earlier"),
    [
        (False, {}),
        (False, {"created_at": "2025-12-31T23:00:00.000Z"}),
        (True, {"session_id": "ses_9"}),  # it began later, and was over sooner
        (True, {"error": "GpuQuotaExceeded"}),
        (True, {"ended_at": "2026-01-01T11:59:59.999Z"}),
        (True, {"launches": [launch_item()]}),  # that one was about something else: it cost money
        (True, {"status": "ended", "error": ""}),
    ],
)
def test_of_an_error_that_comes_again_and_again_one_mail_an_hour(told: bool, earlier: dict[str, object]) -> None:
    failed = {"launches": [], "status": "failed", "error": "NoGpuCapacity", "ended_at": AT}
    before = session_record(**{"session_id": "ses_1"} | failed | earlier)  # type: ignore[arg-type]
    assert is_told(session_record("ses_2", **failed), [before]) is told


def closing(aws: Aws, now: datetime) -> SessionCloser:
    made = closer(aws, Machine())
    return SessionCloser(**{name: getattr(made, name) for name in made.__dataclass_fields__} | {"clock": lambda: now})


def test_whoever_asks_for_a_gpu_all_the_time_while_there_is_none_fills_nobodys_mailbox(aws: Aws) -> None:
    """Sixty times in an hour and a half. What is not told leaves nothing in the outbox, so no sweep tells it either."""
    refused, mailed = Failure("NoGpuCapacity", "there is none"), list[str]()
    outbox = OutboxStore(aws.items)
    for number in range(60):
        now, session_id = NOW + timedelta(seconds=90 * number), f"ses_{number:02d}"
        aws.put(**session_item(session_id, launches=[], created_at=ids.timestamp(now)))
        aws.put(**keys.GPU_SLOT, session_id=session_id)
        for _ in range(2):  # the second run is the state machine's next try
            closed = closing(aws, now).close(request(failure=refused, session_id=session_id))
            assert [one.name for one in outbox.entries(Subject.SESSIONS)] == [session_id] * bool(closed.notification)
        if closed.notification:
            mailed.append(session_id)
            outbox.remove(Subject.SESSIONS, session_id)
    assert mailed == ["ses_00", "ses_40"], "one in each hour"
    reaper(aws, Executions()).sweep()
    assert aws.notifications() == []


def test_who_cannot_find_out_what_was_told_tells(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.put(**session_item("ses_1", launches=[]))
    monkeypatch.setattr("foreverus.sessions.store.SessionStore.newest", lambda *_: 1 / 0)
    closed = closer(aws, Machine()).close(request(failure=Failure("NoGpuCapacity"), session_id="ses_1"))
    assert closed.notification and [one.name for one in OutboxStore(aws.items).entries(Subject.SESSIONS)] == ["ses_1"]
