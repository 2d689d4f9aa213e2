"""Chats on Bedrock and OpenAI's streams, end to end in the laptop's cloud, with an engine of a known speed behind both
backends: the way to the first word (first_words.py), and the words' rate against the engine (docs/decisions/0043).

The laptop's cloud is one process for all of AWS. So the rates of many streams are taken at a slow pace: each of them
has a Lambda of its own on AWS, here they share the emulator. Beside many on Bedrock as many of the least function are
shown, which share it too.
"""

import asyncio
from collections.abc import Iterator, Sequence

from bench import engine, first_words, sse
from bench.asking import Bench, says
from bench.bare import BareFunctions
from bench.chat import Parts
from bench.figures import Figure, figure, ratios, shown
from bench.first_words import LEAST
from bench.processor import contention
from foreverus.backends.port import BackendName
from local.cloud import running
from local.deploy import AS_A_CLASS
from local.person import Person
from local.state import LOCAL

NAMES = ("bedrock_first_delta", "openai_first_chunk", "openai_rates")
BACKENDS = (BackendName.BEDROCK, BackendName.GPU)
PACE, MANY_PACE = 28.0, 8.0
TOKENS = 192  # of each answer; in Azure's public trace of conversations 129 in the middle, 211 on average
STREAMS = 50
SLOTS = 64
PAIRS = 3

LEAST_RATE, LEAST_MANY = 0.97, 0.95  # of the engine's tokens a second
MOST_UNFAIR = 1.5  # the fastest stream's rate over the slowest one's


def measure(names: Sequence[str]) -> Iterator[Figure]:
    if not set(NAMES) & set(names):
        return
    own = {**AS_A_CLASS, "EngineSlots": str(SLOTS)}
    with running(LOCAL / "bench", print, usual_ports=False, pace=first_words.QUICK, parameters=own) as cloud:
        bare = BareFunctions(cloud)
        try:
            yield from figures(Bench(cloud, bare), names)
        finally:
            bare.close()


def figures(bench: Bench, names: Sequence[str]) -> Iterator[Figure]:
    with Person(bench.cloud.outputs) as person:
        if "bedrock_first_delta" in names:
            yield from first_words.of_chats(bench, person)
        if not {"openai_first_chunk", "openai_rates"} & set(names):
            return
        bench.pace(first_words.QUICK)
        session_id, _ = person.start_session()
        bench.wait_until_ready()
        streaming = first_words.Streaming(bench.bare.streaming(), bench.bare.least_streaming())
        if "openai_first_chunk" in names:
            parts = Parts(bench.cloud, person)
            for backend in BACKENDS:
                with engine.running(pace=first_words.QUICK, slots=SLOTS) as (url, _):
                    yield from first_words.of_streams(bench, backend, streaming, url, parts)
            parts.close()
        for backend in BACKENDS if "openai_rates" in names else ():
            yield from rates(bench, backend, streaming.least)
        person.end_session(session_id)


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
