"""Chats on Bedrock and OpenAI's streams, end to end in the laptop's cloud, with an engine of a known speed behind both
backends: the way to the first word against the least functions that keep the same promises, and the words' rate against
the engine (docs/decisions/0043). How much longer it is than the way of functions that keep nothing is shown beside it.

The laptop's cloud is one process for all of AWS. So the rates of many streams are taken at a slow pace: each of them
has a Lambda of its own on AWS, here they share the emulator. Beside many on Bedrock as many of the least function are
shown, which share it too.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from bench import engine, sse
from bench.bare import BareFunctions
from bench.chat import Parts
from bench.connections import connection_of
from bench.figures import Figure, figure, percentile, ratios, shown
from bench.processor import contention
from foreverus.backends.port import BackendName
from local.cloud import Cloud, running
from local.deploy import AS_A_CLASS, PARAMETERS
from local.instances import faults
from local.instances.places import Places
from local.person import Person
from local.state import LOCAL

NAMES = ("bedrock_first_delta", "openai_first_chunk", "openai_rates")
BACKENDS = (BackendName.BEDROCK, BackendName.GPU)
MODEL = PARAMETERS["ModelId"]
QUICK = 1000.0  # tokens a second: the engine's own first token takes a millisecond, and none of the difference is its
PACE, MANY_PACE = 28.0, 8.0
TOKENS = 192  # of each answer; in Azure's public trace of conversations 129 in the middle, 211 on average
STREAMS = 50
SLOTS = 64
READY_TRIES = 60  # each has tries and pauses of its own
CLIENT = httpx.Client(timeout=60.0)
WARMING, BLOCKS, ROUNDS, PAIRS = 3, 5, 8, 3

MOST_FIRST, MOST_P99 = 1.2, 2.0  # of the least functions' time
LEAST_RATE, LEAST_MANY = 0.97, 0.95  # of the engine's tokens a second
MOST_UNFAIR = 1.5  # the fastest stream's rate over the slowest one's


@dataclass(frozen=True)
class Round:
    """Seconds: ours, the backend's own first token, the bare functions, the least (without the backend's own)."""

    ours: float
    direct: float
    bare: float
    least: float


@dataclass(frozen=True)
class Bench:
    cloud: Cloud
    bare: BareFunctions

    def pace(self, tokens_per_s: float) -> None:
        """Of both backends' engines."""
        faults.set_pace(Places(Path(self.cloud.state.directory)), tokens_per_s)
        self.cloud.bedrock_pace.parent.mkdir(parents=True, exist_ok=True)
        self.cloud.bedrock_pace.write_text(str(tokens_per_s))
        time.sleep(0.2)  # they look twenty times a second

    def ask(self, backend: BackendName, tokens: int) -> dict[str, Any]:
        """A request's body."""
        return {"model": f"{MODEL}@{backend.value}", **says(tokens)}

    def stream(self, body: dict[str, Any], path: str = "/chat/completions") -> sse.Heard:
        return asyncio.run(sse.listen(self.cloud.outputs["api_url"] + path, body, self.cloud.outputs["api_key"]))

    def wait_until_ready(self) -> None:
        """Until the GPU answers: on a busy laptop its session is on before its worker is."""
        for _ in range(READY_TRIES):
            with contextlib.suppress(RuntimeError):
                self.stream(self.ask(BackendName.GPU, 1))
                return
        raise RuntimeError("the GPU did not come up")


def says(tokens: int) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": f"count to {tokens}"}], "max_tokens": tokens}


def measure(names: Sequence[str]) -> Iterator[Figure]:
    if not set(NAMES) & set(names):
        return
    own = {**AS_A_CLASS, "EngineSlots": str(SLOTS)}
    with running(LOCAL / "bench", print, usual_ports=False, pace=QUICK, parameters=own) as cloud:
        bare = BareFunctions(cloud)
        try:
            yield from figures(Bench(cloud, bare), names)
        finally:
            bare.close()


def figures(bench: Bench, names: Sequence[str]) -> Iterator[Figure]:
    bench.pace(QUICK)
    with Person(bench.cloud.outputs) as person:
        if "bedrock_first_delta" in names:
            yield from first_words("bedrock_first_delta", chat_rounds(bench, person), FIRST_DELTA)
        if not {"openai_first_chunk", "openai_rates"} & set(names):
            return
        session_id, _ = person.start_session()
        bench.wait_until_ready()
        streaming = bench.bare.streaming(), bench.bare.least_streaming()
        parts = Parts(bench.cloud, person)
        for backend in BACKENDS if "openai_first_chunk" in names else ():
            with engine.running(pace=QUICK, slots=SLOTS) as (url, _):
                once = stream_rounds(bench, backend, streaming, url, parts)
                yield from first_words(
                    f"openai_first_chunk_{backend.value}", once, FIRST_CHUNK, f", on {backend.value}"
                )
        for backend in BACKENDS if "openai_rates" in names else ():
            yield from rates(bench, backend, streaming[1])
        parts.close()
        person.end_session(session_id)


