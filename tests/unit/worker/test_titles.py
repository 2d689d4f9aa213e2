"""A conversation without a title gets one from its first exchange, and nobody waits for it."""

import asyncio

import pytest

from foreverus.backends.port import Prompt
from foreverus.conversations.titles import ASK, MOST_CHARACTERS, read_title
from foreverus.errors import EngineFailed
from tests.unit.worker.harness import World, in_jumping_time, until


def engine_says(world: World, title: str, answer: str = "Because of Rayleigh.") -> None:
    def reply(prompt: Prompt) -> list[str]:
        return [title] if prompt.messages[0].content == ASK else [answer]

    world.engine.reply = reply


def asked_for_titles(world: World) -> int:
    return sum(prompt.messages[0].content == ASK for prompt in world.engine.prompts)


@in_jumping_time
async def test_the_first_exchange_gives_the_title_and_its_tokens_are_counted() -> None:
    world = World()
    engine_says(world, 'Title: "Why the sky is blue"\n')
    async with world.worker():
        await world.answered(world.ask("Why is the sky blue?", title=""))
        before = dict(world.answers.session_usage["ses_1"])
        await until(lambda: bool(world.answers.titles), 60)
        assert world.answers.titles == {"conv_1": "Why the sky is blue"}
        used = world.answers.session_usage["ses_1"]
        assert used["completion_tokens"] == before["completion_tokens"] + 1
        assert used["prompt_tokens"] > before["prompt_tokens"] and used["messages"] == 1
        day = world.answers.usage.day("user_1", "2026-01-01")
        assert day.tokens == used["prompt_tokens"] + used["completion_tokens"]
        await world.answered(world.ask("And at night?", message_id="msg_2", title=""))
        await asyncio.sleep(60)
    assert asked_for_titles(world) == 1


@in_jumping_time
async def test_a_persons_own_title_stays() -> None:
    world = World()
    async with world.worker():
        await world.answered(world.ask("hello", title="Mine"))
        await asyncio.sleep(60)
    assert asked_for_titles(world) == 0 and not world.answers.titles


@pytest.mark.parametrize("trouble", [EngineFailed("gone"), ValueError("what"), ConnectionError("DynamoDB is down")])
@in_jumping_time
async def test_whatever_fails_the_answer_stands_and_the_worker_goes_on(trouble: Exception) -> None:
    world = World()
    request = world.ask("hello", title="")

    def reply(prompt: Prompt) -> list[str]:
        if prompt.messages[0].content == ASK:
            if isinstance(trouble, ConnectionError):
                world.answers.fail_next(trouble)
                return ["A title"]
            raise trouble
        return ["fine"]

    world.engine.reply = reply
    async with world.worker() as worker:
        assert (await world.answered(request))["content"] == "fine"
        await until(lambda: asked_for_titles(world) == 1, 60)
        await asyncio.sleep(30)
        assert not worker.done() and not world.answers.titles


@pytest.mark.parametrize("said", ["", "  \n\n", '""', "\u200b\u2060", "***"])
@in_jumping_time
async def test_a_model_that_writes_no_title_gives_none_and_is_counted(said: str) -> None:
    world = World()
    engine_says(world, said)
    async with world.worker():
        await world.answered(world.ask("hello", title=""))
        before = world.answers.session_usage["ses_1"]["prompt_tokens"]
        await until(lambda: world.answers.session_usage["ses_1"]["prompt_tokens"] > before, 60)
    assert not world.answers.titles


@in_jumping_time
async def test_who_chats_does_not_wait_for_a_title() -> None:
    world = World(engine_slots=1)
    world.engine.seconds_per_token = 20.0
    engine_says(world, "A title", "Hi")
    loop = asyncio.get_running_loop()
    async with world.worker():
        await world.answered(world.ask("hello", title=""))
        await until(lambda: world.engine.running == 1, 60)
        asked_at = loop.time()
        await world.answered(world.ask("quick", message_id="msg_2", conversation_id="conv_2"))
        assert loop.time() - asked_at < 25.0, "the title gave its slot up"
        await until(lambda: world.answers.titles == {"conv_1": "A title"}, 120)
    assert world.engine.most_running == 1


@in_jumping_time
async def test_an_answer_that_failed_gives_no_title() -> None:
    world = World()

    def reply(prompt: Prompt) -> list[str]:
        if prompt.messages[-1].content == "poison":
            raise EngineFailed("The engine answered 500")
        return ["fine"]

    world.engine.reply = reply
    async with world.worker():
        assert (await world.answered(world.ask("poison", title="")))["status"] == "failed"
        await asyncio.sleep(10)
    assert asked_for_titles(world) == 0


@pytest.mark.parametrize(
    "written",
    [
        *(
            "x" * 500,
            "palavra " * 90,
            "«Une question»\nde plus",
            'A "quoted" word',
            "\x07bell\x00 and null",
            "標題" * 80,
        ),
        *("**Bold** and `code`", "# Heading", "one\u2028two", "Título: Olá!", "😀" * 100),
    ],
)
def test_a_title_is_one_short_line_without_quotation_marks(written: str) -> None:
    title = read_title(written)
    assert 0 < len(title) <= MOST_CHARACTERS and len(title.splitlines()) == 1 and title == title.strip()
    assert not set(title) & set('"“”«»`*\x00\x07')
