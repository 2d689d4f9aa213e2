"""What grows with a batch's lines: validation, plan, the two files, and the memory of the worker that serves them.

In this process with the twins of table and bucket in memory, processor time for each line (of a plan: for each shard,
and it has a fixed part, so less than 1 is usual), the larger batch's against the smallest one's.
"""

import asyncio
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from bench.figures import Figure, figure
from bench.memory_worker import put_batch
from bench.processor import Stopwatch
from foreverus import ids
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Completion, Prompt
from foreverus.batches.assembly import Assembly
from foreverus.batches.input.file_check import SHARD_LINES
from foreverus.batches.input.validation import Validator
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.plan.estimates import Deployment
from foreverus.batches.plan.planner import Planner
from foreverus.batches.records import BatchStatus, LineResult
from foreverus.costs.prices import TokenPrice
from foreverus.costs.purse_memory import MemoryPurse
from foreverus.notifications.outbox import MemoryOutbox
from foreverus.sessions.records import Session
from tests.unit.worker.batches import is_done, world_with
from tests.unit.worker.harness import JumpingLoop, until

NAME = "batch_growth"
MODEL = "memory"
SMALLEST = 1_000
SIZES = (10_000, 50_000)
SAMPLES = 3
SLOTS = 64
MOST = 1.5
MOST_MEMORY = 2.0

Body = dict[str, Any]


class NoSessions:
    """A team that has never started one."""

    def live_session_ids(self) -> list[str]:
        return []

    def get(self, session_id: str) -> Session | None:
        return None

    def newest(self, limit: int) -> list[Session]:
        return []


def measure(sizes: Sequence[int] = SIZES, samples: int = SAMPLES) -> Iterator[Figure]:
    base = [steps(SMALLEST) for _ in range(samples)]
    memory = worker_memory(SMALLEST)
    for size in sizes:
        found = [steps(size) for _ in range(samples)]
        for step in base[0]:
            each = "shard" if step == "plan" else "line"
            yield figure(
                f"growth_batch_{step}_{size}",
                [large[step] / small[step] for large, small in zip(found, base, strict=True)],
                MOST,
                what=f"processor time of a batch's {step} for each {each}: {size:,} lines / {SMALLEST:,}",
                unit="x",
                us_each=[1e6 * one[step] for one in found],
            )
        peak = worker_memory(size)
        yield figure(
            f"growth_batch_memory_{size}",
            [peak / memory],
            MOST_MEMORY,
            what=f"what a worker holds at most while it serves a batch: {size:,} lines / {SMALLEST:,}",
            unit="x",
            peak_mb=peak / 1e6,
            peak_of_the_smallest_mb=memory / 1e6,
        )


def bodies(count: int) -> list[Body]:
    said = "tell me something about this number, and say why it is so, in two sentences"
    return [
        {"messages": [{"role": "user", "content": f"{n}: {said}."}], "max_tokens": 16 + n % 16} for n in range(count)
    ]


def steps(lines: int) -> dict[str, float]:
    """Seconds of the processor for each line, of a plan for each shard. Small batches are taken more often."""
    repeats = max(1, 4_000 // lines)
    spent = dict.fromkeys(("validation", "plan", "files"), 0.0)
    for _ in range(repeats):
        for name, seconds in Steps(lines).run().items():
            spent[name] += seconds / repeats
    shards = lines / SHARD_LINES
    return {name: seconds / (shards if name == "plan" else lines) for name, seconds in spent.items()}


class Steps:
    """A batch's way beside the worker's, each step on the processor's clock."""

    def __init__(self, lines: int):
        self.store, self.objects = MemoryBatches(), MemoryObjects(_now)
        self.ref = put_batch(self.store, self.objects, MODEL, bodies(lines), 1)

    def run(self) -> dict[str, float]:
        validator = Validator(self.store, self.objects, MemoryOutbox(), MODEL, _now)
        taken = {"validation": cpu_of(lambda: validator.run(self.ref))}
        deployment = Deployment(
            region="us-east-1",
            instance_types=("g6.xlarge",),
            idle_seconds=300.0,
            max_gpus=1,
            bedrock_model_id="",
            bedrock_calls=8,
            bedrock_price=TokenPrice(0.15, 0.20, "bench"),
        )
        planner = Planner(self.store, NoSessions(), MemoryPurse(20.0), deployment, _now)
        taken["plan"] = cpu_of(lambda: planner.plan(self.ref))
        at = ids.timestamp(_now())
        for shard in self.store.shards(self.ref.batch_id):
            numbers = range(shard.first_line, shard.first_line + shard.lines)
            results = [LineResult(n, f"line-{n - 1}", "ses_1", at, "word " * 20, "stop", 30, 20) for n in numbers]
            self.store.keep_results(self.ref.batch_id, shard.number, results, _now())
        taken["files"] = cpu_of(self._assemble)
        return taken

    def _assemble(self) -> None:
        batch = self.store.get(self.ref)
        assert batch is not None
        with self.objects.writer("output") as output, self.objects.writer("errors") as errors:
            totals = Assembly(batch, BatchStatus.COMPLETED, self.store, self.objects).write(output, errors)
        if totals.completed != batch.total:
            raise RuntimeError(f"{totals.completed} of {batch.total} lines are in the files")


def worker_memory(lines: int) -> float:
    """Bytes that a worker's serving adds at most to what there was before. On the clock that jumps: lines take a second
    each, as the worker sees it, so it reads ahead as it does on a GPU."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(_worker_memory(lines))


async def _worker_memory(lines: int) -> float:
    world = world_with(lines, SHARD_LINES, Steady(), engine_slots=SLOTS)
    world.batches.keep_results = _forget  # type: ignore[method-assign, assignment]  # the twin's is not the worker's
    async with world.worker():
        tracemalloc.start()
        try:
            await until(lambda: is_done(world.batches), every_s=1.0)
            return float(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()


def _forget(*_: Any) -> None:
    pass


class Steady(MemoryEngine):
    """A second for each line. It does not remember what it was asked."""

    async def complete(self, prompt: Prompt) -> Completion:
        await asyncio.sleep(1.0)
        return Completion("One word, and another one.", "stop", 30, 6)


def cpu_of(work: Callable[[], object]) -> float:
    watch = Stopwatch()
    work()
    return watch.read().cpu_s


def _now() -> datetime:
    return datetime.now(UTC)
