"""How many shards a worker takes."""

import asyncio

from foreverus.batches.shards.lookahead import LookAhead
from tests.unit.worker.harness import in_jumping_time


@in_jumping_time
async def test_first_shards_fill_the_slots_twice_and_no_more() -> None:
    assert await LookAhead(8).wait_until_free() == 1
    assert await LookAhead(64).wait_until_free() == 2
    look = LookAhead(256)
    assert await look.wait_until_free() == 6
    shards = [look.reserve() for _ in range(6)]
    assert look.ready == 600, "an unread shard counts as a full one"
    shards[0].holds(range(12))
    assert look.ready == 512
    shards[0].started(3)
    shards[0].started(3)  # it had to yield, and begins again
    assert await look.wait_until_free() == 1


@in_jumping_time
async def test_next_shard_is_taken_while_two_turns_of_lines_are_ready() -> None:
    look = LookAhead(4)
    shard = look.reserve()
    shard.holds(range(20))
    waiting = asyncio.create_task(look.wait_until_free())
    for number in range(12):
        await asyncio.sleep(1)
        shard.started(number)
    await asyncio.sleep(1)
    assert not waiting.done()
    shard.started(12)
    assert await waiting == 1


@in_jumping_time
async def test_fast_lines_need_more_of_them_ready() -> None:
    look = LookAhead(4)
    shard = look.reserve()
    shard.holds(range(100))
    for number in range(50):
        await asyncio.sleep(0.02)
        shard.started(number)
    assert 45 <= look.wanted <= 55, "as many as start in a second"


@in_jumping_time
async def test_shard_that_was_already_done_makes_room() -> None:
    look = LookAhead(4)
    shard = look.reserve()
    waiting = asyncio.create_task(look.wait_until_free())
    await asyncio.sleep(1)
    assert not waiting.done()
    shard.release()
    shard.release()
    assert await waiting == 1


@in_jumping_time
async def test_lines_that_start_in_one_moment_are_no_reason_to_take_the_whole_batch() -> None:
    """Answers of one length end together, and the next lines start within a millisecond."""
    look = LookAhead(64)
    shards = [look.reserve() for _ in range(2)]
    for first, shard in enumerate(shards):
        shard.holds(range(100 * first, 100 * first + 100))
    for number in range(64):
        await asyncio.sleep(0.00001)
        shards[0].started(number)
    assert look.wanted == 128
