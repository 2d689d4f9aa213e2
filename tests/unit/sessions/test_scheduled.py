"""The schedule's sessions: like anybody's, and people hear of the night that the cap skips."""

import pytest

from foreverus.aws import keys
from foreverus.costs.purse import PurseStore
from foreverus.errors import NotAccepted
from foreverus.notifications.notification import MemoryNotifier
from foreverus.sessions.scheduled import ScheduledSessions, ScheduledStart
from foreverus.sessions.start import SessionStarter
from foreverus.sessions.store import SessionStore
from tests.unit.conftest import NOW, Aws
from tests.unit.sessions.test_closing import Machine

TONIGHT = "2026-01-01T12:00:00Z"


class Broken(Machine):
    def start(self, session_id: str, request: dict[str, object]) -> None:
        raise ConnectionError


def scheduled(aws: Aws, machine: Machine, inbox: MemoryNotifier) -> ScheduledSessions:
    starter = SessionStarter(SessionStore(aws.items), PurseStore(aws.items, 20.0), machine, None, 4.0, lambda: NOW)
    return ScheduledSessions(starter, inbox)


def test_scheduled_session_is_claimed_like_any_other(aws: Aws) -> None:
    machine, inbox = Machine(), MemoryNotifier()
    result = scheduled(aws, machine, inbox).start(TONIGHT)
    session_id = result.session_id
    assert session_id.startswith("ses_") and machine.started == [session_id]
    record = SessionStore(aws.items).get(session_id)
    assert record and (record.trigger, record.owner, record.status) == ("schedule", "schedule", "requested")
    assert SessionStore(aws.items).live_session_ids() == [session_id]
    assert inbox.sent == []


def test_run_that_is_delivered_twice_is_one_session(aws: Aws) -> None:
    machine = Machine()
    first = scheduled(aws, machine, MemoryNotifier()).start(TONIGHT)
    again = scheduled(aws, machine, MemoryNotifier()).start(TONIGHT)
    assert again == ScheduledStart(first.session_id)
    assert machine.started == [first.session_id]


def test_at_the_cap_people_are_told_once_and_nothing_is_tried_again(aws: Aws) -> None:
    aws.put(**keys.ledger_total_key("2026-01"), spent_usd=20.0)
    machine, inbox = Machine(), MemoryNotifier()
    result = scheduled(aws, machine, inbox).start(TONIGHT)
    assert result == ScheduledStart(None, skipped="spend_cap_reached")
    (notification,) = inbox.sent
    assert notification.subject == "Forever Us: a scheduled session was skipped, SpendCapReached"
    assert (
        TONIGHT in notification.message
        and "US$ 20.00" in notification.message
        and "MonthlyCapUsd" in notification.message
    )
    assert machine.started == [] and SessionStore(aws.items).live_session_ids() == []


def test_start_that_fails_is_lambdas_to_try_again(aws: Aws) -> None:
    with pytest.raises(NotAccepted):
        scheduled(aws, Broken(), MemoryNotifier()).start(TONIGHT)
    assert SessionStore(aws.items).live_session_ids() == []
