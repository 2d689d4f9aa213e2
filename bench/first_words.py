"""The way to the first word, of chats on Bedrock and of OpenAI's streams, against the least functions that keep the
same promises (docs/decisions/0043). How much longer it is than the way of functions that keep nothing is shown beside
it.

It is measured twice. **On the wall's clock** somebody waits: from the request to the first word, without what the
backend itself takes for it. In it are the emulator, which is one process for all of AWS, and what else the machine
does. **By the processor's time** of the functions' own processes, until their first word has come: what our code takes.
Other work makes it dearer too, by what it takes of the caches, but waits for nothing. Each is decided by the range in
which the middle of its pairs lies.
"""

import json
import time
from asyncio import run
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import httpx

from bench import sse
from bench.asking import Bench, says
from bench.chat import Parts
from bench.connections import connection_of
from bench.figures import Figure, figure, percentile, ratios, shown
from bench.functions_time import Ask, FunctionsTime
from bench.processor import contention
from foreverus.backends.port import BackendName
from local.person import Person

CLIENT = httpx.Client(timeout=60.0)
QUICK = 1000.0  # tokens a second: the engine's own first token takes a millisecond, and none of the difference is its
SLOW, FEW = 5.0, 2  # by the processor's time, and so many tokens: who has said the first has nothing to do for a while
# Of 200 the p99 is the third slowest: neither one pause of this machine nor two are the verdict.
WARMING, WALL_ROUNDS, PROCESSOR_ROUNDS, BUSY_LOOKS = 3, 200, 40, 5
MOST_FIRST, MOST_P99 = 1.2, 2.0  # of the least functions' time
LEAST = "the least functions that keep the same promises"
TOKENS = 8


@dataclass(frozen=True)
class Round:
    """Seconds: ours, the backend's own first token, the bare functions, the least (without the backend's own)."""

    ours: float
    direct: float
    bare: float
    least: float


SIDES = ("ours", "direct", "bare", "least")


@dataclass(frozen=True)
class Way:
    """What is measured, in words. `bare`: the way of functions that keep nothing."""

    name: str
    ours: str
    bare: str


@dataclass(frozen=True)
class Streaming:
    """Paths of OpenAI's API as little functions have it: one that keeps nothing, and the least."""

    bare: str
    least: str


def of_chats(bench: Bench, person: Person) -> Iterator[Figure]:
    way = Way(
        "bedrock_first_delta", "POST to first delta - Bedrock's own first token", "bare async Lambda + WebSocket push"
    )
    chats = Chats(bench, person)
    bench.pace(QUICK)
    yield from on_the_wall(way, chats.once)
    bench.pace(SLOW)
    yield by_processor(way.name, "POST to first delta", *chats.sides())


def of_streams(bench: Bench, backend: BackendName, streaming: Streaming, url: str, parts: Parts) -> Iterator[Figure]:
    """`url`: of an engine like the GPU's. On the GPU the words come over the queue and a push, and the least function
    only keeps what they are asked for with: its processor's time is compared with nothing."""
    way = Way(
        f"openai_first_chunk_{backend.value}",
        f"first chunk - the backend's own, on {backend.value}",
        "bare streaming Lambda through the same API",
    )
    bench.pace(QUICK)
    yield from on_the_wall(way, stream_rounds(bench, backend, streaming, url, parts))
    if backend is BackendName.BEDROCK:
        bench.pace(SLOW)
        yield by_processor(way.name, f"request to first chunk, on {backend.value}", *stream_sides(bench, streaming))
        bench.pace(QUICK)


