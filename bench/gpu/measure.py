"""Our batch path against the same engine driven directly, and both against the floor that memory sets, by streams."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.gpu.engines import Engine
from bench.gpu.shapes import Shape
from bench.ideal import Driven, drive_async
from bench.memory_worker import Answered, serving

Body = dict[str, Any]
Report = dict[str, Any]

GOAL = 0.97
WORDS = ("river", "bridge", "letter", "harvest", "engine", "window", "market", "teacher", "island", "winter")


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked: at each number of streams, `turns` requests a stream (but `least` at least), answers between
    `shortest` and `longest` tokens, and `rounds` of each side."""

    turns: int
    least: int
    shortest: int
    longest: int
    rounds: int

    def requests(self, streams: int) -> int:
        return max(self.least, self.turns * streams)


FULL = Load(turns=6, least=12, shortest=96, longest=160, rounds=3)
SMALL = Load(turns=4, least=24, shortest=4, longest=12, rounds=2)


def questions(count: int, load: Load, seed: int) -> list[Body]:
    """Short prompts with answers of different lengths. Another seed gives others of the same lengths, in another order:
    no cache of the engine knows them, and both sides have as much to do."""
    noise = random.Random(seed)
    lengths = [load.shortest + n * (load.longest - load.shortest) // max(1, count - 1) for n in range(count)]
    noise.shuffle(lengths)
    return [
        {
            "model": "mistral",
            "messages": [
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": f"{seed}.{n}: write about a {' and a '.join(noise.choices(WORDS, k=3))}."},
            ],
            "max_tokens": length,
            "temperature": 0,
        }
        for n, length in enumerate(lengths)
    ]


def by_streams(engine: Engine, shape: Shape, bandwidth: float, streams: Sequence[int], load: Load) -> Iterator[Report]:
    """One report for each number of streams. `bandwidth`: bytes a second."""
    step_s = engine.weight_bytes / bandwidth
    for count in streams:
        ours, direct = asyncio.run(_in_turn(engine, shape, count, load))
        yield report(count, step_s, ours, direct)


async def _in_turn(engine: Engine, shape: Shape, streams: int, load: Load) -> tuple[list[Answered], list[Driven]]:
    """Rounds of both, in turn and each first as often, so that both see the same machine; one of each warms up."""
    ours: list[Answered] = []
    direct: list[Driven] = []
    count = load.requests(streams)
    async with serving(engine.url, engine.model, streams, shape.context) as worker:
        for number in range(load.rounds + 1):
            some, others = (questions(count, load, 1000 * streams + 2 * number + side) for side in (0, 1))
            if number % 2:
                ours.append(await worker.answer(some))
                direct.append(await drive_async(engine.url, others, streams))
            else:
                direct.append(await drive_async(engine.url, others, streams))
                ours.append(await worker.answer(some))
    return ours[1:], direct[1:]


def report(streams: int, step_s: float, ours: Sequence[Answered], direct: Sequence[Driven]) -> Report:
    """`ratio`: medians of tokens a second. `step_s`: the floor of one step of decoding, whatever the streams are."""
    our_rate, their_rate = (median(one.tokens_per_second for one in side) for side in (ours, direct))
    floor = streams / step_s
    ratio = our_rate / their_rate
    return {
        "streams": streams,
        "requests": [len(one.answers) + len(one.failed) for one in ours],
        "failed": sum(len(one.failed) for one in ours),
        "ratio": round(ratio, 3),
        "limit": GOAL,
        "good": ratio >= GOAL,
        "ours_tokens_per_s": [round(one.tokens_per_second, 1) for one in ours],
        "direct_tokens_per_s": [round(one.tokens_per_second, 1) for one in direct],
        "floor_step_ms": round(1000 * step_s, 4),
        "floor_tokens_per_s": round(floor, 1),
        "ours_of_floor": round(our_rate / floor, 4),
        "direct_of_floor": round(their_rate / floor, 4),
    }
