"""Batches in the worker, when something goes wrong: no line is lost or doubled, and innocent lines are answered."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Completion, Health, Prompt
from foreverus.concurrency import first_of, stop
from foreverus.errors import EngineBusy, EngineFailed, PromptRejected
from foreverus.worker.instance import SpotNotice
from foreverus.worker.shutdown import spot_interrupted
from tests.unit.batches.shards.harness import REF, asked, results
from tests.unit.worker.batches import DONE, CountingEngine, beside, is_done, use_engine, world_with
from tests.unit.worker.harness import World, ends, in_jumping_time, until


class PoisonedEngine(CountingEngine):
    """Dies when it is asked the poison, a moment after it has begun; every other line in it breaks off with it."""

    def __init__(self, poison: str = "q7") -> None:
        super().__init__(0.1, words=10)
        self.poison = poison
        self.dead = asyncio.Event()
        self.most_beside = 0  # other lines in the engine when it died

    async def complete(self, prompt: Prompt) -> Completion:
        if asked(prompt) == self.poison and not self.dead.is_set():
            await asyncio.sleep(0.45)
            self.most_beside = self.running
            self.state = Health.UNREACHABLE
            self.dead.set()
        answering = asyncio.ensure_future(super().complete(prompt))
        dying = asyncio.ensure_future(self.dead.wait())
        try:
            await first_of(answering, dying)
            if self.dead.is_set():
                raise EngineFailed("The engine did not answer: ReadError")
            return answering.result()
        finally:
            await stop(answering, dying)


def failing(world: World, name: str, times: int) -> None:
    """The table's next calls of that name fail."""
    real, left = getattr(world.batches, name), [times]

    def call(*args: Any, **kwargs: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise ConnectionError(f"DynamoDB does not take {name}")
        return real(*args, **kwargs)

    setattr(world.batches, name, call)


def questions(engine: MemoryEngine) -> Counter[str]:
    return Counter(asked(prompt) for prompt in engine.prompts if asked(prompt).startswith("q"))


@in_jumping_time
async def test_poison_line_that_kills_two_engines_ends_as_its_own_error_and_no_other_does() -> None:
    world = world_with(lines=40, a_shard=20, engine=PoisonedEngine())
    async with world.worker() as worker:
        assert await ends(worker, within_s=60) == 1
    assert world.result[0] == "EngineFailed" and world.batch.waiting
    suspects = world.batches.finished(REF.batch_id, 0).suspects
    assert set(suspects.values()) == {1} and 7 in suspects and len(suspects) <= 4

    second = beside(world)
    use_engine(second, engine := PoisonedEngine())
    async with second.worker() as worker:
        assert await ends(worker, within_s=120) == 1
    assert engine.most_beside == 0, "a suspect is asked alone"
    line = results(world.batches)[7]
    assert line.error and line.error.code == "engine_failed" and not line.text

    third = beside(world)
    use_engine(third, PoisonedEngine(poison="none is left"))
    async with third.worker():
        await until(lambda: DONE in third.tasks.results, within_s=120)
    assert "q7" not in questions(third.engine)
    lines = results(world.batches)
    assert lines.keys() == set(range(1, 41)) and [n for n, one in lines.items() if one.error] == [7]
    assert sum(shard.failed for shard in world.batches.shards(REF.batch_id)) == 1


@in_jumping_time
async def test_poison_line_that_was_the_last_one_needs_no_third_gpu() -> None:
    world = world_with(lines=1, engine=PoisonedEngine("q1"))
    async with world.worker() as worker:
        await ends(worker, within_s=60)
    second = beside(world)
    use_engine(second, PoisonedEngine("q1"))
    async with second.worker() as worker:
        await ends(worker, within_s=60)
    assert is_done(world.batches) and DONE in second.tasks.results


@in_jumping_time
async def test_line_that_the_engine_refuses_or_fails_on_is_an_error_and_the_others_are_answered() -> None:
    class Picky(CountingEngine):
        async def complete(self, prompt: Prompt) -> Completion:
            if asked(prompt) == "q3":
                self.prompts.append(prompt)
                raise PromptRejected("The prompt is longer than the model's context.", "context_length_exceeded")
            if asked(prompt) == "q4":
                self.prompts.append(prompt)
                raise EngineFailed("The engine answered 500: no")
            return await super().complete(prompt)

    world = world_with(lines=10, engine=Picky())
    async with world.worker() as worker:
        await until(lambda: DONE in world.tasks.results)
        assert not worker.done()
    lines = results(world.batches)
    assert {n: one.error.code for n, one in lines.items() if one.error} == {
        3: "context_length_exceeded",
        4: "engine_failed",
    }
    assert (questions(world.engine)["q3"], questions(world.engine)["q4"]) == (1, 3)
    (shard,) = world.batches.shards(REF.batch_id)
    assert (shard.completed, shard.failed, shard.is_done) == (8, 2, True)


@in_jumping_time
async def test_busy_engine_is_asked_again_and_less_and_less() -> None:
    class Busy(CountingEngine):
        refused = 0

        async def complete(self, prompt: Prompt) -> Completion:
            if asyncio.get_running_loop().time() < 60:
                self.refused += 1
                raise EngineBusy("The engine answered 429.")
            return await super().complete(prompt)

    engine = Busy()
    world = world_with(lines=10, engine=engine)
    async with world.worker():
        await until(lambda: DONE in world.tasks.results)
    assert len(results(world.batches)) == 10 and not [one for one in results(world.batches).values() if one.error]
    assert engine.refused < 4 * 15


@in_jumping_time
async def test_lines_that_fail_once_are_answered_by_the_second_try() -> None:
    world = world_with(lines=10)
    async with world.worker():
        await until(lambda: world.engine.running == 4)
        for _ in range(4):
            world.engine.fail_next(EngineFailed("The engine answered 500: once"))
        await until(lambda: DONE in world.tasks.results)
    assert [one for one in results(world.batches).values() if one.error] == []
    assert not world.batches.suspected


@in_jumping_time
async def test_spot_notice_lets_lines_end_that_can_and_hands_the_shard_back() -> None:
    engine = CountingEngine(1.0, words=10)
    world = world_with(lines=40, a_shard=20, engine=engine)
    async with world.worker() as worker:
        await until(lambda: len(engine.whole) >= 5)
        world.instance.notice = SpotNotice("terminate", world.ports.clock() + timedelta(seconds=120))
        assert await ends(worker, within_s=40) == 0
    assert world.result[0] == "SpotInterrupted"
    assert len(results(world.batches)) == len(engine.whole) == sum(questions(engine).values()), "nothing was cut off"
    assert world.batch.waiting and not world.batch.hidden and not is_done(world.batches)


@in_jumping_time
async def test_spot_notice_does_not_wait_for_lines_that_cannot_end() -> None:
    engine = CountingEngine(6.0, words=50)
    world = world_with(lines=8, engine=engine)
    async with world.worker() as worker:
        await until(lambda: engine.running == 4)
        await asyncio.sleep(80)
        world.instance.notice = SpotNotice("terminate", world.ports.clock() + timedelta(seconds=60))
        assert await ends(worker, within_s=30) == 0
    assert not results(world.batches) and world.batch.waiting


@in_jumping_time
async def test_sigterm_saves_what_is_finished_and_gives_the_shard_back_at_once() -> None:
    engine = CountingEngine(0.5)
    world = world_with(lines=20, a_shard=20, engine=engine)
    async with world.worker() as worker:
        await until(lambda: len(engine.whole) >= 6)
        world.shutdown.begin(spot_interrupted("The worker got SIGTERM."))
        assert await ends(worker, within_s=5) == 0
    assert len(results(world.batches)) == len(engine.whole) and world.batch.waiting
    assert world.mailbox.counted.lines == len(engine.whole)
    assert world.batches.shards(REF.batch_id)[0].completed == len(engine.whole)
    assert not world.batches.suspected, "nobody suspects lines of an engine that lives"


@in_jumping_time
async def test_session_that_a_person_ends_finishes_the_lines_in_the_engine_and_starts_no_other() -> None:
    engine = CountingEngine(0.5)
    world = world_with(lines=40, a_shard=20, engine=engine)
    async with world.worker() as worker:
        await until(lambda: len(engine.whole) >= 6)
        started = len(engine.prompts)
        world.mailbox.change(end_requested=True)
        assert await ends(worker, within_s=10) == 0
    assert len(engine.prompts) - started <= 4, "the second between the click and the look at the mailbox"
    assert len(results(world.batches)) == len(engine.whole) == sum(questions(engine).values())
    assert world.batch.waiting and world.result == ("success", {"outcome": "ended"})


@pytest.mark.parametrize("slots", [1, 4])
def test_engine_that_hangs_ends_the_session_and_its_lines_are_suspects(slots: int) -> None:
    @in_jumping_time
    async def hang() -> None:
        engine = CountingEngine()
        world = world_with(lines=20, engine=engine, engine_slots=slots)
        async with world.worker() as worker:
            await until(lambda: len(engine.whole) >= 6)
            engine.seconds_per_token = 1_000_000.0
            assert await ends(worker, within_s=60 + 5 + 30 + 20) == 1
        assert world.result[0] == "EngineFailed"
        assert sum(len(lines) for lines in world.batches.suspected.values()) == slots, world.batches.suspected
        assert world.batch.waiting

    hang()


@pytest.mark.parametrize("slots", [1, 4])
def test_engine_that_writes_long_answers_is_not_taken_for_a_hung_one(slots: int) -> None:
    @in_jumping_time
    async def write() -> None:
        engine = CountingEngine(8.0, words=50)
        world = world_with(lines=8, engine=engine, engine_slots=slots, max_session_seconds=9000)
        world.polls.latency_s = 1.0  # there is one batch, and hours to write it
        async with world.worker():
            while DONE not in world.tasks.results:
                await asyncio.sleep(10)
        assert len(results(world.batches)) == 8
        assert sum(questions(engine).values()) <= 8 + 4, "it was doubted less and less"

    write()


@in_jumping_time
async def test_table_that_takes_no_lines_for_a_while_loses_none_and_stops_the_engine() -> None:
    engine = CountingEngine()
    world = world_with(lines=40, a_shard=40, engine=engine)
    async with world.worker():
        await until(lambda: len(results(world.batches)) >= 5)
        failing(world, "keep_results", 20)
        kept = len(results(world.batches))
        await asyncio.sleep(10)
        assert len(engine.whole) - kept <= 2 * 4, "two lines a slot at the most are in nobody's hands but ours"
        await until(lambda: DONE in world.tasks.results)
    assert len(results(world.batches)) == 40 and len(engine.whole) == 40


@pytest.mark.parametrize("name", ["get", "shards", "finished", "worked_on", "progress"])
def test_table_that_fails_for_a_while_delays_the_batch_and_nothing_else(name: str) -> None:
    @in_jumping_time
    async def delay() -> None:
        engine = CountingEngine()
        world = world_with(lines=20, engine=engine)
        failing(world, name, 3)
        async with world.worker():
            for _ in range(10):  # what could not be worked on is seen again when its five seconds are over
                await asyncio.sleep(10)
                world.batch.waiting += world.batch.hidden.values()
                world.batch.hidden.clear()
            await until(lambda: DONE in world.tasks.results)
        assert len(results(world.batches)) == 20 and len(engine.whole) == 20

    delay()


@in_jumping_time
async def test_count_whose_answer_was_lost_is_not_added_twice() -> None:
    world = world_with(lines=30, engine=CountingEngine(1.0))
    real, lost = world.mailbox.count_lines, [2]

    def count_lines(*args: Any) -> bool:
        counted = real(*args)
        if lost[0]:
            lost[0] -= 1
            raise ConnectionError("the answer was lost")
        return counted

    world.mailbox.count_lines = count_lines  # type: ignore[method-assign]
    async with world.worker() as worker:
        await until(lambda: DONE in world.tasks.results)
        await ends(worker)
    assert (world.mailbox.counted.lines, world.mailbox.counted.prompt_tokens) == (30, 30)
