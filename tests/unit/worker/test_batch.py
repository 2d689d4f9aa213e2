"""Batches in the worker: slots stay full, every line is finished once, chat goes first, and a batch ends by itself."""

import asyncio
import json
from dataclasses import replace

import pytest

from foreverus.batches.records import BatchStatus, LineResult, sessions_of
from tests.unit.batches.altering import alter
from tests.unit.batches.shards.harness import REF, asked, line, results, submit
from tests.unit.worker.batches import DONE, CountingEngine, beside, comes_back, is_done, use_engine, world_with
from tests.unit.worker.harness import World, ends, in_jumping_time, until


@in_jumping_time
async def test_batch_is_answered_and_the_round_is_told_so() -> None:
    world = world_with(lines=25)
    async with world.worker() as worker:
        await until(lambda: DONE in world.tasks.results)
        await until(lambda: world.batch.is_empty)
        assert await ends(worker) == 0
    lines = results(world.batches)
    assert lines.keys() == set(range(1, 26))
    assert replace(lines[7], at="") == LineResult(7, "c7", "ses_1", "", "word " * 5, "stop", 1, 5)
    shards = world.batches.shards(REF.batch_id)
    assert [shard.completed for shard in shards] == [10, 10, 5] and is_done(world.batches)
    spent = sum(shard.slot_seconds["ses_1"] for shard in shards)
    assert spent == pytest.approx(world.engine.slot_seconds) == pytest.approx(25 * 0.5)  # type: ignore[attr-defined]
    assert sessions_of(world.batches.records[REF], world.batches.shards(REF.batch_id)) == {"ses_1"}
    assert (world.mailbox.counted.lines, world.mailbox.counted.completion_tokens) == (25, 125)
    assert world.tasks.results.count(DONE) == 1
    assert world.result == ("success", {"outcome": "idle"}), "the promise of a batch keeps no idle worker"


@in_jumping_time
async def test_slots_stay_full_across_the_ends_of_shards() -> None:
    world = world_with(lines=200, a_shard=10, engine=CountingEngine(0.05, words=4), engine_slots=8)
    async with world.worker():
        await until(lambda: world.engine.running == 8)
        began = asyncio.get_running_loop().time()
        await until(lambda: len(world.engine.whole) == 192)  # type: ignore[attr-defined]
        took = asyncio.get_running_loop().time() - began
        await until(lambda: is_done(world.batches))
    ideal = 192 / 8 * 0.2
    assert ideal - 1e-9 <= took <= ideal / 0.97
    assert world.engine.most_running == 8


@in_jumping_time
async def test_worker_takes_no_more_shards_than_it_needs_to_stay_busy() -> None:
    world = world_with(lines=400, a_shard=50, engine=CountingEngine(0.5), engine_slots=4)
    async with world.worker():
        await until(lambda: len(world.engine.whole) > 10)  # type: ignore[attr-defined]
        assert len(world.batch.hidden) == 1
        await until(lambda: len(world.engine.whole) > 45)  # type: ignore[attr-defined]
        assert len(world.batch.hidden) == 2


@in_jumping_time
async def test_longest_lines_of_a_shard_begin_first() -> None:
    world = World(engine_slots=2)
    use_engine(world, CountingEngine())
    texts = [line(n, f"q{n}", max_tokens=n) for n in (10, 500, 20, 400)]
    world.batch.put(submit(world.batches, world.objects, texts, 4)[0])
    async with world.worker():
        await until(lambda: is_done(world.batches))
    assert [asked(prompt) for prompt in world.engine.prompts[-4:]] == ["q500", "q400", "q20", "q10"]


@in_jumping_time
async def test_killed_workers_lines_are_answered_by_the_next_one_and_few_of_them_twice() -> None:
    engine = CountingEngine()
    world = world_with(lines=60, a_shard=20, engine=engine)
    async with world.worker():
        await until(lambda: len(results(world.batches)) >= 27)
    comes_back(world.batch)  # the worker was cancelled in the middle of everything
    known = set(results(world.batches))
    successor = beside(world)
    async with successor.worker():
        await until(lambda: DONE in successor.tasks.results)
    assert results(world.batches).keys() == set(range(1, 61))
    questions = [asked(prompt) for prompt in engine.prompts if asked(prompt).startswith("q")]
    assert not {f"q{n}" for n in known} & set(questions[len(known) + 4 :]), "what is finished is not asked again"
    assert len(engine.whole) - 60 <= 4 and len(questions) - 60 <= 2 * 4
    assert sum(shard.completed for shard in world.batches.shards(REF.batch_id)) == 60


@in_jumping_time
async def test_shard_that_two_workers_hold_has_every_line_once() -> None:
    world = world_with(lines=20, a_shard=20)
    other = beside(world)
    world.batch.waiting *= 2
    async with world.worker(), other.worker():
        await until(lambda: is_done(world.batches) and world.batch.is_empty)
    assert results(world.batches).keys() == set(range(1, 21))
    (shard,) = world.batches.shards(REF.batch_id)
    assert (shard.completed, shard.failed, shard.completion_tokens) == (20, 0, 100)
    assert DONE in world.tasks.results + other.tasks.results


