"""One shard, whoever answers it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from foreverus.aws.s3 import ObjectNotThere
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Completion, Prompt
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.records import LineError
from foreverus.batches.shards.lookahead import LookAhead
from foreverus.batches.shards.resources import ShardJob, ShardResources
from foreverus.batches.shards.run import ShardRun, StopReason
from foreverus.batches.store import BatchStore
from foreverus.errors import EngineFailed
from foreverus.worker.contact import Contact, RunInline
from tests.unit.batches.altering import alter
from tests.unit.batches.shards.harness import KEY, REF, asked, line, results, submit
from tests.unit.worker.harness import in_jumping_time

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
T = TypeVar("T")


class Slots:
    """`Admission` to so many slots."""

    def __init__(self, slots: int = 4):
        self.free = asyncio.Semaphore(slots)
        self.alone: list[bool] = []

    async def run(self, work: Callable[[], Awaitable[T]], alone: bool) -> T:
        async with self.free:
            self.alone.append(alone)
            return await work()


class Shard:
    """The first shard of a batch of its own, and who answers it."""

    def __init__(self, lines: list[bytes], backend: MemoryEngine | None = None, alive: bool = True):
        self.batches, self.objects = MemoryBatches(), MemoryObjects(lambda: NOW)
        self.backend = backend or MemoryEngine(seconds_per_token=0.1)
        self.slots = Slots()
        self.heard: list[int] = []
        submit(self.batches, self.objects, lines, len(lines))

        async def lives(suspicion: str) -> bool:
            return alive

        self.resources = ShardResources(
            answered_by="ses_1",
            backend=self.backend,
            admission=self.slots,
            backend_lives=lives,
            batches=self.batches,
            objects=self.objects,
            run_blocking=RunInline(Contact()),
            clock=lambda: NOW,
            slots=4,
            on_recorded=lambda results: self.heard.extend(one.line for one in results),
        )

    def begin(self) -> ShardRun:
        (shard,) = self.batches.shards(REF.batch_id)
        return ShardRun(self.resources, ShardJob(REF, 1, shard, KEY), LookAhead(4).reserve())


ENGINE_FAILED = "The model's engine failed each time it was asked this."


def lines(count: int) -> list[bytes]:
    return [line(n, f"q{n}", max_tokens=10) for n in range(1, count + 1)]


@in_jumping_time
async def test_every_line_is_finished_and_heard_of_once() -> None:
    shard = Shard(lines(10))
    assert await shard.begin().run() is StopReason.FINISHED
    assert results(shard.batches).keys() == set(range(1, 11)) == set(shard.heard) and len(shard.heard) == 10
    assert shard.batches.result_writes < 10, "they were written in groups"


@in_jumping_time
async def test_blank_lines_are_skipped_and_numbers_are_those_of_the_file() -> None:
    shard = Shard([lines(1)[0], b"\r\n", b"   \n", line(4, "q4").replace(b"\n", b"\r\n")])
    assert await shard.begin().run() is StopReason.FINISHED
    assert results(shard.batches).keys() == {1, 4}


@in_jumping_time
async def test_shard_of_blank_lines_is_done() -> None:
    shard = Shard([b"\n", b" \n"])
    assert await shard.begin().run() is StopReason.FINISHED
    assert shard.batches.shards(REF.batch_id)[0].is_done


@in_jumping_time
async def test_line_that_two_engines_died_of_is_not_asked_and_one_that_one_died_of_is_asked_last_and_alone() -> None:
    shard = Shard(lines(6))
    for number, engines in ((2, 2), (3, 1)):
        for _ in range(engines):
            shard.batches.suspect(REF.batch_id, 0, number)
    assert await shard.begin().run() is StopReason.FINISHED
    asked_for = [asked(prompt) for prompt in shard.backend.prompts]
    assert "q2" not in asked_for and asked_for[-1] == "q3" and shard.slots.alone == [False] * 4 + [True]
    assert results(shard.batches)[2].error == LineError("engine_failed", ENGINE_FAILED)


@in_jumping_time
async def test_lines_of_an_engine_that_dies_are_suspects_and_those_that_wait_are_not() -> None:
    class Dying(MemoryEngine):
        async def complete(self, prompt: Prompt) -> Completion:
            self.prompts.append(prompt)
            await asyncio.sleep(1 if asked(prompt) == "q1" else 100)
            raise EngineFailed("ReadError")

    shard = Shard(lines(10), Dying(), alive=False)
    run = shard.begin()
    running = asyncio.create_task(run.run())
    await asyncio.sleep(5)
    assert len(shard.backend.prompts) == 4, "nobody is sent into an engine that may be dead"
    run.stop(StopReason.ENGINE_DIED)
    assert await running is StopReason.ENGINE_DIED
    assert shard.batches.suspected == {(REF.batch_id, 0): dict.fromkeys((1, 2, 3, 4), 1)}


@in_jumping_time
async def test_run_that_starts_no_more_ends_with_what_is_in_the_engine() -> None:
    shard = Shard(lines(10))
    run = shard.begin()
    running = asyncio.create_task(run.run())
    await asyncio.sleep(0.1)
    assert shard.backend.running == 4
    run.stop(StopReason.TIME_UP)
    assert await running is StopReason.TIME_UP
    assert len(results(shard.batches)) == 4
    assert shard.batches.shards(REF.batch_id)[0].completed == 4


@in_jumping_time
async def test_harder_reason_replaces_a_gentler_one_and_never_the_other_way_round() -> None:
    shard = Shard(lines(10), MemoryEngine(seconds_per_token=10.0))
    run = shard.begin()
    running = asyncio.create_task(run.run())
    await asyncio.sleep(1)
    run.stop(StopReason.TIME_UP)
    await asyncio.sleep(1)
    assert shard.backend.running == 4
    run.stop(StopReason.ENGINE_DIED)
    run.stop(StopReason.HANDED_BACK)
    assert await running is StopReason.ENGINE_DIED and shard.backend.running == 0
    assert shard.batches.suspected == {(REF.batch_id, 0): dict.fromkeys((1, 2, 3, 4), 1)}


@in_jumping_time
async def test_batch_that_moved_on_ends_the_run_and_keeps_what_is_finished() -> None:
    shard = Shard(lines(10), MemoryEngine(seconds_per_token=0.5))
    running = asyncio.create_task(shard.begin().run())
    await asyncio.sleep(3)
    alter(shard.batches, REF, round=2)
    assert await running is StopReason.SUPERSEDED and asyncio.get_running_loop().time() < 3 + 2.5
    assert len(results(shard.batches)) == len(shard.heard) > 0


@in_jumping_time
async def test_run_that_is_stopped_before_it_has_read_asks_nothing() -> None:
    for reason in (StopReason.TIME_UP, StopReason.HANDED_BACK):
        shard = Shard(lines(10))
        run = shard.begin()
        running = asyncio.create_task(run.run())
        await asyncio.sleep(0)
        run.stop(reason)
        assert await running is reason and not shard.backend.prompts


@in_jumping_time
async def test_object_that_is_gone_is_an_error_for_whoever_runs_it() -> None:
    shard = Shard(lines(2))
    shard.objects.delete(KEY)
    with pytest.raises(ObjectNotThere):
        await shard.begin().run()


@in_jumping_time
async def test_progress_is_kept_while_the_shard_runs() -> None:
    shard = Shard(lines(40), MemoryEngine(lambda prompt: ["word "] * 5, seconds_per_token=0.2))
    running = asyncio.create_task(shard.begin().run())
    await asyncio.sleep(5)
    (kept,) = shard.batches.shards(REF.batch_id)
    assert 10 <= kept.completed <= 16 and not kept.is_done
    assert kept.slot_seconds["ses_1"] >= 10
    assert await running is StopReason.FINISHED


def test_finished_lines_fit_into_the_table(aws: Any) -> None:
    @in_jumping_time
    async def run() -> None:
        shard = Shard(lines(30))
        store = BatchStore(aws.items)
        store.create(shard.batches.records[REF])
        store.put_shards(REF.batch_id, shard.batches.shards(REF.batch_id))
        shard.resources = replace(shard.resources, batches=store)
        assert await shard.begin().run() is StopReason.FINISHED
        (kept,) = store.shards(REF.batch_id)
        assert (kept.completed, kept.is_done) == (30, True) and kept.slot_seconds["ses_1"] > 1
        assert store.finished(REF.batch_id, 0).results[30].text == "You said: q30"

    run()
