"""Each line that is in the table is measured once: gathered, told of many at once, and none lost when a run is cut."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Completion, Prompt
from foreverus.batches.records import LineError, LineResult
from foreverus.batches.shards.outcomes import GATHER_S, Outcomes
from foreverus.batches.shards.run import PROGRESS_S, StopReason
from foreverus.concurrency import stop
from foreverus.errors import EngineFailed, PromptRejected, is_failure
from foreverus.metrics import MOST_VALUES, Metrics
from tests.metrics_seen import metrics_of
from tests.unit.batches.shards.harness import asked, results
from tests.unit.batches.shards.test_run import Shard, lines
from tests.unit.worker.harness import in_jumping_time

CODES = ("", "engine_failed", "backend_busy", "content_filter", "context_length_exceeded")


def result(number: int, code: str) -> LineResult:
    return LineResult(number, f"c{number}", error=LineError(code, "why") if code else None)


def counted(found: Sequence[LineResult]) -> Counter[str]:
    codes = [one.error.code if one.error else "" for one in found]
    return Counter(code if is_failure(code) else "" for code in codes)


def told(said: Sequence[str]) -> Counter[str]:
    """How many lines ended in each code, as the metric's values say; the plain fields beside them say the same."""
    counts: Counter[str] = Counter()
    for text in said:
        fields = json.loads(text)
        ((_, _, values, _),) = metrics_of(text)
        error = fields.get("error", "")
        assert set(values) == {100.0 if error else 0.0} and len(values) <= MOST_VALUES
        assert (fields["requests"], fields["failed"]) == (len(values), len(values) if error else 0)
        assert (fields["backend"], fields["kind"]) == ("gpu", "line")
        counts[error] += len(values)
    return counts


@given(st.lists(st.one_of(st.none(), st.lists(st.sampled_from(CODES), max_size=250))))
def test_what_is_told_is_what_was_added_in_any_order(steps: list[list[str] | None]) -> None:
    """A step adds a group, or tells."""

    @in_jumping_time
    async def run() -> None:
        said: list[str] = []
        outcomes = Outcomes(Metrics("foreverus", write=said.append), "gpu")
        added: list[LineResult] = []
        for step in steps:
            if step is None:
                outcomes.tell()
                assert told(said) == counted(added)
            else:
                group = [result(len(added) + number, code) for number, code in enumerate(step)]
                added += group
                outcomes.add(group)
                assert told(said) <= counted(added)
                assert (counted(added) - told(said)).total() < MOST_VALUES, "a process that dies loses no more"
        outcomes.tell()
        assert told(said) == counted(added)

    run()


class Mixed(MemoryEngine):
    """Answers most lines; of some the engine fails, of others the prompt is refused."""

    async def complete(self, prompt: Prompt) -> Completion:
        number = int(asked(prompt)[1:])
        if number % 7 == 0:
            raise EngineFailed("The engine answered 500")
        if number % 5 == 0:
            raise PromptRejected("No.")
        return await super().complete(prompt)


class Measured(Shard):
    def __init__(self, count: int, seconds_per_token: float = 0.1):
        super().__init__(lines(count), Mixed(seconds_per_token=seconds_per_token))
        self.said: list[str] = []
        self.resources = replace(self.resources, metrics=Metrics("foreverus", write=self.said.append))

    @property
    def kept(self) -> Counter[str]:
        return counted(list(results(self.batches).values()))


@given(st.floats(0, 12), st.sampled_from([*StopReason][:-1]), st.booleans())
def test_what_a_cut_run_has_recorded_is_told(after: float, reason: StopReason, by_force: bool) -> None:
    """Stopped, as for a spot notice, or cancelled wherever it is; the next run tells of the rest, and of nothing
    twice."""

    @in_jumping_time
    async def run() -> None:
        shard = Measured(60)
        run = shard.begin()
        running = asyncio.create_task(run.run())
        await asyncio.sleep(after)
        if by_force:
            await stop(running)
        else:
            run.stop(reason)
            await running
        assert told(shard.said) == shard.kept
        assert await shard.begin().run() is StopReason.FINISHED
        assert told(shard.said) == shard.kept and shard.kept.total() == 60 and shard.kept["engine_failed"] == 8

    run()


@pytest.mark.parametrize(("seconds_per_token", "slots"), [(0.1, 4), (1.5, 1)])
@in_jumping_time
async def test_no_line_is_told_before_it_is_recorded_nor_long_after(seconds_per_token: float, slots: int) -> None:
    shard = Measured(200, seconds_per_token)
    shard.slots.free = asyncio.Semaphore(slots)
    running = asyncio.create_task(shard.begin().run())
    while not running.done():
        before = shard.kept
        await asyncio.sleep(GATHER_S + PROGRESS_S + 0.5)
        assert before <= told(shard.said) <= shard.kept
    assert told(shard.said) == shard.kept and shard.kept.total() == 200
    assert len(shard.said) * 2 < shard.batches.result_writes


@in_jumping_time
async def test_a_write_that_fails_and_is_repeated_is_told_once() -> None:
    shard = Measured(30)
    real, calls = shard.batches.keep_results, iter(range(1000))

    def flaky(*args: object) -> None:
        real(*args)  # type: ignore[arg-type]
        if next(calls) % 3 == 0:
            raise ConnectionError("it has landed, and nobody knows")

    shard.batches.keep_results = flaky  # type: ignore[method-assign]
    assert await shard.begin().run() is StopReason.FINISHED
    assert told(shard.said) == shard.kept and shard.kept.total() == 30
