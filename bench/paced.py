"""Our worker against an ideal client, in front of an engine of a known speed: 28 tokens a second for each stream, as
vLLM gives on an L4. No model computes, so a machine's other load changes neither side's engine.

Everything that AWS gives a worker is its twin in memory here, each call of 5 ms as in the instance's region: an
emulator beside it would need more of the processor than the worker does. What boto3 takes on top is in `cloud.py`.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench import engine, ideal
from bench.figures import Figure, figure, percentile, ratios
from bench.gpu.measure import Load, questions
from bench.memory_worker import AWS_S, MemoryWorker, serving
from bench.processor import Spent, Stopwatch
from foreverus.aws.keys import conversation_topic

NAMES = ("paced_chats", "paced_batches")
PACE = 28.0  # tokens a second of each stream: an L4 with Mistral 7B AWQ and 16 streams
CONTEXT = 4096
MODEL = "paced"
PAIRS = 3
CHAT_STREAMS = (16, 64, 256)
BATCH_STREAMS = (64, 256)
TURNS = 2  # messages of each person
SHORTEST, LONGEST = 48, 96  # tokens of a chat's answer
LINES = Load(turns=6, least=1, shortest=24, longest=56, rounds=PAIRS)

LEAST_RATE = 0.95  # of the ideal client's tokens a second
LEAST_BATCH_RATE = 0.9  # of a batch of ten seconds, where 0.92 to 0.96 was measured; why it is not more is not known
MOST_P50, MOST_P99 = 2.0, 3.0  # of the ideal client's time to the first delta
# At their pace, these are a ninth, a third and all of one core; a g6.xlarge has four.
MOST_CHAT_CPU_MS = {16: 250.0, 64: 190.0, 256: 140.0}
MOST_LINE_CPU_MS = 40.0
MOST_CALLS = {16: 240.0, 64: 150.0, 256: 140.0}


@dataclass(frozen=True, slots=True)
class Side:
    """What one side of a pair has done. `first_s`: from each message to its first delta; none of batches."""

    tokens: int
    seconds: float
    spent: Spent
    aws_calls: int = 0
    first_s: tuple[float, ...] = ()

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds

    @property
    def cpu_ms_per_1000(self) -> float:
        return 1e6 * self.spent.cpu_s / self.tokens

    @property
    def aws_calls_per_1000(self) -> float:
        return 1e3 * self.aws_calls / self.tokens


def measure(names: Sequence[str], pairs: int = PAIRS) -> Iterator[Figure]:
    if "paced_chats" in names:
        for streams in CHAT_STREAMS:
            with engine.running(pace=PACE, slots=streams + 1, context=CONTEXT) as (url, _):
                yield from chat_figures(streams, *asyncio.run(chats_in_turn(url, streams, pairs)))
    if "paced_batches" in names:
        for streams in BATCH_STREAMS:
            with engine.running(pace=PACE, slots=streams + 1, context=CONTEXT) as (url, _):
                yield from batch_figures(streams, *asyncio.run(batches_in_turn(url, streams, pairs)))


def chat_figures(streams: int, ours: list[Side], direct: list[Side]) -> Iterator[Figure]:
    who = f"{streams} people at once at {PACE:g} tokens/s"
    rates = ratios(*([one.tokens_per_second for one in side] for side in (ours, direct)))
    yield figure(
        f"chat_rate_{streams}",
        rates,
        LEAST_RATE,
        what=f"tokens/s of {who} / an ideal worker",
        unit="x",
        at_least=True,
        waited=[one.spent.waited for one in ours],
        ours_tokens_per_s=[one.tokens_per_second for one in ours],
    )
    for percent, limit in ((50, MOST_P50), (99, MOST_P99)):
        first = [[percentile(one.first_s, percent) for one in side] for side in (ours, direct)]
        yield figure(
            f"chat_first_p{percent}_{streams}",
            ratios(*first),
            limit,
            what=f"message to first delta, p{percent}, {who} / an ideal worker",
            unit="x",
            waited=[one.spent.waited for one in ours],
            ours_ms=[1000 * one for one in first[0]],
            direct_ms=[1000 * one for one in first[1]],
        )
    yield figure(
        f"chat_cpu_{streams}",
        [one.cpu_ms_per_1000 for one in ours],
        MOST_CHAT_CPU_MS[streams],
        what=f"worker's processor time for 1,000 tokens, {who}",
        unit="ms",
        ideal_ms=[one.cpu_ms_per_1000 for one in direct],
    )
    yield figure(
        f"chat_calls_{streams}",
        [one.aws_calls_per_1000 for one in ours],
        MOST_CALLS[streams],
        what=f"worker's calls of AWS for 1,000 tokens, {who}",
        unit="calls",
    )


def batch_figures(streams: int, ours: list[Side], direct: list[Side]) -> Iterator[Figure]:
    yield figure(
        f"batch_rate_{streams}",
        ratios(*([one.tokens_per_second for one in side] for side in (ours, direct))),
        LEAST_BATCH_RATE,
        what=f"tokens/s of a batch in {streams} streams / an ideal client",
        unit="x",
        at_least=True,
        waited=[one.spent.waited for one in ours],
        ours_tokens_per_s=[one.tokens_per_second for one in ours],
    )
    yield figure(
        f"batch_cpu_{streams}",
        [one.cpu_ms_per_1000 for one in ours],
        MOST_LINE_CPU_MS,
        what=f"worker's processor time for 1,000 tokens of a batch, {streams} streams",
        unit="ms",
        ideal_ms=[one.cpu_ms_per_1000 for one in direct],
    )


def turns(pairs: int, sides: tuple[bool, bool]) -> Iterator[tuple[int, bool]]:
    """(pair, side): each side first in turn; pair 0 warms up.

    >>> list(turns(1, (True, False)))
    [(0, True), (0, False), (1, False), (1, True)]
    """
    for number in range(pairs + 1):
        for side in sides[:: -1 if number % 2 else 1]:
            yield number, side


async def chats_in_turn(url: str, streams: int, pairs: int) -> tuple[list[Side], list[Side]]:
    """Both sides of each pair, ours first and second in turn. A short round of both warms up."""
    ours: list[Side] = []
    direct: list[Side] = []
    async with serving(url, MODEL, streams, CONTEXT) as worker:
        people = [Talker(worker, number) for number in range(streams)]
        for number, is_ours in turns(pairs, (True, False)):
            messages = TURNS if number else 1
            if is_ours:
                ours.append(await our_chats(worker, people, messages))
            else:
                direct.append(await ideal_chats(url, streams, messages))
    return ours[1:], direct[1:]


def length(person: int, turn: int) -> int:
    return SHORTEST + (person * 37 + turn * 11) % (LONGEST - SHORTEST + 1)


def begins_after(person: int, people: int) -> float:
    """People come one after the other, spread over an answer's time, as they do in life."""
    return person / people * (SHORTEST + LONGEST) / 2 / PACE


