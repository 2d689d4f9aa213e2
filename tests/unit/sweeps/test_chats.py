"""What waits for Bedrock and nobody answers is called for again, a few times, and then has its end."""

from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from foreverus import ids
from foreverus.aws import keys
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.bedrock.ends import MessageEnds
from foreverus.conversations.bedrock.lost import LostMessages
from foreverus.conversations.bedrock.takeover import TakeOver
from foreverus.conversations.lease import LeaseStore
from foreverus.conversations.records import BedrockCharge, MessageRef, PartialAnswer
from foreverus.sweeps.chats import MOST_CALLED, STUCK_AFTER, StuckChats
from foreverus.sweeps.messages import StuckMessages
from tests.unit.conftest import Aws
from tests.unit.conversations.bedrock.scene import USER, Scene

FIVE_MINUTES = timedelta(minutes=5)


def lost(scene: Scene) -> LostMessages:
    ends = MessageEnds(scene.aws.items, scene.purse, scene.clock)
    starter = replace(scene.service.sessions, purse=scene.purse, clock=scene.clock)
    takeover = TakeOver(ends=ends, sessions=starter, queue=scene.service.queue, clock=scene.clock)
    parts = {"store": scene.store, "ends": ends, "takeover": takeover, "push": scene.push}
    return LostMessages(**parts, price=scene.price, clock=scene.clock)


def sweep(scene: Scene) -> list[str]:
    """Five minutes later; what it did."""
    scene.passed += FIVE_MINUTES
    duty = StuckChats(scene.pending, LeaseStore(scene.aws.items, scene.clock), scene.calls, lost(scene), scene.clock)
    return [did for repair in duty() if (did := repair.run())]


def test_each_conversation_that_nobody_has_in_hand_is_called_for(aws: Aws) -> None:
    scene = Scene(aws)
    first, _ = scene.ask("one")
    scene.ask("two", first)
    second, _ = scene.ask("other")
    assert sweep(scene) == ["called again"] * 2
    assert scene.calls.events == [{"conversation_id": one, "user_id": USER} for one in (first, second)]


def test_what_is_young_or_in_work_is_left_alone(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    scene.passed = STUCK_AFTER - FIVE_MINUTES
    assert sweep(scene) == []
    scene.passed += FIVE_MINUTES * 2
    assert LeaseStore(aws.items, scene.clock).take(conversation, "call_1")
    scene.passed -= FIVE_MINUTES
    assert sweep(scene) == [] and scene.calls.events == []


@pytest.mark.parametrize("failing", [False, True], ids=["nobody comes", "it cannot be called"])
def test_after_a_few_calls_it_goes_to_the_gpu(aws: Aws, failing: bool) -> None:
    scene = Scene(aws)
    conversation, first = scene.ask("one")
    _, second = scene.ask("two", conversation)
    if failing:
        scene.calls.failing = ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke")
    for _ in range(MOST_CALLED):
        try:
            assert sweep(scene) == ["called again"] and not failing
        except ClientError:
            assert failing
    assert sweep(scene) == ["given up: nobody came to answer it"]
    assert scene.waiting() == {"gpu": [first, second], "bedrock": []}
    assert scene.service.sessions.store.live_session_ids()
    assert sweep(scene) == []


def test_or_ends_in_one_clear_error(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, message = scene.ask("one", may_move=False)
    begun = {"message_id": message, "content": "The sea", "status": "answering", "partial_tokens": 2}
    aws.put(**keys.answer_key(conversation, message), **begun, session_id="")
    scene.watch(conversation)
    for _ in range(MOST_CALLED + 1):
        sweep(scene)
    answer = scene.answer_to(conversation)
    assert (answer["status"], answer["error"]["code"]) == ("failed", "bedrock_not_called")
    assert answer["content"] == "The sea", "what there is of it stays"
    assert scene.push.frames["page"][-1]["message"] == answer
    assert scene.waiting() == {"gpu": [], "bedrock": []} and scene.reserved() == []
    assert scene.spent() == pytest.approx(answer["cost_usd"]) == 0.002, "two words were written, and are paid for"


def test_what_was_deleted_meanwhile_waits_no_more(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one", may_move=False)
    aws.items.delete(keys.conversation_key(USER, conversation))
    for _ in range(MOST_CALLED + 1):
        sweep(scene)
    assert scene.waiting()["bedrock"] == []


def test_messages_for_a_gpu_that_the_cap_allows_none_of_end_in_that_error_though_there_was_never_a_session(
    aws: Aws,
) -> None:
    scene = Scene(aws, cap_usd=0.0001)
    conversation, message = scene.ask("one")
    (waiting,) = scene.pending.on_bedrock()
    assert lost(scene).ends.move(waiting, _account(scene, conversation, message))
    starter = replace(scene.service.sessions, purse=scene.purse, clock=scene.clock)
    duty = StuckMessages(scene.pending, scene.service.queue, starter, lost(scene), scene.clock)
    assert [repair.run() for repair in duty()] == ["refused: the spend cap is reached"]
    assert scene.answer_to(conversation)["error"]["code"] == "SpendCapReached"
    assert scene.waiting() == {"gpu": [], "bedrock": []}


def _account(scene: Scene, conversation: str, message: str):  # type: ignore[no-untyped-def]
    from foreverus.conversations.bedrock.ends import CallAccount

    return CallAccount(ids.timestamp(scene.clock())[:7], f"{conversation}/{message}")


@pytest.mark.parametrize("may_move", [True, False], ids=["to the GPU", "in an error"])
@pytest.mark.parametrize(("asked", "written"), [(40, 7), (3000, 900), (40, 0)])
def test_what_killed_calls_took_is_counted_when_a_message_is_given_up(
    aws: Aws, may_move: bool, asked: int, written: int
) -> None:
    scene = Scene(aws)
    conversation, message = scene.ask("one", may_move=may_move)
    if written:
        partial = PartialAnswer("The sea is", written, prompt_tokens=asked)
        assert DynamoAnswers(aws.items).checkpoint(MessageRef(message, conversation, USER), partial, "")
    for _ in range(MOST_CALLED):
        assert sweep(scene) == ["called again"]
    assert sweep(scene) == ["given up: nobody came to answer it"]
    usd = pytest.approx(BedrockCharge.at(scene.price, asked, written).usd)
    assert scene.entries() == ({f"{conversation}/{message}": usd} if written else {})
    used = scene.used()
    assert used.get("bedrock_chat_completion_tokens", 0) == written
    assert used.get("bedrock_chat_prompt_tokens", 0) == (asked if written else 0)
    assert scene.waiting() == {"gpu": [message] if may_move else [], "bedrock": []}
    assert not [name for name in scene.reserved() if name.startswith("conv_")]
    if not may_move and written:
        assert scene.answer_to(conversation)["cost_usd"] == usd
