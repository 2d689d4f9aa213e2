"""People who chat on GPUs: 200 of them, on one of these and on four.

Four of our workers in this process, each before a paced engine of its own with eight answers at once, take from one
queue; everything of AWS is its twin in memory, as in bench/paced.py. How people's waiting buys the other GPUs, and how
the last ones end, is tested in the laptop's cloud; what is measured is that they share the work.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass

from bench import engine
from bench.figures import Figure, figure, shown
from bench.memory_worker import MemoryWorker, serving_with
from bench.paced import CONTEXT, MODEL, PACE, Talker, begins_after, length
from foreverus.backends.openai_http import OpenAiEngine
from foreverus.costs.scale import MOST_GPUS
from foreverus.metrics import Metrics

NAME = "scale_gpus"
SIZES = (50, 200)
SLOTS = 8
TURNS = 2
LEAST_SHARE = 0.5  # of its part, that each GPU has answered
MOST_GROWTH = 1.15


@dataclass(frozen=True, slots=True)
class Shared:
    """`answers`: by worker. `wrong`: people who have not exactly their answers. `left`: messages that nobody took."""

    people: int
    answers: tuple[int, ...]
    calls: int
    seconds: float
    wrong: int
    left: int
    waiting: int

    @property
    def calls_each(self) -> float:
        return self.calls / max(1, sum(self.answers))


class Listener(Talker):
    """A person who also hears what they should not: a second end of an answer."""

    ends: Counter[str]

    def _hear(self, frame: bytes) -> None:
        heard = json.loads(frame)
        if heard["type"] == "message":
            self.ends[heard["message"]["in_reply_to"]] += heard["message"]["status"] == "answered"
        super()._hear(frame)


def measure(sizes: Sequence[int] = SIZES) -> Iterator[Figure]:
    runs = [run(size, gpus) for size, gpus in ((sizes[0], 1), *((size, MOST_GPUS) for size in sizes))]
    for one, gpus in zip(runs[1:], [MOST_GPUS] * len(sizes), strict=True):
        yield from figures(one, gpus)
    yield figure(
        f"{NAME}_growth_calls",
        [runs[-1].calls_each / runs[0].calls_each],
        MOST_GROWTH,
        what=f"calls of AWS for each answer: {sizes[-1]} people on {MOST_GPUS} GPUs / {sizes[0]} on one",
        unit="x",
    )


def figures(one: Shared, gpus: int) -> Iterator[Figure]:
    who = f"{one.people} people on {gpus} GPUs"
    yield figure(
        f"{NAME}_wrong_{one.people}", [one.wrong], 0.0, what=f"people without their answers, {who}", unit="people"
    )
    yield figure(
        f"{NAME}_left_{one.people}", [one.left], 0.0, what=f"messages that nobody took, {who}", unit="messages"
    )
    share = min(one.answers) * gpus / sum(one.answers)
    yield figure(
        f"{NAME}_share_{one.people}",
        [share],
        LEAST_SHARE,
        what=f"answers of the GPU with the fewest / an equal part, {who}",
        unit="x",
        at_least=True,
        answers=one.answers,
    )
    yield shown(
        f"{NAME}_used_{one.people}", [sum(map(bool, one.answers))], what=f"GPUs that answered, {who}", unit="GPUs"
    )
    yield shown(
        f"{NAME}_calls_{one.people}", [one.calls_each], what=f"calls of AWS for each answer, {who}", unit="calls"
    )
    yield shown(
        f"{NAME}_waiting_{one.people}", [one.waiting], what=f"messages in hand or waiting, {who}", unit="messages"
    )
    yield shown(f"{NAME}_seconds_{one.people}", [one.seconds], what=f"the whole crowd, {who}", unit="s")


def run(people: int, gpus: int) -> Shared:
    with ExitStack() as open_:
        paced = [engine.running(pace=PACE, slots=SLOTS + 1, context=CONTEXT) for _ in range(gpus)]
        return asyncio.run(shared(people, [open_.enter_context(one)[0] for one in paced]))


async def shared(people: int, urls: Sequence[str]) -> Shared:
    """A worker for each engine; all of them have one queue, one table and one way to people."""
    engines = [OpenAiEngine(url, MODEL) for url in urls]
    workers = [MemoryWorker(one, SLOTS, CONTEXT) for one in engines]
    first, told = workers[0], [list[str]() for _ in workers]
    for worker, lines in zip(workers, told, strict=True):
        worker.ports.metrics = Metrics("bench", source="worker", write=lines.append)
        for name in ("answers", "pending", "push", "chat_queue", "requests", "demand"):
            setattr(worker.ports, name, getattr(first.ports, name))
    try:
        async with AsyncExitStack() as serving:
            for worker in workers:
                await serving.enter_async_context(serving_with(worker))
            outcome = await talks(first, people)
            calls = sum(one.calls.made for one in workers)
    finally:
        for each in engines:
            await each.aclose()
    answers = tuple(sum('"kind": "chat"' in line for line in lines) for lines in told)
    return Shared(people, answers, calls, *outcome)


async def talks(first: MemoryWorker, people: int) -> tuple[float, int, int, int]:
    """(seconds, people who have not exactly their answers, messages left, the most at once)."""
    here = most = 0

    async def talk(person: Listener) -> bool:
        nonlocal here, most
        person.ends = Counter()
        await asyncio.sleep(begins_after(person.number, people))
        for turn in range(TURNS):
            here += 1
            most = max(most, here)
            await person.ask(length(person.number, turn))
            here -= 1
        return len(person.ends) == TURNS and set(person.ends.values()) == {1}

    begun = asyncio.get_running_loop().time()
    good = await asyncio.gather(*(talk(Listener(first, number)) for number in range(people)))
    return asyncio.get_running_loop().time() - begun, good.count(False), len(first.chats.waiting), most
