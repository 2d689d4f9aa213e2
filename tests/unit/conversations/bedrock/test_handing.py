"""No GPU could be had: what waits for one goes to Bedrock, once, and nothing that may not."""

from datetime import timedelta
from typing import Any

import pytest

from foreverus import ids
from foreverus.aws import keys
from foreverus.backends.port import BackendName
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.bedrock.ends import MessageEnds
from foreverus.conversations.bedrock.handing import ChatsToBedrock, NotHandedOver
from foreverus.conversations.records import MessageRef, PartialAnswer
from foreverus.costs.database import wake_usd
from foreverus.costs.money import exact
from foreverus.costs.reservations import Owner, Reservation
from foreverus.sessions.store import SessionStore
from tests.unit.conftest import NOW, Aws, session_item
from tests.unit.conversations.bedrock.scene import MONTH, USER, Scene
from tests.unit.worker.harness import in_jumping_time

SESSION = "ses_1"
AT = ids.timestamp(NOW)


def session(aws: Aws, name: str = SESSION, **changes: Any) -> None:
    nothing_bought = {"launches": [], "status": "launching", "created_at": AT, "instance_id": ""}
    aws.put(**session_item(name, **{**nothing_bought, **changes}))
    aws.put(**keys.gpu_slot_key(int(name[-1]) - 1), session_id=name)


def hand(scene: Scene, session_id: str = SESSION) -> dict[str, Any]:
    ends = MessageEnds(scene.aws.items, scene.purse, scene.clock)
    sessions = SessionStore(scene.aws.items)
    return ChatsToBedrock(
        pending=scene.pending,
        ends=ends,
        sessions=sessions,
        function=scene.calls,
        region="us-east-1",
        clock=scene.clock,
    ).run(session_id)


@in_jumping_time
async def test_what_waits_is_answered_on_bedrock_and_the_person_is_told_once(aws: Aws) -> None:
    scene = Scene(aws)
    session(aws)
    scene.purse.reserve(Reservation(MONTH, SESSION, Owner.SESSION, exact(4), AT, AT))
    conversation, first = scene.ask("one", backend=BackendName.GPU)
    _, second = scene.ask("two", conversation, backend=BackendName.GPU)
    assert hand(scene) == {"session_id": SESSION, "moved": 2, "left": 0}
    assert scene.waiting() == {"gpu": [], "bedrock": [first, second]}
    assert scene.calls.events == [{"conversation_id": conversation, "user_id": USER}]
    assert float(scene.purse.month(MONTH).committed) == pytest.approx(wake_usd(), abs=1e-6), "no GPU is bought any more"
    assert hand(scene)["moved"] == 0 and len(scene.calls.events) == 2, "the call may have been lost"
    await scene.run(conversation)
    shown = scene.answers(conversation)
    assert [one["status"] for one in shown] == ["answered", "answered"]
    assert [one.get("moved_from") for one in shown] == ["gpu", None]
    assert scene.reserved() == [SESSION]


@in_jumping_time
async def test_what_bedrock_does_not_answer_either_does_not_go_back(aws: Aws) -> None:
    scene = Scene(aws)
    session(aws)
    conversation, _ = scene.ask("be wild", backend=BackendName.GPU, temperature=1.5)
    hand(scene)
    await scene.run(conversation)
    answer = scene.answer_to(conversation)
    assert answer["error"]["code"] == "unsupported_parameter" and "no GPU could be had" in answer["error"]["message"]
    assert scene.waiting() == {"gpu": [], "bedrock": []}


def test_off_means_off_for_what_was_accepted_until_then(aws: Aws) -> None:
    scene = Scene(aws)
    session(aws, end_requested=True, end_requested_at=ids.timestamp(NOW + timedelta(seconds=1)))
    _, before = scene.ask("before", backend=BackendName.GPU)
    scene.passed += timedelta(seconds=2)
    _, after = scene.ask("after", backend=BackendName.GPU)
    assert hand(scene) == {"session_id": SESSION, "moved": 1, "left": 1}
    assert scene.waiting() == {"gpu": [before], "bedrock": [after]}


