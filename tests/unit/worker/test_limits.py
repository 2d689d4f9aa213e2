"""The worker's own limits: each alone ends it, at its figure; its end is the machine's (tests/local/test_timer.py)."""

import asyncio
from collections.abc import Callable

import pytest

from foreverus.backends.port import Health
from tests.unit.worker.harness import World, ends, in_jumping_time, until

FIGURES = {
    "idle_seconds": 300,
    "max_session_seconds": 1200,
    "heartbeat_seconds": 15,
    "visibility_seconds": 120,
}
DRAIN_S = 15  # handing back, the last frames, telling the state machine


def refuse_heartbeats(world: World) -> None:
    world.tasks.open.clear()


def fail_heartbeats(world: World) -> None:
    """Step Functions alone cannot be reached."""

    def heartbeat(token: str) -> None:
        raise ConnectionError("no route to Step Functions")

    world.tasks.heartbeat = heartbeat  # type: ignore[method-assign]


def cut_the_network(world: World) -> None:
    world.network.cut = True


def give_the_session_to_another(world: World) -> None:
    world.mailbox.change(instance_id="i-2")


def do_nothing(world: World) -> None:
    """Nobody asks anything, nobody ends the session."""


@pytest.mark.parametrize(
    ("happens", "at_least_s", "at_most_s"),
    [
        (refuse_heartbeats, 0, 15),
        (fail_heartbeats, 45, 60 + 15),  # four heartbeats; the last good one may be one interval old
        (cut_the_network, 45, 60 + 15),
        (give_the_session_to_another, 0, 1),
        (do_nothing, 290, 305),
    ],
)
def test_limit_ends_a_serving_worker_at_its_figure(
    happens: Callable[[World], None], at_least_s: float, at_most_s: float
) -> None:
    @in_jumping_time
    async def live() -> None:
        world = World(**FIGURES)
        async with world.worker() as worker:
            await until(lambda: "serve-token" in world.tasks.heartbeats)
            begun = asyncio.get_running_loop().time()
            happens(world)
            await ends(worker)
            lived = asyncio.get_running_loop().time() - begun
        assert at_least_s <= lived <= at_most_s + DRAIN_S

    live()


@in_jumping_time
async def test_worker_that_is_always_asked_something_ends_two_minutes_before_its_maximum_life() -> None:
    world = World(**FIGURES, engine_slots=1)
    world.engine.reply, world.engine.seconds_per_token = lambda prompt: ["word "] * 10_000, 1.0
    world.ask("tell me", max_tokens=10_000)
    async with world.worker() as worker:
        await ends(worker)
        lived = asyncio.get_running_loop().time()
    assert 1200 - 120 <= lived < 1200 - 30
    assert world.result == ("success", {"outcome": "max_life"}) and world.chat.waiting


@in_jumping_time
async def test_worker_whose_engine_loads_for_ever_ends_at_the_boot_budget() -> None:
    world = World(**FIGURES)
    world.engine.state = Health.LOADING
    async with world.worker(serving=False) as worker:
        await ends(worker)
        assert asyncio.get_running_loop().time() <= 900 + 1
    assert world.result[0] == "BootFailed"


@in_jumping_time
async def test_worker_that_loses_the_network_while_booting_does_not_wait_for_the_boot_budget() -> None:
    world = World(**FIGURES)
    world.engine.state = Health.LOADING
    async with world.worker(serving=False) as worker:
        await asyncio.sleep(30)
        world.network.cut = True
        await ends(worker)
        assert 30 + 45 <= asyncio.get_running_loop().time() <= 30 + 60 + DRAIN_S


@in_jumping_time
async def test_worker_that_no_record_ever_names_ends_at_the_boot_budget() -> None:
    world = World(**FIGURES)
    world.mailbox.change(instance_id="i-0")
    async with world.worker(serving=False) as worker:
        await ends(worker)
        assert asyncio.get_running_loop().time() <= 900 + 30
    assert world.tasks.results == []


@in_jumping_time
async def test_heartbeats_that_fail_for_a_while_end_nothing() -> None:
    world = World(**FIGURES)
    taken = world.tasks.heartbeat
    async with world.worker() as worker:
        await until(lambda: "serve-token" in world.tasks.heartbeats)
        fail_heartbeats(world)
        await asyncio.sleep(40)
        world.tasks.heartbeat = taken  # type: ignore[method-assign]
        await asyncio.sleep(120)
        assert not worker.done() and world.shutdown.ending is None