class Talker:
    """A person in a conversation: asks, and hears the frames that come."""

    def __init__(self, worker: MemoryWorker, number: int):
        self.worker = worker
        self.number = number
        self.conversation = f"conv_{number}"
        self.asked = 0
        self.first_at = 0.0
        self.tokens = 0
        self.over = asyncio.Event()
        worker.push.subscribe(conversation_topic(self.conversation), self.conversation)
        worker.push.listeners[self.conversation] = self._hear

    def _hear(self, frame: bytes) -> None:
        """`post` has taken its 5 ms when the frame comes."""
        if not self.first_at:
            self.first_at = time.perf_counter()
        heard = json.loads(frame)
        if heard["type"] == "message":
            self.tokens = heard["message"]["usage"]["completion_tokens"]
            self.over.set()

    async def ask(self, max_tokens: int) -> float:
        """Seconds to the first delta; returns when the whole answer is saved and shown."""
        self.asked += 1
        self.first_at = 0.0
        self.over.clear()
        message_id = f"msg_{self.number:04d}{self.asked:04d}"
        begun = time.perf_counter()
        request = self.worker.answers.ask("Tell me more.", self.conversation, message_id, max_tokens=max_tokens)
        reference = {name: getattr(request, name) for name in ("message_id", "conversation_id", "user_id")}
        self.worker.chats.put(json.dumps(reference))
        await self.over.wait()
        # The twin looks at every message of all for each read, as no table does: it keeps only those that are open.
        del self.worker.answers.questions[message_id], self.worker.answers.answers[message_id]
        return self.first_at - begun


async def our_chats(worker: MemoryWorker, people: Sequence[Talker], turns: int) -> Side:
    first: list[float] = []

    async def talk(person: Talker) -> int:
        tokens = 0
        await asyncio.sleep(begins_after(person.number, len(people)))
        for turn in range(turns):
            first.append(await person.ask(length(person.number, turn)))
            tokens += person.tokens
        return tokens

    watch, calls = Stopwatch(), worker.calls.made
    tokens = sum(await asyncio.gather(*map(talk, people)))
    spent = watch.read()
    return Side(tokens, spent.seconds, spent, worker.calls.made - calls, tuple(first))


async def ideal_chats(url: str, people: int, turns: int) -> Side:
    """A worker that does only what nobody can leave out: it receives a message, reads what is asked, asks the engine,
    posts the first delta, and saves the answer: a call of AWS each but the engine's."""
    first: list[float] = []

    async def talk(person: int) -> int:
        tokens = 0
        await asyncio.sleep(begins_after(person, people))
        for turn in range(turns):
            begun = time.perf_counter()
            await asyncio.sleep(AWS_S)
            await asyncio.sleep(AWS_S)
            messages = [{"role": "user", "content": "Tell me more."}]
            answer = await ideal.stream(url, {"messages": messages, "max_tokens": length(person, turn)})
            first.append(answer.first_text_at + AWS_S - begun)
            await asyncio.sleep(AWS_S)
            tokens += answer.completion_tokens
        return tokens

    watch = Stopwatch()
    tokens = sum(await asyncio.gather(*map(talk, range(people))))
    spent = watch.read()
    return Side(tokens, spent.seconds, spent, first_s=tuple(first))


async def batches_in_turn(url: str, streams: int, pairs: int) -> tuple[list[Side], list[Side]]:
    ours: list[Side] = []
    direct: list[Side] = []
    count = LINES.requests(streams)
    async with serving(url, MODEL, streams, CONTEXT) as worker:
        for number, is_ours in turns(pairs, (True, False)):
            asked = questions(count if number else streams, LINES, number)
            watch = Stopwatch()
            if is_ours:
                done = await worker.answer(asked)
                ours.append(Side(done.completion_tokens, done.seconds, watch.read()))
            else:
                driven = await ideal.drive_async(url, asked, streams)
                direct.append(Side(driven.completion_tokens, driven.seconds, watch.read()))
    return ours[1:], direct[1:]
