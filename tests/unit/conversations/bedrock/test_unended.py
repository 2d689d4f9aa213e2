"""A call that came to no end is counted for the message that it had in hand: one that kills its function is given up,
and nothing else is."""

import asyncio
from typing import Any

import pytest

from foreverus.aws import keys
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.bedrock import asking
from foreverus.conversations.bedrock.ends import CallAccount, MessageEnds
from foreverus.conversations.bedrock.writing import MOST_UNENDED, AnswerWriter, Written
from foreverus.conversations.lease import LEASE, LeaseStore
from foreverus.conversations.records import MessageRef
from foreverus.sessions.pending import PendingWorkStore
from tests.unit.conftest import Aws
from tests.unit.conversations.bedrock.killing import killed_by, killed_in
from tests.unit.conversations.bedrock.scene import USER, Scene
from tests.unit.worker.harness import in_jumping_time

OVER_S = LEASE.total_seconds() + 1
MOMENTS: dict[str, tuple[Any, str]] = {
    "history": (DynamoAnswers, "thread"),
    "prompt": (asking, "build_prompt"),
    "reservation": (MessageEnds, "reserve"),
    "end": (MessageEnds, "finish"),
}
whenever = pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)


def unended(scene: Scene) -> list[int]:
    return [one.unended for one in scene.pending.on_bedrock()]


def given_up(scene: Scene, conversation: str) -> None:
    assert [one["error"]["code"] for one in scene.answers(conversation)] == ["bedrock_failed"]
    assert scene.waiting() == {"gpu": [], "bedrock": []} and scene.reserved() == []


@whenever
@pytest.mark.parametrize("may_move", [True, False])
@in_jumping_time
async def test_a_message_that_kills_its_function_is_given_up_wherever_it_does(
    aws: Aws, moment: tuple[Any, str], may_move: bool
) -> None:
    scene = Scene(aws)
    conversation, message = scene.ask("poison", may_move=may_move)
    for number in range(MOST_UNENDED):
        assert await killed_in(scene, conversation, *moment)
        assert unended(scene) == [number]
        assert await scene.run(conversation) == "in work", "nobody can know yet that it was killed"
        await asyncio.sleep(OVER_S)
    asked = len(scene.backend.prompts)
    assert await scene.run(conversation) == "done" and len(scene.backend.prompts) == asked
    if may_move:
        assert scene.waiting() == {"gpu": [message], "bedrock": []}
    else:
        given_up(scene, conversation)


@whenever
@in_jumping_time
async def test_one_that_fails_each_call_without_a_kill_is_given_up_too(aws: Aws, moment: tuple[Any, str]) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("poison", may_move=False)

    def fails(*_: Any) -> Any:
        raise MemoryError

    for number in range(MOST_UNENDED):
        with pytest.MonkeyPatch.context() as patching:
            patching.setattr(*moment, fails)
            with pytest.raises(MemoryError):
                await scene.run(conversation)
        assert unended(scene) == [number]
    assert await scene.run(conversation) == "done", "the lease was given back each time"
    given_up(scene, conversation)


@in_jumping_time
async def test_a_call_that_is_killed_before_it_counts_loses_no_count_that_was_made(aws: Aws) -> None:
    """The write that takes the lease tells it once: who dies before it is written down was not killed by the message,
    and is counted by the next."""
    scene = Scene(aws)
    conversation, _ = scene.ask("poison", may_move=False)
    for number in range(MOST_UNENDED):
        assert await killed_in(scene, conversation, *MOMENTS["history"])
        await asyncio.sleep(OVER_S)
        assert await killed_in(scene, conversation, PendingWorkStore, "count")
        assert unended(scene) == [number]
        await asyncio.sleep(OVER_S)
        assert await handed_over(scene, conversation) and unended(scene) == [number + 1]
    assert await scene.run(conversation) == "done"
    given_up(scene, conversation)


async def handed_over(scene: Scene, conversation: str) -> bool:
    """A call that counts, and has no time for more."""

    async def write(*_: Any) -> Written:
        return Written.NO_TIME

    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(AnswerWriter, "write", write)
        return await scene.run(conversation) == "handed over"


