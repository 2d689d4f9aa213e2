"""Who watches an answer and gets it, or not: the deaf, the broken, and those whose credentials are to be looked at."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from foreverus.aws.push import Deaf, Subscriber
from foreverus.conversations.streaming.live import MOST_FAILURES
from foreverus.worker.contact import RunInThreads
from tests.unit.worker.harness import World, in_jumping_time, until


def slowly(world: World, words: int = 40) -> None:
    world.engine.reply = lambda prompt: [f"w{i} " for i in range(words)]
    world.engine.seconds_per_token = 0.5


def finished(world: World, *connections: str) -> Callable[[], bool]:
    return lambda: all(
        world.push.frames[one] != [] and world.push.frames[one][-1]["type"] == "message" for one in connections
    )


class Failing:
    """Posts to some connections fail with an error, always; the others go on."""

    def __init__(self, world: World, error: Exception, *connections: str) -> None:
        self.tried: dict[str, int] = dict.fromkeys(connections, 0)
        self.error = error
        self.post = world.push.post
        world.push.post = self  # type: ignore[method-assign]

    def __call__(self, topic: str, connection_id: str, data: bytes) -> bool:
        if connection_id in self.tried:
            self.tried[connection_id] += 1
            raise self.error
        return self.post(topic, connection_id, data)


@in_jumping_time
async def test_a_deaf_subscriber_is_given_up_at_once_and_the_others_get_every_word() -> None:
    world = World()
    for one in ("deaf", "here", "there"):
        world.subscribe(one)
    slowly(world)
    failing = Failing(world, Deaf("deaf"), "deaf")
    async with world.worker():
        answer = await world.answered(world.ask("hello"))
        await until(finished(world, "here", "there"))
    assert world.push.text_of("here") == world.push.text_of("there") == answer["content"]
    assert failing.tried == {"deaf": 1}


@in_jumping_time
async def test_a_broken_subscriber_is_given_up_after_some_failures() -> None:
    world = World()
    for one in ("broken", "here"):
        world.subscribe(one)
    slowly(world, 200)
    failing = Failing(world, ConnectionError("403"), "broken")
    async with world.worker():
        answer = await world.answered(world.ask("hello"))
        await until(finished(world, "here"))
    assert world.push.text_of("here") == answer["content"]
    assert failing.tried == {"broken": MOST_FAILURES}


@in_jumping_time
async def test_whose_look_is_too_old_is_asked_once_and_has_the_whole_text_after_it() -> None:
    world = World()
    world.subscribe("stale")
    world.push.stale.add("stale")
    slowly(world)
    async with world.worker():
        request = world.ask("hello")
        await until(lambda: len(world.shown(request)["content"] or "") > 20)
        assert world.push.frames["stale"] == [{"type": "ping"}]
        world.push.stale.discard("stale")
        answer = await world.answered(request)
        await until(finished(world, "stale"))
    assert world.push.frames["stale"][1]["offset"] == 0
    assert world.push.text_of("stale") == answer["content"]
    assert world.push.frames["stale"].count({"type": "ping"}) == 1


@in_jumping_time
async def test_whose_look_grows_old_gets_no_more_words() -> None:
    world = World()
    for one in ("leaving", "here"):
        world.subscribe(one)
    slowly(world)
    async with world.worker():
        request = world.ask("hello")
        await until(lambda: len(world.push.frames["leaving"]) > 5)
        world.push.stale.add("leaving")
        await until(lambda: {"type": "ping"} in world.push.frames["leaving"])
        had = len(world.push.frames["leaving"])
        await world.answered(request)
        await until(finished(world, "here"))
    assert len(world.push.frames["leaving"]) == had
    assert world.push.frames["leaving"][-1] == {"type": "ping"}


def look_by_look(world: World, connection_id: str, *good_for_s: float | None) -> None:
    """What each look finds of one subscriber, the last one again and again. None: it is not there yet."""
    world.subscribe(connection_id)
    looks = iter(good_for_s)
    found: list[float | None] = [None]

    def subscribers(topic: str) -> list[Subscriber]:
        found[0] = next(looks, found[0])
        return [] if found[0] is None else [Subscriber(connection_id, found[0])]

    world.push.subscribers = subscribers  # type: ignore[method-assign]


@in_jumping_time
@pytest.mark.parametrize("first", [None, -1.0, 0.0, 0.3, 50.0])
async def test_whoever_may_have_it_at_the_end_has_the_whole_answer(first: float | None) -> None:
    """The answer takes less time than is between two looks: they came, or were looked at, meanwhile."""
    world = World()
    look_by_look(world, "c1", first, 50.0)
    world.engine.reply = lambda prompt: ["a ", "b ", "c "]
    world.engine.seconds_per_token = 0.2
    async with world.worker():
        answer = await world.answered(world.ask("hello"))
        await until(finished(world, "c1"))
    deltas = [frame for frame in world.push.frames["c1"] if frame["type"] == "delta"]
    assert (
        deltas[-1]["offset"] + len(deltas[-1]["text"]) == len(answer["content"])
        and world.push.text_of("c1") == answer["content"]
    )


@in_jumping_time
@pytest.mark.parametrize("first", [None, -1.0, 0.3, 0.5])
async def test_whose_look_is_too_old_at_the_end_is_asked_once_and_hears_no_more(first: float | None) -> None:
    """A client that pings a little late asks for the answer after it (frontend/src/live.ts)."""
    world = World()
    look_by_look(world, "c1", first, 0.0)
    world.engine.reply = lambda prompt: ["a ", "b ", "c ", "d "]
    world.engine.seconds_per_token = 0.2
    async with world.worker():
        await world.answered(world.ask("hello"))
        await until(lambda: {"type": "ping"} in world.push.frames["c1"])
        await asyncio.sleep(10)
    kinds = [frame["type"] for frame in world.push.frames["c1"]]
    assert kinds == ["delta"] * (len(kinds) - 1) + ["ping"]


def test_a_client_that_takes_nothing_holds_one_thread_and_nobody_up() -> None:
    """Real threads, fewer than subscribers: the deaf one's is held until the test lets it go."""
    asyncio.run(answer_beside_a_deaf_one())


async def answer_beside_a_deaf_one() -> None:
    world = World()
    let, held = threading.Event(), threading.Event()
    post = world.push.post

    def deaf(topic: str, connection_id: str, data: bytes) -> bool:
        if connection_id == "deaf":
            held.set()
            assert let.wait(600)
        return post(topic, connection_id, data)

    world.push.post = deaf  # type: ignore[method-assign]
    for one in ("deaf", "here", "there"):
        world.subscribe(one)
    threads = RunInThreads(world.network.contact, 2, "push")
    world.ports.run_push = threads
    world.engine.reply = lambda prompt: ["a ", "b ", "c "]
    world.engine.seconds_per_token = 0.05
    try:
        async with world.worker():
            answer: dict[str, Any] = await world.answered(world.ask("hello"))
            await until(finished(world, "here", "there"))
            assert held.is_set()
            assert world.push.text_of("here") == world.push.text_of("there") == answer["content"]
            let.set()
    finally:
        let.set()
        threads.close()
