"""What those who watch a conversation see while it is answered."""

import asyncio
import json

from foreverus.conversations.streaming.live import MAX_POSTS_PER_SECOND
from tests.unit.worker.harness import World, in_jumping_time, until


@in_jumping_time
async def test_subscriber_that_comes_late_gets_the_whole_text() -> None:
    world = World()
    world.subscribe("early")
    world.engine.reply = lambda prompt: [f"w{i} " for i in range(40)]
    world.engine.seconds_per_token = 0.2
    request = world.ask("hello")
    async with world.worker():
        await until(lambda: len(world.push.frames["early"]) > 10)
        world.subscribe("late")
        answer = await world.answered(request)
        await until(lambda: all(f[-1]["type"] == "message" for f in world.push.frames.values()))
    assert world.push.frames["late"][0]["offset"] == 0 and len(world.push.frames["late"][0]["text"]) > 30
    assert world.push.text_of("late") == world.push.text_of("early") == answer["content"]


@in_jumping_time
async def test_offsets_count_code_points() -> None:
    world = World()
    world.subscribe()
    world.engine.reply = lambda prompt: ["ação 🙂 ", "é\n", "boa"]
    world.engine.seconds_per_token = 1.0
    async with world.worker():
        await world.answered(world.ask("diga"))
        await until(lambda: world.push.frames["c1"][-1]["type"] == "message")
    assert [f["offset"] for f in world.push.frames["c1"][:-1]] == [0, 7, 9]


@in_jumping_time
async def test_gone_subscriber_is_not_posted_to_again() -> None:
    world = World()
    world.subscribe("gone")
    world.subscribe("here")
    world.push.gone.add("gone")
    async with world.worker():
        answer = await world.answered(world.ask("hello"))
        await until(lambda: world.push.frames["here"][-1:] != [] and world.push.text_of("here") == answer["content"])
    assert world.push.topics["CONVERSATION#conv_1"] == {"here"}


@in_jumping_time
async def test_failed_posts_lose_no_text() -> None:
    world = World()
    world.subscribe()
    world.engine.reply = lambda prompt: ["a", "b", "c", "d"]
    world.engine.seconds_per_token = 0.5
    async with world.worker():
        for _ in range(3):
            world.push.fail_next(ConnectionError("429"))
        await world.answered(world.ask("hello"))
        await until(lambda: world.push.frames["c1"] != [] and world.push.frames["c1"][-1]["type"] == "message")
    assert world.push.text_of("c1") == "abcd"


@in_jumping_time
async def test_posts_of_many_streams_stay_under_the_limit() -> None:
    world = World(engine_slots=30)
    world.engine.reply = lambda prompt: ["x"] * 500
    world.engine.seconds_per_token = 0.02
    async with world.worker():
        for i in range(30):
            world.subscribe(f"c{i}", f"conv_{i}")
            world.ask("hello", message_id=f"msg_{i}", conversation_id=f"conv_{i}")
        await until(lambda: world.engine.running == 30)
        await asyncio.sleep(2)
        before, started = sum(map(len, world.push.frames.values())), asyncio.get_running_loop().time()
        await asyncio.sleep(5)
        posted = sum(map(len, world.push.frames.values())) - before
        rate = posted / (asyncio.get_running_loop().time() - started)
    assert MAX_POSTS_PER_SECOND / 3 < rate <= MAX_POSTS_PER_SECOND * 1.1


@in_jumping_time
async def test_very_long_text_is_sent_in_frames_that_fit() -> None:
    world = World()
    world.subscribe()
    world.engine.reply = lambda prompt: ["\x01" * 50_000]
    async with world.worker():
        await world.answered(world.ask("hello"))
        await until(lambda: world.push.frames["c1"][-1:] != [] and world.push.frames["c1"][-1]["type"] == "message")
    deltas = [frame for frame in world.push.frames["c1"] if frame["type"] == "delta"]
    assert len(deltas) == 4 and all(len(json.dumps(frame)) < 128 * 1024 for frame in deltas)
