"""Who ends a session sees whose work is in it, and what comes of it; what it says is nobody's to see."""

import json
from typing import Any

import pytest

from foreverus import bootstrap, ids
from foreverus.api.requests import Person
from foreverus.aws import keys
from foreverus.errors import InvalidRequest, NotAllowed, NotFound
from foreverus.files.records import SCHEDULE_USER
from foreverus.sessions.pending import MemoryPendingWork, PendingBatch, PendingMessage
from foreverus.sessions.service import SessionService
from foreverus.sessions.store import SessionStore
from foreverus.sessions.work import LinesOfBatch, SessionWork
from tests.unit.conftest import NOW, Aws, session_item

AT = ids.timestamp(NOW)
ANA, BIA, ROOT = Person("ana"), Person("bia"), Person("root", is_admin=True)
LINES = {"batch_1": LinesOfBatch(60, 24), "batch_2": LinesOfBatch(10, 10), "batch_3": LinesOfBatch(5, 1)}


def message(number: int, user_id: str) -> PendingMessage:
    return PendingMessage(message_id=f"msg_{number}", conversation_id="con_1", user_id=user_id, created_at=AT)


def batch(number: int, user_id: str) -> PendingBatch:
    return PendingBatch(batch_id=f"batch_{number}", user_id=user_id, created_at=AT)


def in_work(*live: str) -> SessionWork:
    pending = MemoryPendingWork()
    for one in (message(1, "ana"), message(2, "bia"), message(3, "caio"), batch(1, "ana"), batch(2, "bia")):
        pending.add(one)
    pending.add(batch(3, SCHEDULE_USER))
    pending.add(batch(4, "bia"))  # over, and left there by a crash
    return SessionWork(pending, lambda user_id, batch_id: LINES.get(batch_id), lambda: list(live))


def batches(shown: Any) -> list[tuple[str | None, str, int, int, bool]]:
    return [(one["id"], one["owner"], one["lines"], one["lines_left"], one["goes_on"]) for one in shown["batches"]]


def test_work_is_yours_or_somebody_elses_in_counts() -> None:
    shown = in_work("ses_1", "ses_2").show("ses_1", ANA)
    assert (shown["session_id"], shown["other_sessions"]) == ("ses_1", 1)
    assert shown["messages"] == {"yours": 1, "of_others": 2}
    assert batches(shown) == [
        ("batch_1", "you", 60, 24, False),
        (None, "somebody_else", 10, 10, True),
        ("batch_3", "schedule", 5, 1, True),
    ]
    text = json.dumps(shown)
    assert "bia" not in text and "caio" not in text and "con_1" not in text


def test_an_admin_sees_the_ids_that_may_be_cancelled() -> None:
    shown = in_work("ses_1").show("ses_1", ROOT)
    assert [one[:2] for one in batches(shown)][:2] == [("batch_1", "somebody_else"), ("batch_2", "somebody_else")]
    assert {one[4] for one in batches(in_work().show("ses_1", ROOT, everything=True))} == {False}


@pytest.fixture
def service(aws: Aws) -> SessionService:
    aws.put(**session_item("ses_1", status="serving"))
    aws.put(**keys.GPU_SLOT, session_id="ses_1")
    return bootstrap.api.build().sessions


def test_ending_a_session_keeps_who_wanted_it_and_shows_what_was_in_work(aws: Aws, service: SessionService) -> None:
    conversations = bootstrap.api.build().conversations
    conversations.post("bia", conversations.create("bia")["id"], {"content": "secret", "backend": "gpu"})
    shown = service.end(ANA, "ses_1", {})
    assert shown["end_requested"] is True
    assert shown["work"]["messages"] == {"yours": 0, "of_others": 1} and "secret" not in json.dumps(shown)
    record = SessionStore(aws.items).get("ses_1")
    assert record is not None and (record.end_requested_by, record.end_everything) == ("ana", False)
    service.end(BIA, "ses_1", {"work": "keep"})
    again = SessionStore(aws.items).get("ses_1")
    assert again is not None and again.end_requested_by == "ana"


@pytest.mark.parametrize("query", [{"work": "all"}, {"work": ""}, {"force": "true"}])
def test_a_query_that_nothing_is_meant_by_is_named(service: SessionService, query: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        service.end(ANA, "ses_1", query)
    assert caught.value.param in query


def test_only_an_admin_ends_everybodys_work_and_may_do_so_after_somebody_else(
    aws: Aws, service: SessionService
) -> None:
    with pytest.raises(NotAllowed) as caught:
        service.end(ANA, "ses_1", {"work": "cancel"})
    assert (caught.value.reason, caught.value.param) == ("admins_only", "work")
    kept = SessionStore(aws.items).get("ses_1")
    assert kept is not None and not kept.end_requested
    service.end(ANA, "ses_1", {})
    service.end(ROOT, "ses_1", {"work": "cancel"})
    ended = SessionStore(aws.items).get("ses_1")
    assert ended is not None and ended.spares_all_but == "" and ended.end_requested_by == "ana"


def test_a_session_that_is_over_or_not_there_has_no_work_to_end(aws: Aws, service: SessionService) -> None:
    aws.put(**session_item("ses_0", status="ended"))
    assert "work" not in service.end(ANA, "ses_0", {})
    for ask in (lambda: service.work(ANA, "ses_9"), lambda: service.end(ANA, "ses_9", {})):
        with pytest.raises(NotFound):
            ask()