FIRST_DELTA = "POST to first delta - Bedrock's own first token", "bare async Lambda + WebSocket push"
FIRST_CHUNK = "first chunk - the backend's own", "bare streaming Lambda through the same API"
LEAST = "the least functions that keep the same promises"


def first_words(name: str, once: Callable[[], Round], ways: tuple[str, str], on: str = "") -> Iterator[Figure]:
    """Medians of blocks, and the slowest of each side; all are taken in turn, so that they see the same laptop."""
    ours_way, bare_way = ways
    for _ in range(WARMING):
        once()
    samples, beside_bare, everything, waited = [], [], [], [contention()]
    for _ in range(BLOCKS):
        rounds = [once() for _ in range(ROUNDS)]
        ours, direct, bare, least = (median(column) for column in columns(rounds))
        samples.append((ours - direct) / least)
        beside_bare.append((ours - direct) / bare)
        everything += rounds
        waited.append(contention())
    ours_s, direct_s, _, least_s = columns(everything)
    ms = {f"{key}_ms": 1000 * median(of) for key, of in zip(SIDES, columns(everything), strict=True)}
    what = f"({ours_way}{on}) / {LEAST}"
    yield figure(name, samples, MOST_FIRST, what=what, unit="x", waited=waited, middle=ms)
    slowest = [(percentile(ours_s, 99) - median(direct_s)) / percentile(least_s, 99)]
    yield figure(f"{name}_p99", slowest, MOST_P99, what=f"{what}, p99 of each", unit="x", waited=waited)
    shown_as = ", ".join(
        f"{key} {1000 * median(of):.1f} ms" for key, of in zip(SIDES, columns(everything), strict=True)
    )
    what = f"({ours_way}{on}) / ({bare_way}), which keep nothing ({shown_as})"
    yield shown(f"{name}_bare", beside_bare, what=what, unit="x", waited=waited)


SIDES = ("ours", "direct", "bare", "least")


def columns(rounds: Sequence[Round]) -> list[list[float]]:
    return [[getattr(one, side) for one in rounds] for side in SIDES]


def chat_rounds(bench: Bench, person: Person) -> Callable[[], Round]:
    functions, asked = bench.cloud.emulator.client("lambda"), bench.cloud.emulator.client("bedrock-runtime")
    pushing, model = bench.bare.pushing(), bench.bare.variables("ApiFunction")["BEDROCK_MODEL_ID"]
    accept = bench.cloud.outputs["api_url"] + bench.bare.least_chat()
    connection = connection_of(bench.cloud, person)

    def once() -> Round:
        conversation = person.converse("You count.")
        begun = time.perf_counter()
        message_id = person.ask(conversation, "count to 8", 8, backend="bedrock")
        at, _ = person.wait_for("delta", message_id=message_id)
        ours = at - begun
        person.wait_for("message")
        direct = first_token(asked, model)
        begun = time.perf_counter()
        event = json.dumps({"connection": connection, "frame": {"type": "bench", "id": message_id}})
        functions.invoke(FunctionName=pushing, InvocationType="Event", Payload=event.encode())
        at, _ = person.wait_for("bench", id=message_id)
        bare = at - begun
        posted = {"id": f"{message_id}.least", "connection": connection, "content": "count to 8"}
        begun = time.perf_counter()
        post(accept, posted, bench.cloud.outputs["api_key"])
        at, _ = person.wait_for("bench", id=posted["id"])
        return Round(ours, direct, bare, at - begun - direct)

    return once


def post(url: str, body: dict[str, str], key: str) -> None:
    """As a person's client does: over a connection that stays."""
    response = CLIENT.post(url, json=body, headers={"Authorization": f"Bearer {key}"})
    response.raise_for_status()


def first_token(client: Any, model: str) -> float:
    """Seconds of a ConverseStream of ours to its first text; the rest is read."""
    said = {"messages": [{"role": "user", "content": [{"text": "count to 8"}]}], "inferenceConfig": {"maxTokens": 8}}
    begun, first = time.perf_counter(), 0.0
    for event in client.converse_stream(modelId=model, **said)["stream"]:
        if "contentBlockDelta" in event and not first:
            first = time.perf_counter() - begun
    return first