def on_the_wall(way: Way, once: Callable[[], Round]) -> Iterator[Figure]:
    """The middle of the pairs, and the slowest of each side; all are taken in turn, so that they see one laptop."""
    for _ in range(WARMING):
        once()
    rounds, waited = [], [contention()]
    for number in range(WALL_ROUNDS):
        rounds.append(once())
        if number % (WALL_ROUNDS // BUSY_LOOKS) == 0:
            waited.append(contention())
    ours, direct, bare, least = columns(rounds)
    without = [one - own for one, own in zip(ours, direct, strict=True)]
    ms = {f"{side}_ms": 1000 * median(of) for side, of in zip(SIDES, columns(rounds), strict=True)}
    more = {"unit": "x", "waited": waited}
    what = f"({way.ours}) / {LEAST}, on the wall's clock"
    yield figure(way.name, ratios(without, least), MOST_FIRST, what=what, by_middle=True, middles=ms, **more)
    last = [(percentile(ours, 99) - median(direct)) / percentile(least, 99)]
    slowest = {
        f"slowest_{side}_ms": [1000 * one for one in sorted(of)[-5:]]
        for side, of in zip(SIDES, columns(rounds), strict=True)
    }
    yield figure(f"{way.name}_p99", last, MOST_P99, what=f"{what}, p99 of each side's {WALL_ROUNDS}", **more, **slowest)
    took = ", ".join(f"{side} {1000 * median(of):.1f} ms" for side, of in zip(SIDES, columns(rounds), strict=True))
    what = f"({way.ours}) / ({way.bare}), which keep nothing ({took})"
    yield shown(f"{way.name}_bare", ratios(without, bare), what=what, by_middle=True, **more)


def columns(rounds: Sequence[Round]) -> list[list[float]]:
    return [[getattr(one, side) for one in rounds] for side in SIDES]


def by_processor(name: str, way: str, ours: Callable[[], float], least: Callable[[], float]) -> Figure:
    """Of the functions' processes, in pairs, each side first in turn."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    for number in range(-WARMING, PROCESSOR_ROUNDS):
        for is_ours in (number % 2 == 0, number % 2 != 0):
            seconds = ours() if is_ours else least()
            if number >= 0:
                taken[is_ours].append(seconds)
    ours_ms, least_ms = ([1000 * one for one in taken[is_ours]] for is_ours in (True, False))
    took = f"{median(ours_ms):.1f} and {median(least_ms):.1f} ms"
    what = f"processor time of our functions' processes, {way} / of {LEAST} ({took})"
    return figure(
        f"{name}_cpu",
        ratios(ours_ms, least_ms),
        MOST_FIRST,
        what=what,
        unit="x",
        by_middle=True,
        ours_ms=ours_ms,
        least_ms=least_ms,
    )


class Chats:
    """A person's messages, ours and those to the least functions."""

    def __init__(self, bench: Bench, person: Person) -> None:
        self.bench, self.person = bench, person
        self.pushing, self.accept = bench.bare.pushing(), bench.cloud.outputs["api_url"] + bench.bare.least_chat()
        self.model = bench.bare.variables("ApiFunction")["BEDROCK_MODEL_ID"]
        self.connection = connection_of(bench.cloud, person)
        self.functions = bench.cloud.emulator.client("lambda")
        self.asked = bench.cloud.emulator.client("bedrock-runtime")
        self.number = 0

    def once(self) -> Round:
        ours = self.ask(self.person.converse("You count."))
        direct = first_token(self.asked, self.model)
        return Round(ours, direct, self.push(), self.ask_least() - direct)

    def sides(self) -> tuple[Callable[[], float], Callable[[], float]]:
        """Processor seconds: ours and the least. All four functions have been called before."""
        name, made = self.bench.bare.ours, self.bench.bare.made
        ours = FunctionsTime(self.bench.cloud, name("ApiFunction"), name("AnswerConversationFunction"))
        least = FunctionsTime(self.bench.cloud, made("accept"), made("answer"))

        def prepared() -> Ask:
            conversation = self.person.converse("You count.")
            return lambda at_first: self.ask(conversation, at_first, FEW)

        def prepared_least() -> Ask:
            return lambda at_first: self.ask_least(at_first, FEW)

        return lambda: ours.until_first(prepared), lambda: least.until_first(prepared_least)

    def ask(self, conversation: str, at_first: Callable[[], object] = lambda: None, tokens: int = TOKENS) -> float:
        """Seconds to the first word; the rest is waited for."""
        begun = time.perf_counter()
        message_id = self.person.ask(conversation, f"count to {tokens}", tokens, backend="bedrock")
        at, _ = self.person.wait_for("delta", message_id=message_id)
        at_first()
        self.person.wait_for("message")
        self.person.unsubscribe(conversation_id=conversation)  # a connection listens to some fifty of them
        return at - begun

    def ask_least(self, at_first: Callable[[], object] = lambda: None, tokens: int = TOKENS) -> float:
        self.number += 1
        posted = {"id": f"least.{self.number}", "connection": self.connection, "content": f"count to {tokens}"}
        begun = time.perf_counter()
        post(self.accept, posted, self.bench.cloud.outputs["api_key"])
        at, _ = self.person.wait_for("bench", id=posted["id"])
        at_first()
        return at - begun

    def push(self) -> float:
        """Of the functions that keep nothing."""
        self.number += 1
        frame = {"type": "bench", "id": f"bare.{self.number}"}
        event = json.dumps({"connection": self.connection, "frame": frame}).encode()
        begun = time.perf_counter()
        self.functions.invoke(FunctionName=self.pushing, InvocationType="Event", Payload=event)
        at, _ = self.person.wait_for("bench", id=frame["id"])
        return at - begun


def post(url: str, body: dict[str, str], key: str) -> None:
    """As a person's client does: over a connection that stays."""
    response = CLIENT.post(url, json=body, headers={"Authorization": f"Bearer {key}"})
    response.raise_for_status()


def first_token(client: Any, model: str) -> float:
    """Seconds of a ConverseStream of ours to its first text; the rest is read."""
    content, tokens = [{"text": f"count to {TOKENS}"}], {"maxTokens": TOKENS}
    said = {"messages": [{"role": "user", "content": content}], "inferenceConfig": tokens}
    begun, first = time.perf_counter(), 0.0
    for event in client.converse_stream(modelId=model, **said)["stream"]:
        if "contentBlockDelta" in event and not first:
            first = time.perf_counter() - begun
    return first


def stream_rounds(
    bench: Bench, backend: BackendName, streaming: Streaming, url: str, parts: Parts
) -> Callable[[], Round]:
    """A GPU's words come over the queue and a push, which `parts` has."""
    asked = bench.cloud.emulator.client("bedrock-runtime")
    model = bench.bare.variables("ApiFunction")["BEDROCK_MODEL_ID"]

    def direct() -> float:
        if backend is BackendName.BEDROCK:
            return first_token(asked, model)
        return run(sse.listen(f"{url}/v1/chat/completions", says(TOKENS))).first_s

    def promising(own: float) -> float:
        if backend is BackendName.BEDROCK:
            return bench.stream(says(TOKENS), streaming.least).first_s - own
        hops = parts.once()
        return bench.stream({"gpu": True}, streaming.least).first_s + hops["sqs"] + hops["push"]

    def once() -> Round:
        ours = bench.stream(bench.ask(backend, TOKENS)).first_s
        own = direct()
        return Round(ours, own, bench.stream({}, streaming.bare).first_s, promising(own))

    return once


def stream_sides(bench: Bench, streaming: Streaming) -> tuple[Callable[[], float], Callable[[], float]]:
    """Processor seconds of a request on Bedrock: ours and the least. Both web servers run."""
    ours = FunctionsTime(bench.cloud, bench.bare.ours("ChatCompletionsFunction"))
    least = FunctionsTime(bench.cloud, bench.bare.made("least"))
    asked = bench.ask(BackendName.BEDROCK, FEW)
    return (
        lambda: ours.until_first(lambda: lambda at_first: bench.stream(asked, at_first=at_first)),
        lambda: least.until_first(lambda: lambda at_first: bench.stream(says(FEW), streaming.least, at_first)),
    )
