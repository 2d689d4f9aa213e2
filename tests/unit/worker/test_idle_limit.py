"""How long a worker's session stays on without use, on a clock that jumps."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from foreverus.choice.chat_gpu import REVIEW_S
from foreverus.choice.idle_time import LEAST_IDLE_S, MOST_IDLE_S, UNUSED_IDLE_S, IdleReason
from foreverus.choice.pauses import minute_of
from foreverus.costs.launch import Launch, Lifecycle
from foreverus.costs.meter import Budget, Caps
from foreverus.sessions.records import Trigger
from tests.unit.worker.harness import START, World, in_jumping_time

AUTO = 0
MODEL = "mistral.mistral-7b-instruct-v0:2"


async def ends(worker: "asyncio.Task[int]", within_s: float) -> float:
    """When, on the loop's clock."""
    assert await asyncio.wait_for(asyncio.shield(worker), within_s) == 0
    return asyncio.get_running_loop().time()


async def last_answer(world: World, number: int = 1) -> float:
    await world.answered(world.ask("hello", message_id=f"msg_{number}"))
    return asyncio.get_running_loop().time()


def known(world: World, *, pause_min: int, days_ago: int = 7, count: int = 20) -> None:
    """That a week ago, at this hour, somebody asked every so many minutes."""
    first = minute_of(START - timedelta(days=days_ago)) - 50
    world.demand.note([first + pause_min * at for at in range(count) if pause_min * at < 100])


@in_jumping_time
async def test_one_that_was_ordered_and_not_used_waits_for_who_ordered_it() -> None:
    world = World(idle_seconds=AUTO)
    async with world.worker() as worker:
        at = await ends(worker, 1000)
    assert UNUSED_IDLE_S <= at < UNUSED_IDLE_S + 60
    assert [one.reason for one in world.mailbox.idle] == [IdleReason.UNUSED]
    assert world.result == ("success", {"outcome": "idle"})


@pytest.mark.parametrize(("pause_min", "least", "most"), [(3, 180, 240), (4, 240, 300)])
def test_pauses_of_this_hour_a_week_ago_are_waited_through(pause_min: int, least: int, most: int) -> None:
    @in_jumping_time
    async def in_time() -> None:
        world = World(idle_seconds=AUTO, max_session_seconds=7200)
        world.mailbox.change(launched_at=START - timedelta(seconds=480))  # its boot
        known(world, pause_min=pause_min)
        async with world.worker() as worker:
            began = await last_answer(world)
            stayed = await ends(worker, 2000) - began
        decided = world.mailbox.idle[-1]
        assert decided.reason is IdleReason.PAUSES and decided.boot_seconds >= 480
        assert least <= decided.seconds <= most and decided.seconds <= stayed < decided.seconds + 60
        assert decided.shorter == decided.pauses > 10

    in_time()


@in_jumping_time
async def test_without_any_memory_it_stays_within_its_bounds_and_says_that_little_is_known() -> None:
    world = World(idle_seconds=AUTO)
    async with world.worker() as worker:
        began = await last_answer(world)
        stayed = await ends(worker, 2000) - began
    assert LEAST_IDLE_S <= stayed < MOST_IDLE_S + 60
    assert world.mailbox.idle[-1].reason is IdleReason.FEW_KNOWN


@in_jumping_time
async def test_each_pause_is_decided_anew_and_what_was_asked_is_remembered() -> None:
    world = World(idle_seconds=AUTO, max_session_seconds=14_000)
    world.mailbox.change(launched_at=START - timedelta(seconds=600))
    async with world.worker() as worker:
        for number in range(1, 9):
            await last_answer(world, number)
            await asyncio.sleep(100)
        await ends(worker, 2000)
    assert [one.reason for one in world.mailbox.idle][:2] == [IdleReason.UNUSED, IdleReason.FEW_KNOWN]
    assert 8 <= len(world.demand.minutes) <= 17  # two minutes for each answer at most
    assert len(world.mailbox.idle) <= 9


