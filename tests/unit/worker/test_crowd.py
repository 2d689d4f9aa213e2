"""A GPU that was bought for a crowd ends when the crowd leaves, before the others, on a clock that jumps."""

import asyncio

from foreverus.choice.crowd import LEFT_S
from foreverus.sessions.records import Trigger
from foreverus.worker.consumer import Activity
from foreverus.worker.crowd import LOOK_S, CrowdWatch
from foreverus.worker.shutdown import IDLE, Shutdown
from tests.unit.worker.harness import World, in_jumping_time

SLOTS = 8


class Snapshots:
    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def snapshot(self) -> object:
        return self.world.mailbox.snapshot


def watching(trigger: Trigger) -> tuple[CrowdWatch, Activity, Shutdown]:
    world, activity, shutdown = World(), Activity(last=0.0), Shutdown()
    world.mailbox.change(trigger=trigger)
    watch = CrowdWatch(activity=activity, watch=Snapshots(world), slots=SLOTS, shutdown=shutdown)  # type: ignore[arg-type]
    return watch, activity, shutdown


async def ended_after(shutdown: Shutdown, within_s: float) -> float | None:
    begun = asyncio.get_running_loop().time()
    try:
        await asyncio.wait_for(shutdown.stopping.wait(), within_s)
    except TimeoutError:
        return None
    return asyncio.get_running_loop().time() - begun


@in_jumping_time
async def test_it_stays_while_the_crowd_does_and_ends_a_minute_after_it_left() -> None:
    watch, activity, shutdown = watching(Trigger.CROWD)
    running = asyncio.create_task(watch.run())
    activity.in_hand = SLOTS
    assert await ended_after(shutdown, 3600) is None
    for _ in range(20):  # a lull is no end: the others have as much in hand
        activity.in_hand = 1
        assert await ended_after(shutdown, LEFT_S / 2) is None
        activity.in_hand = SLOTS // 2
        assert await ended_after(shutdown, 2 * LOOK_S) is None
    activity.in_hand = 3
    after = await ended_after(shutdown, 600)
    assert after is not None and LEFT_S - LOOK_S <= after <= LEFT_S + 2 * LOOK_S
    assert shutdown.ending is IDLE, "what is in hand is answered first"
    await running


@in_jumping_time
async def test_any_other_session_is_left_alone() -> None:
    for trigger in set(Trigger) - {Trigger.CROWD}:
        watch, _, shutdown = watching(trigger)
        running = asyncio.create_task(watch.run())
        assert await ended_after(shutdown, 3600) is None
        running.cancel()


@in_jumping_time
async def test_a_worker_for_a_crowd_answers_what_it_has_and_ends() -> None:
    world = World(idle_seconds=1_000)
    world.mailbox.change(trigger=Trigger.CROWD)
    async with world.worker() as worker:
        await world.answered(world.ask("hello", message_id="msg_1"))
        assert await asyncio.wait_for(asyncio.shield(worker), LEFT_S * 3) == 0, "long before it is idle"
    assert world.result == ("success", {"outcome": "idle"})
