"""Workers with a batch to answer, in memory."""

import asyncio
from dataclasses import replace
from typing import Any

from foreverus.aws.sqs import MemoryQueue
from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Completion, Prompt
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.records import all_done
from tests.unit.batches.shards.harness import REF, asked, line, reply, submit
from tests.unit.worker.harness import World

DONE = ("round-1", "success", {"outcome": "done"})


class CountingEngine(MemoryEngine):
    """Knows what was answered to the end, and how many slots were in use over time."""

    def __init__(self, seconds_per_token: float = 0.1, words: int = 5):
        super().__init__(reply(lambda content: ["word "] * words), seconds_per_token)
        self.whole: list[str] = []
        self.slot_seconds = 0.0

    async def complete(self, prompt: Prompt) -> Completion:
        began = asyncio.get_running_loop().time()
        try:
            answer = await super().complete(prompt)
        finally:
            self.slot_seconds += asyncio.get_running_loop().time() - began
        self.whole.append(asked(prompt))
        return answer


def world_with(lines: int = 40, a_shard: int = 10, engine: MemoryEngine | None = None, **settings: Any) -> World:
    world = World(**settings)
    use_engine(world, engine or CountingEngine())
    world.tasks.open.add("round-1")
    texts = [line(n, f"q{n}", max_tokens=50) for n in range(1, lines + 1)]
    for body in submit(world.batches, world.objects, texts, a_shard):
        world.batch.put(body)
    return world


def use_engine(world: World, engine: MemoryEngine) -> None:
    world.engine = world.ports.engine = engine


def beside(world: World, session_id: str = "ses_1", **settings: Any) -> World:
    """Another worker over the same table, bucket and queue; with another session's id, in a session of its own."""
    other = World(**settings)
    other.mailbox.change(session_id=session_id)
    other.instance.me = other.ports.me = replace(other.instance.me, session_id=session_id)
    other.batches = other.ports.batches = world.batches
    other.objects = other.ports.objects = world.objects
    other.batch = other.ports.batch_queue = world.batch
    use_engine(other, world.engine)
    other.tasks.open.add("round-1")
    return other


def comes_back(queue: MemoryQueue) -> None:
    """The visibility of what a killed worker held runs out."""
    queue.waiting += queue.hidden.values()
    queue.hidden.clear()


def is_done(batches: MemoryBatches) -> bool:
    return all_done(batches.shards(REF.batch_id))
