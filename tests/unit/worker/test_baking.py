"""A bake's worker: it offers the disk of an engine that has answered, serves nobody, and ends when it is told."""

import asyncio

from foreverus.backends.port import Health
from foreverus.worker.baking import MOST_S
from tests.unit.worker.harness import World, ends, in_jumping_time

BAKE = "bake-token"


def world(*, waited_for: bool = True, **changes: int) -> World:
    world = World(**changes)
    world.mailbox.change(bake_token=BAKE)
    if waited_for:
        world.tasks.open.add(BAKE)
    return world


@in_jumping_time
async def test_disk_is_offered_once_the_engine_has_answered_and_nobody_is_served() -> None:
    baking = world()
    waiting = baking.ask("hello")
    async with baking.worker() as worker:
        await asyncio.sleep(3 * baking.settings.idle_seconds)
        token, how, offer = baking.tasks.results[0]
        assert (token, how, offer["instance_id"]) == (BAKE, "success", "i-1")
        assert baking.engine.prompts and not worker.done(), "it has answered one completion and keeps the disk still"
        assert baking.shown(waiting)["status"] == "queued"
        baking.mailbox.change(baked=True)
        assert await ends(worker) == 0
    assert baking.result == ("success", {"outcome": "ended"})
    assert not baking.chat.is_empty, "the session that comes next answers it"


@in_jumping_time
async def test_engine_that_never_answers_offers_nothing() -> None:
    baking = world()
    baking.engine.state = Health.LOADING
    async with baking.worker(serving=False) as worker:
        assert await ends(worker) == 1
    assert baking.result[0] == "BootFailed"
    assert BAKE in baking.tasks.open


@in_jumping_time
async def test_session_that_nobody_bakes_any_more_serves_who_waits() -> None:
    baking = world(waited_for=False)
    waiting = baking.ask("hello")
    async with baking.worker() as worker:
        assert (await baking.answered(waiting))["content"] == "You said: hello"
        assert await ends(worker) == 0
    assert baking.result == ("success", {"outcome": "idle"})


@in_jumping_time
async def test_bake_that_was_stopped_and_never_says_so_keeps_the_gpu_for_an_hour_at_most() -> None:
    baking = world(max_session_seconds=3 * int(MOST_S))
    async with baking.worker() as worker:
        await asyncio.sleep(MOST_S - 60)
        assert not worker.done()
        assert await ends(worker) == 0
    assert baking.result == ("success", {"outcome": "ended"})
