"""A conversation without a title gets one on Bedrock too: beside the answer, within the cap, and counted once."""

import asyncio
from datetime import timedelta

import pytest

from foreverus.aws.socket_keys import conversations_topic
from foreverus.backends.port import Prompt
from foreverus.conversations.lease import LEASE
from foreverus.conversations.titles import ASK
from foreverus.errors import BackendUnavailable, EngineBusy, EngineFailed, PromptRejected
from foreverus.sweeps.reservations import LostReservations
from tests.unit.conftest import Aws
from tests.unit.conversations.bedrock.killing import killed_at
from tests.unit.conversations.bedrock.scene import USER, Scene
from tests.unit.conversations.bedrock.test_answering import MOST_WRITES, nothing_left
from tests.unit.worker.harness import in_jumping_time

WORDS = ""  # Scene.ask keeps a question without its conversation's first words


def is_for_a_title(prompt: Prompt) -> bool:
    return prompt.messages[0].content == ASK


def scene_with(aws: Aws, title: str = "«Why the sea is blue»", cap_usd: float = 20.0) -> Scene:
    scene = Scene(aws, cap_usd)
    words = [f"{word} " for word in title.split()]
    scene.backend.reply = lambda prompt: words if is_for_a_title(prompt) else ["The ", "sea"]
    return scene


def title_of(scene: Scene, conversation: str) -> object:
    return scene.service.get(USER, conversation)["title"]


@in_jumping_time
async def test_the_first_exchange_gives_the_title_which_is_counted_and_told(aws: Aws) -> None:
    scene = scene_with(aws)
    conversation, message = scene.ask("What colour is the sea?", scene.converse(title=""))
    scene.watch(conversation)
    scene.push.subscribe(conversations_topic(USER), "list")
    assert await scene.run(conversation) == "done"
    answer, asked = scene.backend.prompts
    assert is_for_a_title(asked) and not is_for_a_title(answer)
    assert title_of(scene, conversation) == "Why the sea is blue"
    begun, frame = scene.push.frames["list"]
    assert begun["conversation"]["title"] == WORDS
    assert frame == {"type": "conversation", "conversation": scene.service.get(USER, conversation)}
    usd = {
        f"{conversation}/{message}": pytest.approx(scene.price_of(answer, 2)),
        f"{conversation}/{message}/title": pytest.approx(scene.price_of(asked, 5)),
    }
    assert scene.entries() == usd
    used = scene.used()
    assert (used["bedrock_chat_messages"], used["bedrock_chat_completion_tokens"]) == (1, 7)
    assert used["bedrock_chat_usd"] == pytest.approx(scene.spent())
    nothing_left(scene)
    scene.ask("And at night?", conversation)
    await scene.run(conversation)
    assert len(scene.backend.prompts) == 3, "one title"


@pytest.mark.parametrize("title", ["Mine", "  x "])
@in_jumping_time
async def test_a_persons_own_title_asks_for_none(aws: Aws, title: str) -> None:
    scene = scene_with(aws)
    conversation, _ = scene.ask("What colour is the sea?", scene.converse(title=title))
    await scene.run(conversation)
    assert len(scene.backend.prompts) == 1 and title_of(scene, conversation) == title


@in_jumping_time
async def test_one_that_comes_while_it_is_asked_for_stays(aws: Aws) -> None:
    scene = scene_with(aws)
    conversation, _ = scene.ask("What colour is the sea?", scene.converse(title=""))
    scene.push.subscribe(conversations_topic(USER), "list")

    def rename(prompt: Prompt) -> None:
        if is_for_a_title(prompt):
            scene.service.change(USER, conversation, {"title": "Mine"})

    scene.backend.answering = rename
    await scene.run(conversation)
    assert title_of(scene, conversation) == "Mine" and len(scene.entries()) == 2
    assert [one["conversation"]["title"] for one in scene.push.frames["list"]] == [WORDS], "its own where it was given"
    nothing_left(scene)


@in_jumping_time
async def test_the_next_question_does_not_wait_for_a_title(aws: Aws) -> None:
    scene = scene_with(aws, title="word " * 12)
    conversation, _ = scene.ask("one", scene.converse(title=""))
    scene.ask("two", conversation)
    loop = asyncio.get_running_loop()
    at: list[tuple[str, float]] = []
    scene.backend.answering = lambda prompt: at.append((prompt.messages[-1].content, loop.time()))
    await scene.run(conversation)
    (_, first), (_, title), (_, second) = sorted(at, key=lambda one: one[1])
    assert first <= title <= second < title + 3.0, "the title takes six seconds"
    assert title_of(scene, conversation) and len(scene.answers(conversation)) == 2