@in_jumping_time
async def test_after_a_batch_bedrocks_price_decides_and_after_a_wish_it_does_not() -> None:
    for trigger, reason in ((Trigger.BATCH, IdleReason.BEDROCK_CHEAPER), (Trigger.PAGE, IdleReason.FEW_KNOWN)):
        world = World(idle_seconds=AUTO, chat_bedrock_model_id=MODEL)
        world.mailbox.change(trigger=trigger, launched_at=START - timedelta(seconds=480))
        async with world.worker() as worker:
            began = await last_answer(world)
            world.mailbox.change(tokens=(100, 100))
            stayed = await ends(worker, 2000) - began
        decided = world.mailbox.idle[-1]
        assert decided.reason is reason
        assert (stayed < LEAST_IDLE_S + 60) == (trigger is Trigger.BATCH)


@pytest.mark.parametrize("change", [{"idle_seconds": 300}, {}])
def test_a_number_still_wins(change: dict[str, Any]) -> None:
    @in_jumping_time
    async def in_time() -> None:
        world = World(idle_seconds=AUTO if change else 300)
        world.mailbox.change(**change)
        known(world, pause_min=3)
        async with world.worker() as worker:
            began = await last_answer(world)
            stayed = await ends(worker, 1000) - began
        assert 299 <= stayed < 310 and world.mailbox.idle == []

    in_time()


@in_jumping_time
async def test_a_memory_that_cannot_be_read_or_written_neither_ends_nor_keeps_it() -> None:
    world = World(idle_seconds=AUTO)

    def fails(*_: Any) -> Any:
        raise ConnectionError("no table")

    world.demand.of_such_times = world.demand.note = fails  # type: ignore[method-assign]
    async with world.worker() as worker:
        began = await last_answer(world)
        stayed = await ends(worker, 2000) - began
    assert LEAST_IDLE_S <= stayed < MOST_IDLE_S + 60
    assert world.mailbox.idle[-1].reason is IdleReason.FEW_KNOWN


async def chats(world: World, *, usd_per_hour: float, minutes: int) -> None:
    """One answer a minute, all together worth so much an hour on Bedrock."""
    tokens = round(usd_per_hour / 60 / 0.20 * 1e6)  # of answers
    for minute in range(minutes):
        number = len(world.answers.questions) + 1
        await last_answer(world, number)
        prompts, answers = world.mailbox.snapshot.tokens
        world.mailbox.change(tokens=(prompts, answers + tokens))
        await asyncio.sleep(55 if minute < minutes else 0)


def for_chats() -> World:
    world = World(idle_seconds=AUTO, chat_bedrock_model_id=MODEL, max_session_seconds=14_000)
    launch = Launch(
        instance_id="i-1",
        instance_type="g6.xlarge",
        lifecycle=Lifecycle.SPOT,
        launched_at=START.isoformat(),
        price_per_hour_usd=0.44,
        price_source="listed",
    )
    budget = Budget((launch,), Caps(20.0, 10.0), 0.0)
    world.mailbox.change(trigger=Trigger.CHATS, launched_at=START - timedelta(seconds=480), budget=budget)
    return world


@in_jumping_time
async def test_one_for_chats_stays_while_it_is_worth_it_and_ends_in_a_quiet_moment_when_not() -> None:
    world = for_chats()
    async with world.worker() as worker:
        await chats(world, usd_per_hour=1.5, minutes=40)
        assert not worker.done()
        fewer = asyncio.create_task(chats(world, usd_per_hour=0.05, minutes=60))
        ended_at = await ends(worker, 3000)
        fewer.cancel()
    assert world.result == ("success", {"outcome": "idle"})
    assert 40 * 55 < ended_at < 40 * 60 + REVIEW_S + 120


@in_jumping_time
async def test_a_young_one_for_chats_is_not_judged_and_a_quiet_one_ends_within_a_review() -> None:
    world = for_chats()
    async with world.worker() as worker:
        await chats(world, usd_per_hour=0.05, minutes=3)
        assert not worker.done()
        assert await ends(worker, REVIEW_S + 60) < REVIEW_S + 60
    assert world.result == ("success", {"outcome": "idle"})