@in_jumping_time
async def test_two_workers_share_a_batch() -> None:
    world = world_with(lines=160, a_shard=10)
    other = beside(world, "ses_2")
    use_engine(other, CountingEngine())
    began = asyncio.get_running_loop().time()
    async with world.worker(), other.worker():
        await until(lambda: is_done(world.batches))
        took = asyncio.get_running_loop().time() - began
    assert took < 160 / 8 * 0.5 * 1.25
    assert results(world.batches).keys() == set(range(1, 161))
    assert len(world.engine.whole) + len(other.engine.whole) == 160  # type: ignore[attr-defined]
    assert sessions_of(world.batches.records[REF], world.batches.shards(REF.batch_id)) == {"ses_1", "ses_2"}


@in_jumping_time
async def test_crash_between_the_last_line_and_the_token_is_made_good_by_the_next_delivery() -> None:
    world = world_with(lines=10)
    world.tasks.open.discard("round-1")
    message = world.batch.waiting[0].body
    async with world.worker():
        await until(lambda: is_done(world.batches) and world.batch.is_empty)
    world.tasks.open.add("round-1")
    world.batch.put(message)
    successor = beside(world)
    async with successor.worker():
        await until(lambda: DONE in successor.tasks.results)
    assert len(world.engine.whole) == 10, "nothing was asked again"  # type: ignore[attr-defined]


@in_jumping_time
async def test_messages_of_other_rounds_and_of_batches_that_are_over_are_dropped() -> None:
    world = world_with(lines=10)
    body = json.loads(world.batch.waiting.pop().body)
    for change in ({"round": 0}, {"round": 2}, {"batch_id": "batch_gone"}, {"shard": 99}):
        world.batch.put(json.dumps(body | change))
    world.batch.put('{"kind": "shard"}')
    async with world.worker():
        await until(lambda: world.batch.is_empty)
        alter(world.batches, REF, status=BatchStatus.CANCELLING)
        world.batch.put(json.dumps(body))
        await until(lambda: world.batch.is_empty)
    assert not results(world.batches) and world.tasks.results[-1][0] == "boot-token"


@in_jumping_time
async def test_cancelled_batch_leaves_the_engine_within_seconds_and_the_queue_empty() -> None:
    world = world_with(lines=40, engine=CountingEngine(1.0, words=30))
    async with world.worker():
        await until(lambda: world.engine.running == 4)
        alter(world.batches, REF, status=BatchStatus.CANCELLING)
        await until(lambda: world.engine.running == 0, within_s=2.5)
        await until(lambda: world.batch.is_empty, within_s=5)
    assert len(results(world.batches)) == 0


@in_jumping_time
async def test_round_that_moved_on_keeps_what_was_finished() -> None:
    world = world_with(lines=40, engine=CountingEngine(0.1, words=10))
    async with world.worker():
        await until(lambda: len(world.engine.whole) >= 12)  # type: ignore[attr-defined]
        alter(world.batches, REF, round=2)
        await until(lambda: world.batch.is_empty, within_s=5)
        answered = len(world.engine.whole)  # type: ignore[attr-defined]
    assert len(results(world.batches)) == answered and not is_done(world.batches)
    assert world.tasks.results[-1][0] == "boot-token", "the new round has a token of its own"


@in_jumping_time
async def test_chat_beside_a_batch_that_fills_the_engine_has_a_slot_at_once() -> None:
    world = world_with(lines=100, a_shard=50, engine=CountingEngine(1.0, words=20), engine_slots=8)
    world.subscribe()
    async with world.worker():
        await until(lambda: world.engine.running == 8)
        asked_at = asyncio.get_running_loop().time()
        first = world.ask("hello", max_tokens=3)
        await until(lambda: bool(world.push.text_of("c1")))
        assert asyncio.get_running_loop().time() - asked_at < 1.0 + 0.5, "one token, one poll and two reads"
        await world.answered(first)
        await until(lambda: world.engine.running == 6)
        second = world.ask("again", message_id="msg_2", max_tokens=3)
        await world.answered(second)
        assert world.engine.most_running == 8
        await until(lambda: is_done(world.batches))
    assert results(world.batches).keys() == set(range(1, 101))
    assert world.batch.hidings.count(0) == 0, "no shard was handed back for it"
    twice = len(world.engine.prompts) - 100 - 2
    assert twice <= 1 + 1, "the boot's own completion, and the one line that had to yield"


@in_jumping_time
async def test_idle_worker_with_a_batchs_promise_ends_as_idle() -> None:
    world = world_with(lines=10)
    world.batches.offer(REF, 1, "round-1", world.ports.clock())
    async with world.worker() as worker:
        await until(lambda: DONE in world.tasks.results)
        idle_since = asyncio.get_running_loop().time()
        assert await ends(worker) == 0
        assert 60 <= asyncio.get_running_loop().time() - idle_since < 75