TROUBLES: list[Exception] = [
    EngineFailed("broke off"),
    BackendUnavailable("no access"),
    PromptRejected("no such thing"),
    ValueError("a bug"),
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda one: type(one).__name__)
@in_jumping_time
async def test_whatever_fails_the_answer_stands_and_nothing_stays_reserved(aws: Aws, trouble: Exception) -> None:
    scene = scene_with(aws)
    conversation, _ = scene.ask("one", scene.converse(title=""))

    def fail(prompt: Prompt) -> None:
        if is_for_a_title(prompt):
            raise trouble

    scene.backend.answering = fail
    assert await scene.run(conversation) == "done"
    assert scene.answer_to(conversation)["status"] == "answered" and len(scene.entries()) == 1
    if not isinstance(trouble, ValueError):  # of what nobody expects the sweep counts the reservation
        nothing_left(scene)


@in_jumping_time
async def test_a_throttled_title_is_asked_for_again_for_a_while(aws: Aws) -> None:
    scene = scene_with(aws)
    conversation, _ = scene.ask("one", scene.converse(title=""))
    refused: list[str] = []

    def refuse(prompt: Prompt) -> None:
        if is_for_a_title(prompt) and len(refused) < 3:
            refused.append("throttled")
            raise EngineBusy("throttled")

    scene.backend.answering = refuse
    await scene.run(conversation)
    assert title_of(scene, conversation) == "Why the sea is blue" and len(refused) == 3
    nothing_left(scene)


@pytest.mark.parametrize("title", ["", '""', "\n \n", "***"])
@in_jumping_time
async def test_a_model_that_writes_no_title_gives_none_and_is_counted(aws: Aws, title: str) -> None:
    scene = Scene(aws)
    scene.backend.reply = lambda prompt: [title] if is_for_a_title(prompt) else ["The ", "sea"]
    conversation, _ = scene.ask("one", scene.converse(title=""))
    await scene.run(conversation)
    assert title_of(scene, conversation) == "" and len(scene.entries()) == 2
    nothing_left(scene)


@in_jumping_time
async def test_within_the_cap_or_not_at_all(aws: Aws) -> None:
    scene = scene_with(aws)
    conversation, _ = scene.ask("one", scene.converse(title=""))

    def spend(prompt: Prompt) -> None:
        scene.purse.cap *= 0

    scene.backend.answering = spend
    await scene.run(conversation)
    assert scene.answer_to(conversation)["status"] == "answered"
    assert len(scene.backend.prompts) == 1 and title_of(scene, conversation) == ""
    nothing_left(scene)


class NoSessions:
    def get(self, session_id: str) -> None:
        return None


def sweep(scene: Scene) -> None:
    scene.passed += timedelta(hours=1)
    for repair in LostReservations(scene.purse, NoSessions(), list, scene.clock)():
        repair.run()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@in_jumping_time
async def test_killed_at_any_write_there_is_no_title_or_one_and_its_price_is_counted(aws: Aws, after: bool) -> None:
    outcomes = set()
    for nth in range(MOST_WRITES):
        scene = scene_with(aws)
        scene._names = 1000 * (nth + 1)
        conversation, message = scene.ask("What colour is the sea?", scene.converse(title=""))
        died = await killed_at(scene, conversation, nth, after)
        await asyncio.sleep(LEASE.total_seconds() + 1)
        await scene.run(conversation)
        sweep(scene)
        assert [one["content"] for one in scene.answers(conversation)] == ["The sea"]
        asked = sum(map(is_for_a_title, scene.backend.prompts))
        counted = [one for one in scene.entries() if one == f"{conversation}/{message}/title"]
        title = title_of(scene, conversation)
        assert (asked, title) in ((0, WORDS), (1, WORDS), (1, "Why the sea is blue")), f"killed at write {nth}"
        assert asked <= len(counted) <= 1 and scene.reserved() == []
        outcomes.add((asked, title))
        if not died:
            assert scene.spent() == pytest.approx(float(sum(scene.entries().values())))
            break
    assert len(outcomes) >= 2 and (1, "Why the sea is blue") in outcomes and nth < MOST_WRITES - 1
