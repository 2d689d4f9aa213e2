"""Messages that wait for a session that is over end in one clear error each."""

from datetime import timedelta

import pytest

from foreverus import bootstrap, ids
from foreverus.aws import keys
from foreverus.aws.push import MemoryPush
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.store import ConversationStore
from foreverus.conversations.waiting import WaitingMessages
from foreverus.sessions.closing import Successor
from foreverus.sessions.pending import PendingWorkStore
from foreverus.sessions.records import Session, Trigger
from foreverus.sessions.store import SessionStore
from tests.unit.conftest import Aws, session_item


def waiting(aws: Aws) -> WaitingMessages:
    others = SessionStore(aws.items).others
    return WaitingMessages(
        ConversationStore(aws.items),
        PendingWorkStore(aws.items),
        DynamoAnswers(aws.items),
        MemoryPush(),
        bootstrap.aws.clock,
        others,
    )


def test_each_ends_in_the_sessions_error_and_waits_no_more(aws: Aws) -> None:
    service = bootstrap.api.build().conversations
    conversation = service.create("user-1")["id"]
    for content in ("one", "two"):
        service.post("user-1", conversation, {"content": content})
    session_id = SessionStore(aws.items).live_session_ids()[0]
    assert waiting(aws).reject_all(session_id, "NoGpuCapacity") == 2
    shown = service.messages("user-1", conversation, {})["data"]
    assert [message["status"] for message in shown] == ["accepted", "failed"] * 2
    assert shown[1]["error"]["code"] == "NoGpuCapacity"
    assert "on-demand" in shown[1]["error"]["message"]
    assert list(aws.items.query(keys.PENDING)) == []
    assert waiting(aws).reject_all(session_id, "NoGpuCapacity") == 0


def test_partial_text_is_kept(aws: Aws) -> None:
    service = bootstrap.api.build().conversations
    conversation = service.create("user-1")["id"]
    message_id = service.post("user-1", conversation, {"content": "one"})["message"]["id"]
    key = keys.answer_key(conversation, message_id)
    aws.put(**key, message_id=message_id, content="Once upon", status="answering")
    assert waiting(aws).reject_all(SessionStore(aws.items).live_session_ids()[0], "EngineFailed") == 1
    assert service.messages("user-1", conversation, {})["data"][1]["content"] == "Once upon"


def test_what_was_asked_after_the_end_was_requested_still_waits(aws: Aws) -> None:
    service = bootstrap.api.build().conversations
    conversation = service.create("user-1")["id"]
    service.post("user-1", conversation, {"content": "one"})
    earlier = ids.timestamp(bootstrap.aws.clock() - timedelta(minutes=1))
    assert waiting(aws).reject_all("ses_1", "SessionEndRequested", until=earlier) == 0
    assert len(list(aws.items.query(keys.PENDING))) == 1


@pytest.mark.parametrize(
    ("by", "told"), [("", "The GPU was"), ("user-1", "The GPU was"), ("bia", "Somebody else of your team switched")]
)
def test_a_question_under_which_somebody_switches_the_gpu_off_ends_in_words_that_say_who(
    aws: Aws, by: str, told: str
) -> None:
    service = bootstrap.api.build().conversations
    conversation = service.create("user-1")["id"]
    service.post("user-1", conversation, {"content": "one"})
    assert waiting(aws).reject_all("ses_1", "SessionEndRequested", ids.timestamp(bootstrap.aws.clock()), by) == 1
    answer = service.messages("user-1", conversation, {})["data"][1]
    assert answer["error"]["code"] == "SessionEndRequested" and answer["error"]["message"].startswith(told)


def test_a_message_that_waits_wants_a_session_like_the_last_one(aws: Aws) -> None:
    ended = Session(session_id="ses_1", owner="user-1", allow_on_demand=True)
    assert waiting(aws).successor(ended) is None
    service = bootstrap.api.build().conversations
    service.post("user-1", service.create("user-1")["id"], {"content": "one"})
    assert waiting(aws).successor(ended) == Successor("user-1", Trigger.MESSAGE, allow_on_demand=True)


def test_the_promise_of_a_batch_is_no_message(aws: Aws) -> None:
    aws.put(**keys.pending_key("batch_1"), kind="batch", batch_id="batch_1", user_id="user-1", created_at="2026")
    assert waiting(aws).reject_all("ses_1", "BootFailed") == 0
    assert waiting(aws).successor({"session_id": "ses_1"}) is None
    assert bootstrap.sweep.run()["stuck messages"] == []
    assert aws.items.get(keys.pending_key("batch_1"))


@pytest.mark.parametrize(
    ("code", "rejected"), [("NoGpuCapacity", 0), ("BootFailed", 0), ("SpendCapReached", 1), ("SessionEndRequested", 1)]
)
def test_what_another_live_session_will_answer_is_left_to_it(aws: Aws, code: str, rejected: int) -> None:
    """A batch's second GPU that could not be bought ends nobody's conversation on the first."""
    service = bootstrap.api.build().conversations
    service.post("user-1", service.create("user-1")["id"], {"content": "one"})
    aws.put(**keys.gpu_slot_key(1), session_id="ses_2")
    aws.put(**session_item("ses_2", status="launching"))
    assert waiting(aws).reject_all("ses_2", code) == rejected
    assert len(list(aws.items.query(keys.PENDING))) == 1 - rejected