@in_jumping_time
async def test_calls_that_end_in_order_count_for_nothing(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    for _ in range(2 * MOST_UNENDED):
        assert await handed_over(scene, conversation)
    assert await scene.run(conversation) == "done"
    assert scene.answer_to(conversation)["status"] == "answered"


@in_jumping_time
async def test_what_waits_behind_it_is_answered_and_has_none_of_its_counts(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("poison", may_move=False)
    scene.ask("behind it", conversation, may_move=False)
    for number in range(MOST_UNENDED):
        assert await killed_in(scene, conversation, *MOMENTS["prompt"])
        assert unended(scene) == [number, 0]
        await asyncio.sleep(OVER_S)
    scene.ask("while nobody has it", conversation, may_move=False)
    assert await scene.run(conversation) == "done"
    assert [one["status"] for one in scene.answers(conversation)] == ["failed", "answered", "answered"]


@in_jumping_time
async def test_kills_are_counted_for_the_message_that_was_in_hand_and_not_for_those_before_it(aws: Aws) -> None:
    """The first one is unlucky twice and is answered; the second one then has as many tries of its own."""
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    for _ in range(MOST_UNENDED - 1):
        assert await killed_by(scene, conversation, "one")
        await asyncio.sleep(OVER_S)
    scene.ask("two", conversation, may_move=False)
    for number in range(MOST_UNENDED):
        assert await killed_by(scene, conversation, "two")
        assert unended(scene) == [number]
        await asyncio.sleep(OVER_S)
    assert await scene.run(conversation) == "done"
    one, two = scene.answers(conversation)
    assert (one["status"], two["error"]["code"]) == ("answered", "bedrock_failed")


@in_jumping_time
async def test_who_was_killed_when_all_was_answered_leaves_nothing_to_what_comes_later(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    assert await killed_in(scene, conversation, LeaseStore, "give_back")
    assert scene.answer_to(conversation)["status"] == "answered"
    await asyncio.sleep(OVER_S)
    scene.ask("two", conversation)
    assert await handed_over(scene, conversation) and unended(scene) == [0]


@in_jumping_time
async def test_who_takes_it_beside_one_that_was_only_away_counts_it_once(aws: Aws) -> None:
    scene = Scene(aws)
    conversation, _ = scene.ask("one")
    states: list[str] = []

    async def another() -> None:
        states.append(await scene.run(conversation))

    def away(number: int) -> None:
        if number == 1 and not states:
            scene.passed += 2 * LEASE  # nobody could renew it
            states.append("away")
            tasks.append(asyncio.create_task(another()))

    tasks: list[asyncio.Task[None]] = []
    scene.backend.at_word = away
    scene.backend.seconds_per_token = 9.0
    with pytest.raises(Exception, match=conversation):
        await scene.run(conversation)
    await asyncio.gather(*tasks)
    assert states == ["away", "done"] and len(scene.backend.prompts) == 2
    assert scene.answer_to(conversation)["status"] == "answered"


@pytest.mark.parametrize("late", [False, True], ids=["before it is read", "when it is to begin"])
@in_jumping_time
async def test_what_goes_to_the_gpu_meanwhile_is_not_asked_of_bedrock_and_waits_there_on(aws: Aws, late: bool) -> None:
    """The sweep gives it up in the moment in which a call comes at last."""
    scene = Scene(aws)
    conversation, message = scene.ask("one")
    ref = MessageRef(message, conversation, USER)
    owner, name = (asking, "build_prompt") if late else (DynamoAnswers, "thread")
    original = getattr(owner, name)

    def meanwhile(*arguments: Any) -> Any:
        for waiting in scene.pending.on_bedrock():
            ends = MessageEnds(aws.items, scene.purse, scene.clock)
            assert ends.move(waiting, CallAccount.of(ref, scene.clock()))
        return original(*arguments)

    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(owner, name, meanwhile)
        assert await scene.run(conversation) == "done"
    assert scene.backend.prompts == [] and scene.reserved() == []
    assert scene.waiting() == {"gpu": [message], "bedrock": []}
    assert aws.items.get(keys.answer_key(conversation, message)) is None