def stream_rounds(
    bench: Bench, backend: BackendName, paths: tuple[str, str], url: str, parts: Parts
) -> Callable[[], Round]:
    """`paths`: of the bare function and the least one; `url`: of an engine like the GPU's. A GPU's words come over the
    queue and a push, which `parts` has: the least function only keeps what they are asked for with."""
    asked = bench.cloud.emulator.client("bedrock-runtime")
    model = bench.bare.variables("ApiFunction")["BEDROCK_MODEL_ID"]
    bare, least = paths

    def direct() -> float:
        if backend is BackendName.BEDROCK:
            return first_token(asked, model)
        return asyncio.run(sse.listen(f"{url}/v1/chat/completions", says(8))).first_s

    def promising(own: float) -> float:
        if backend is BackendName.BEDROCK:
            return bench.stream(says(8), least).first_s - own
        hops = parts.once()
        return bench.stream({"gpu": True}, least).first_s + hops["sqs"] + hops["push"]

    def once() -> Round:
        ours = bench.stream(bench.ask(backend, 8)).first_s
        own = direct()
        return Round(ours, own, bench.stream({}, bare).first_s, promising(own))

    return once


def rates(bench: Bench, backend: BackendName, least_path: str) -> Iterator[Figure]:
    """One stream, then many at once; ours, the engine's own and, on Bedrock, the least function's in turn."""
    for count, pace in ((1, PACE), (STREAMS, MANY_PACE)):
        bench.pace(pace)
        sides: dict[str, list[list[sse.Heard]]] = {"ours": [], "engine": [], "least": []}
        waited = [contention()]
        with engine.running(pace=pace, slots=SLOTS) as (url, _):
            for _ in range(PAIRS):
                address, key = bench.cloud.outputs["api_url"], bench.cloud.outputs["api_key"]
                bench.stream(bench.ask(backend, 1))  # the authorizer knows the key, and the line to the GPU is open
                bodies = [bench.ask(backend, TOKENS)] * count
                sides["ours"].append(asyncio.run(sse.listen_at_once(f"{address}/chat/completions", bodies, key)))
                plain = [says(TOKENS)] * count
                sides["engine"].append(asyncio.run(sse.listen_at_once(f"{url}/v1/chat/completions", plain)))
                if backend is BackendName.BEDROCK:
                    sides["least"].append(asyncio.run(sse.listen_at_once(address + least_path, plain, key)))
                waited.append(contention())
        yield from judged(f"{backend.value}_{count}", count, pace, sides, waited)


def judged(
    name: str, count: int, pace: float, sides: dict[str, list[list[sse.Heard]]], waited: list[float]
) -> Iterator[Figure]:
    """Against the engine. What as many of the least function do, where there is one, is shown beside it: the laptop's
    cloud is one process, and what it costs them all is not ours."""
    who = f"{count} stream{'s at once' * (count > 1)} at {pace:g} tokens/s on {name.partition('_')[0]}"
    ours, least = sides["ours"], sides["least"]
    first = {"first_ms": [[1000 * one.first_s for one in round_] for round_ in ours]}
    rated = {side: [rate(one) for one in rounds] for side, rounds in sides.items()}
    limit, what = LEAST_RATE if count == 1 else LEAST_MANY, f"tokens/s of {who} / the engine's own"
    samples = ratios(rated["ours"], rated["engine"])
    yield figure(f"openai_rate_{name}", samples, limit, what=what, unit="x", at_least=True, waited=waited, **first)
    if count > 1 and least:
        of = f"tokens/s of {who} / as many of {LEAST}"
        yield shown(
            f"openai_rate_{name}_least", ratios(rated["ours"], rated["least"]), what=of, unit="x", waited=waited
        )
    if count > 1:
        unfair = [max(rates_of(one)) / min(rates_of(one)) for one in ours]
        what = f"the fastest one's tokens/s of {who} / the slowest's"
        yield figure(f"openai_fairness_{name}", unfair, MOST_UNFAIR, what=what, unit="x", waited=waited)


def rates_of(streams: Sequence[sse.Heard]) -> list[float]:
    return [one.tokens_per_second for one in streams]


def rate(streams: Sequence[sse.Heard]) -> float:
    """Tokens a second of all together, until the last one is whole."""
    return sum(one.tokens for one in streams) / max(one.seconds for one in streams)
