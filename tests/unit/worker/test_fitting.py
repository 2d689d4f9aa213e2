"""As many turns as the engine itself finds room for, asked no more often than it must be."""

import asyncio
from dataclasses import replace

import pytest

from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Prompt
from foreverus.conversations.history import Exchange, Held
from foreverus.conversations.prompt import Thread, build_prompt
from foreverus.worker.fitting import fitted
from tests.unit.conversations.test_prompt import answer, question
from tests.unit.worker.harness import World, in_jumping_time

CONTEXT = 2048  # with 1,024 for the answer


def a_message(tokens: int) -> MemoryEngine:
    engine = MemoryEngine()
    engine.tokens_of = lambda prompt: 20 + tokens * (len(prompt.messages) - 1)
    return engine


def talk(turns: int, size: int, continues: bool = False) -> Thread:
    begun = answer(99, "Once", "answering") if continues else None
    return Thread(question(99, "now?"), begun, tuple(Exchange("q" * size, "a" * size) for _ in range(turns)))


def fit(engine: MemoryEngine, thread: Thread) -> Prompt:
    return asyncio.run(fitted(engine, build_prompt("Be brief.", thread, CONTEXT), thread, CONTEXT))


@pytest.mark.parametrize("continues", [False, True])
@pytest.mark.parametrize("turns", [1, 7, 40])
@pytest.mark.parametrize("tokens", [1, 9, 30, 100, 400, 990, 5000])
def test_neither_more_nor_fewer_than_fit(turns: int, tokens: int, continues: bool) -> None:
    """Whatever we estimate: texts of 600 bytes that have a token, or thousands."""
    engine, thread = a_message(tokens), talk(turns, 600, continues)
    prompt = fit(engine, thread)
    beside = 2 if continues else 1
    most = max(0, min(turns, ((CONTEXT - 1024 - 20) // tokens - beside) // 2))
    assert (len(prompt.messages) - 1 - beside) // 2 == most
    assert prompt.messages[-beside].content == "now?" and prompt.continues == continues
    assert len(engine.counted) <= 8, "each halves what is left to know"


@pytest.mark.parametrize("turns", [0, 1, 3])
def test_what_surely_fits_is_not_counted(turns: int) -> None:
    engine, thread = a_message(100), talk(turns, 50)
    assert fit(engine, thread) == build_prompt("Be brief.", thread, CONTEXT) and engine.counted == []


def test_nor_what_was_counted_when_it_was_answered() -> None:
    earlier = tuple(Exchange("q" * 3000, "a" * 3000, 20 + 200 * (n + 1), Held(n, 20)) for n in range(4))
    engine, thread = a_message(100), Thread(question(99, "now?"), None, earlier)
    assert len(fit(engine, thread).messages) == 10 and engine.counted == []


@pytest.mark.parametrize("turns", [1, 7, 40])
def test_an_engine_that_does_not_count_leaves_our_estimate(turns: int) -> None:
    engine, thread = MemoryEngine(), talk(turns, 600)
    assert fit(engine, thread) == build_prompt("Be brief.", thread, CONTEXT) and len(engine.counted) <= 1


@in_jumping_time
async def test_the_worker_sends_what_the_engine_has_room_for_and_says_what_it_left_out() -> None:
    world = World()
    world.engine.tokens_of = lambda prompt: 100 * len(prompt.messages)
    async with world.worker():
        for number in range(1, 8):
            await world.answered(world.ask("x" * 900, message_id=f"msg_{number}"))
            kept = world.answers.answers  # as an earlier version kept them: nobody counted
            kept[f"msg_{number}"] = replace(kept[f"msg_{number}"], held=None)
        last = await world.answered(world.ask("and now?", message_id="msg_8"))
    assert len(world.engine.prompts[-1].messages) == 10 and last["trimmed_messages"] == 6
