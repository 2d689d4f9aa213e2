"""A worker counts what its session costs."""

from datetime import timedelta
from typing import Any

from foreverus.backends.port import Health
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR, Budget, Caps
from foreverus.ids import timestamp
from tests.unit.conftest import launch
from tests.unit.worker.harness import START, World, ends, in_jumping_time, until

GPU_USD_PER_HOUR = 1.0 - BESIDE_GPU_USD_PER_HOUR  # so that an hour costs one dollar


def budget(session_usd: float = 100, monthly_usd: float = 100, month_usd: float = 0, **changes: Any) -> Budget:
    bought = launch(
        **{
            "launched_at": timestamp(START),
            "price_per_hour_usd": GPU_USD_PER_HOUR,
            "price_source": "test",
            "instance_id": "i-1",
            **changes,
        }
    )
    return Budget((bought,), Caps(monthly_usd, session_usd), month_usd)


@in_jumping_time
async def test_session_gives_notice_at_80_percent_and_ends_at_its_cap() -> None:
    world = World(idle_seconds=7200, max_session_seconds=28800)
    world.mailbox.change(budget=budget(session_usd=1.0))
    world.polls.latency_s = 1.0  # nobody asks anything
    async with world.worker() as worker:
        await until(lambda: bool(world.mailbox.notices), every_s=1.0)
        assert 48 * 60 <= (world.ports.clock() - START).total_seconds() <= 48 * 60 + 10
        assert await ends(worker) == 0
    assert world.mailbox.notices == [(80, "session"), (100, "session")]
    assert world.ports.clock() - START <= timedelta(hours=1, seconds=15)
    assert world.result == ("success", {"outcome": "spend_cap"})


@in_jumping_time
async def test_answer_in_work_is_finished_before_the_session_ends_at_its_cap() -> None:
    world = World(max_session_seconds=28800)
    world.mailbox.change(budget=budget(session_usd=0.05))  # three minutes
    async with world.worker() as worker:
        world.engine.seconds_per_token = 90.0  # and the answer has three words
        request = world.ask("one two three four")
        answer = await world.answered(request)
        assert await ends(worker) == 0
    assert answer["content"] == "You said: one two three four"
    assert world.result == ("success", {"outcome": "spend_cap"})


@in_jumping_time
async def test_what_the_month_had_cost_before_counts() -> None:
    world = World(idle_seconds=7200, max_session_seconds=28800)
    world.mailbox.change(budget=budget(monthly_usd=20, month_usd=19.5))
    world.polls.latency_s = 1.0  # nobody asks anything
    async with world.worker() as worker:
        assert await ends(worker) == 0
    assert world.mailbox.notices == [(80, "month"), (100, "month")]
    assert world.ports.clock() - START <= timedelta(minutes=31)


@in_jumping_time
async def test_price_that_nobody_noted_is_counted_at_its_list_price() -> None:
    world = World(idle_seconds=7200, max_session_seconds=28800)
    unpriced = budget(session_usd=0.5, price_source=None, instance_type="x9.unheard-of")
    world.mailbox.change(budget=unpriced)
    async with world.worker() as worker:
        assert await ends(worker) == 0
    assert world.result == ("success", {"outcome": "spend_cap"})
    assert world.ports.clock() - START < timedelta(minutes=30)  # at the dearest price that we know


@in_jumping_time
async def test_cap_that_is_reached_while_booting_ends_the_boot_in_its_name() -> None:
    world = World()
    world.engine.state = Health.LOADING
    world.mailbox.change(budget=budget(session_usd=0.02))
    async with world.worker(serving=False) as worker:
        assert await ends(worker) == 0
    assert world.result[0] == "SpendCapReached"


@in_jumping_time
async def test_notice_that_cannot_be_written_keeps_no_session_alive() -> None:
    world = World(idle_seconds=7200, max_session_seconds=28800)
    world.mailbox.change(budget=budget(session_usd=0.05))

    def broken(*_: Any) -> bool:
        raise ConnectionError

    world.mailbox.note_spend = broken  # type: ignore[method-assign]
    async with world.worker() as worker:
        assert await ends(worker) == 0
    assert world.result == ("success", {"outcome": "spend_cap"})
