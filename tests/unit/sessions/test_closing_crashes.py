"""Closing a session that is cut off after each of its steps, run again, run twice at once, or left to the reaper."""

from datetime import timedelta
from typing import Any

import pytest

from foreverus import ids
from foreverus.aws import keys
from foreverus.costs.ledger import LedgerStore
from foreverus.errors import NotAccepted
from foreverus.notifications.outbox import OutboxStore, Subject
from foreverus.sessions.closing import Closed, CloseRequest, Failure, SessionCloser
from foreverus.sessions.records import Outcome, Session, SessionEnd, SessionStatus, Trigger
from foreverus.sessions.store import SessionStore
from tests.unit.conftest import NOW, Aws, session_record
from tests.unit.sessions.test_closing import LATE, Machine, Waiting, closer, live, request
from tests.unit.sessions.test_reaping import Executions, reaper

MONTH = "2026-01"
IDLE = request("idle", terminated_at=ids.timestamp(NOW))


class Crash(Exception):
    pass


class Crashing(SessionStore):
    """Is cut off right before or right after one of its writes."""

    def __init__(self, aws: Aws, at: str) -> None:
        super().__init__(aws.items)
        self.at = at

    def _maybe(self, moment: str) -> None:
        if moment == self.at:
            self.at = ""
            raise Crash

    def close(self, session: Session, end: SessionEnd, usd: float, price_unknown: bool = False, **told: bool) -> bool:
        self._maybe("before the end")
        done = super().close(session, end, usd, price_unknown, **told)
        self._maybe("after the end")
        return done

    def release_slot(self, session: Session) -> None:
        super().release_slot(session)
        self._maybe("after the slot")


def crashing(aws: Aws, at: str, machine: Machine, waiting: Waiting | None = None) -> SessionCloser:
    made = closer(aws, machine, waiting=waiting)
    return SessionCloser(**{**_fields(made), "store": Crashing(aws, at)})


def _fields(made: SessionCloser) -> dict[str, Any]:
    return {name: getattr(made, name) for name in made.__dataclass_fields__}


def stored(aws: Aws) -> dict[str, Any]:
    """What closing leaves in the table."""
    record = aws.items.get(keys.session_key("ses_1")) or {}
    return {
        "status": record.get("status"),
        "outcome": record.get("outcome"),
        "receipt": record.get("receipt"),
        "slot": aws.items.get(keys.GPU_SLOT),
        "ledger": list(aws.items.query(keys.ledger_partition(MONTH))),
        "outbox": [entry.name for entry in OutboxStore(aws.items).entries(Subject.SESSIONS)],
    }


MOMENTS = ["before the end", "after the end", "after the slot"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_was_cut_off_is_completed_by_the_next_one(aws: Aws, moment: str) -> None:
    live(aws, messages_answered=2)
    machine = Machine()
    closing = crashing(aws, moment, machine, Waiting(LATE))
    with pytest.raises(Crash):
        closing.close(IDLE)
    assert machine.started == []
    closed = closing.close(IDLE)
    left = stored(aws)
    assert (left["status"], left["outcome"], left["outbox"]) == ("ended", "idle", ["ses_1"])
    (total, entry) = left["ledger"]
    assert total["sessions"] == 1 and total["spent_usd"] == entry["usd"] == left["receipt"]["total_usd"] > 0
    assert len(machine.started) == 1, "what waits gets its successor"
    assert left["slot"] and left["slot"]["session_id"] == machine.started[0]
    assert closed.notification and closed.notification.subject.startswith("Forever Us: session ended, US$ 0.2")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_free_slot_is_never_seen_before_the_cost_of_its_last_holder(aws: Aws, moment: str) -> None:
    live(aws)
    with pytest.raises(Crash):
        crashing(aws, moment, Machine()).close(IDLE)
    if aws.items.get(keys.GPU_SLOT) is None:
        assert LedgerStore(aws.items).spent(MONTH) > 0
    assert (LedgerStore(aws.items).spent(MONTH) > 0) == (moment != "before the end")


def test_nobody_starts_beside_a_session_that_is_over_and_holds_its_slot_and_the_reaper_frees_it(aws: Aws) -> None:
    live(aws)
    with pytest.raises(Crash):
        crashing(aws, "after the end", Machine()).close(IDLE)
    starter = closer(aws, machine := Machine()).starter
    with pytest.raises(NotAccepted):
        starter.start("user-1", Trigger.PAGE)
    assert machine.started == []
    reaper(
        aws, Executions("ses_1"), later=timedelta()
    ).sweep()  # its execution still runs: Close session is tried again
    assert aws.items.get(keys.GPU_SLOT) is None
    before = stored(aws)
    closer(aws, Machine()).close(IDLE)
    assert stored(aws) == before
    assert starter.start("user-1", Trigger.PAGE)[1]


def test_an_execution_that_ended_between_the_end_and_the_slot_is_cleaned_up_at_once(aws: Aws) -> None:
    live(aws)
    with pytest.raises(Crash):
        crashing(aws, "after the end", Machine()).close(IDLE)
    reaper(aws, Executions(), later=timedelta()).session_ended("ses_1")
    left = stored(aws)
    assert (left["status"], left["outcome"], left["slot"], left["outbox"]) == ("ended", "idle", None, [])
    (mail,) = aws.notifications()
    assert "idle" in mail["Body"]


def test_of_two_runs_at_once_the_first_end_stands_and_is_counted_once(aws: Aws) -> None:
    """The reaper closes the session while its execution does: each has read it as live."""

    class Late(SessionStore):
        def close(
            self, session: Session, end: SessionEnd, usd: float, price_unknown: bool = False, **told: bool
        ) -> bool:
            closer(aws, Machine()).close(IDLE)
            return super().close(session, end, usd, price_unknown, **told)

    live(aws)
    lost = CloseRequest(session_id="ses_1", failure=Failure("SessionLost", "its execution is gone"))
    slow = SessionCloser(**{**_fields(closer(aws, Machine())), "store": Late(aws.items)})
    closed: Closed = slow.close(lost)
    left = stored(aws)
    assert (left["status"], left["outcome"], closed.status) == ("ended", "idle", SessionStatus.ENDED)
    assert left["ledger"][0]["sessions"] == 1
    assert "error" not in (aws.items.get(keys.session_key("ses_1")) or {})
    assert closed.notification and closed.notification.subject.startswith("Forever Us: session ended, US$ 0.2"), (
        "people hear of the same end"
    )


def test_a_slot_that_is_somebody_elses_by_now_is_not_released(aws: Aws) -> None:
    aws.put(**keys.GPU_SLOT, session_id="ses_2")
    SessionStore(aws.items).release_slot(session_record("ses_1"))
    assert SessionStore(aws.items).live_session_ids() == ["ses_2"]


def test_an_end_is_kept_with_everything_that_is_not_known_here(aws: Aws) -> None:
    live(aws, colour="blue")
    end = SessionEnd(status=SessionStatus.ENDED, outcome=Outcome.IDLE, terminated_at="t", ended_at="t")
    assert SessionStore(aws.items).close(session_record("ses_1"), end, 0.5)
    record = aws.items.get(keys.session_key("ses_1")) or {}
    assert (record["colour"], record["version"], record["ended_at"]) == ("blue", 4, "t")
    assert "task_token" not in record and "error" not in record