def test_who_asks_for_a_gpu_waits_for_one_and_nobody_overtakes_in_that_conversation(aws: Aws) -> None:
    scene = Scene(aws)
    session(aws)
    conversation, first = scene.ask("one", backend=BackendName.GPU, may_move=False)
    _, second = scene.ask("two", conversation, backend=BackendName.GPU)
    _, other = scene.ask("other", backend=BackendName.GPU)
    assert hand(scene) == {"session_id": SESSION, "moved": 1, "left": 2}
    assert scene.waiting() == {"gpu": [first, second], "bedrock": [other]}


@pytest.mark.parametrize(
    "changes",
    [{"status": "failed"}, {"spend_notice": 100, "spend_notice_cap": "session"}],
    ids=["it is over", "its cap is used up"],
)
def test_a_session_that_is_over_or_used_up_hands_nothing_over(aws: Aws, changes: dict[str, Any]) -> None:
    scene = Scene(aws)
    session(aws, **changes)
    scene.ask("one", backend=BackendName.GPU)
    assert hand(scene)["moved"] == 0 and scene.calls.events == []


def test_nothing_is_taken_from_another_session_that_has_a_gpu(aws: Aws) -> None:
    scene = Scene(aws)
    session(aws)
    session(aws, "ses_2", instance_id="i-2", status="serving")
    scene.ask("one", backend=BackendName.GPU)
    assert hand(scene)["moved"] == 0
    session(aws, "ses_2", instance_id="", status="launching")
    assert hand(scene)["moved"] == 1, "one that is only launching has nobody who answers"


def test_a_call_that_fails_is_an_error_and_everything_is_moved(aws: Aws) -> None:
    scene = Scene(aws)
    session(aws)
    for content in ("one", "two"):
        scene.ask(content, backend=BackendName.GPU)
    scene.calls.failing = ConnectionError("not now")
    with pytest.raises(NotHandedOver):
        hand(scene)
    assert len(scene.waiting()["bedrock"]) == 2
    scene.calls.failing = None
    assert hand(scene)["moved"] == 0 and len(scene.calls.events) == 2


@pytest.mark.parametrize(("written", "counted", "lost"), [(30, 0, 30), (30, 12, 18), (30, 30, 0), (0, 0, 0)])
@in_jumping_time
async def test_what_a_lost_gpu_wrote_of_it_is_counted_with_the_move_once(
    aws: Aws, written: int, counted: int, lost: int
) -> None:
    scene = Scene(aws)
    session(aws)
    aws.put(**session_item("ses_0"))
    conversation, message = scene.ask("one", backend=BackendName.GPU)
    answers, ref = DynamoAnswers(aws.items, scene.clock), MessageRef(message, conversation, USER)
    if counted:
        assert answers.hand_back(ref, PartialAnswer("The", counted, spent=counted), "ses_0")
    if written:
        assert answers.checkpoint(ref, PartialAnswer("The sea", written), "ses_0")
    assert hand(scene)["moved"] == 1 and hand(scene)["moved"] == 0
    assert scene.used().get("gpu_chat_completion_tokens", 0) == counted + lost
    await scene.run(conversation)
    assert scene.used().get("gpu_chat_completion_tokens", 0) == counted + lost
    assert scene.used()["bedrock_chat_completion_tokens"] == 4 and scene.answer_to(conversation)["status"] == "answered"


@in_jumping_time
async def test_one_that_is_stopped_after_the_move_counts_no_token_twice(aws: Aws) -> None:
    scene = Scene(aws)
    session(aws)
    aws.put(**session_item("ses_0"))
    conversation, message = scene.ask("one", backend=BackendName.GPU)
    ref = MessageRef(message, conversation, USER)
    answers = DynamoAnswers(aws.items, scene.clock)
    assert answers.checkpoint(ref, PartialAnswer("The sea", 30), "ses_0") and hand(scene)["moved"] == 1
    assert answers.request_stop(ref)
    await scene.run(conversation)
    assert scene.answer_to(conversation)["finish_reason"] == "stopped"
    assert scene.used()["gpu_chat_completion_tokens"] == 30
