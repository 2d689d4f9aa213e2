"""What observing costs a worker: with traces, metrics and their calls of AWS, and without, in turn.

Many short pairs, each side first in turn, so that both see the same machine. Tokens a second are decided by the range
in which the middle of all pairs lies. Of the processor, observing takes so little that the two sides of a pair differ
more by themselves: there it is timed where it runs, and what the pairs say stands beside it.

Traced is what X-Ray's rules keep: one message a second and 5 % of the others. The calls are boto3's own, to a server on
loopback that takes everything; the engine computes nothing (bench/paced.py).
"""

import asyncio
import gc
import subprocess
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import boto3
from botocore.config import Config

from bench import engine
from bench.figures import Figure, figure, percentile, ratios, shown
from bench.gpu.measure import questions
from bench.memory_worker import LongPolled, MemoryWorker, serving_with
from bench.own_time import OwnTime, all_of
from bench.paced import CONTEXT, LINES, MODEL, PACE, Side, Talker, our_chats, turns
from bench.processor import Stopwatch
from foreverus import tracing
from foreverus.backends.openai_http import OpenAiEngine
from foreverus.batches.shards.outcomes import Outcomes
from foreverus.metrics import Metrics
from foreverus.worker.contact import Contact, RunInThreads
from foreverus.worker.metrics_log import MetricsLog
from foreverus.worker.traces import GATHER_S, TraceSender, XraySegments

NAMES = ("observing",)
STREAMS = 64
PAIRS = 15
LEAST_RATE = 0.98
MOST_CPU = 1.03
MOST_LATE_MS = 5.0
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled="
# What observing does in the worker's own thread. What it sends is timed by itself (`Observed.sending`).
OBSERVING = (
    (tracing, ("current", "header", "joined", "note", "note_stream", "sampled", "step")),
    (tracing.Span, ("__enter__", "__exit__", "begin", "finish", "part", "waited")),
    (Metrics, ("answer", "lines", "gpu")),
    (Outcomes, ("add", "tell")),
)
SAMPLED_EACH = 20  # of those that are more than one a second

SERVER = """
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *words): pass
    def do_POST(self):
        if sys.argv[1:]:
            time.sleep(3600)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def aws(dead: bool = False) -> Iterator[str]:
    """The address of what takes every call, or is `dead`: takes it and never answers. A process of its own, whose work
    is not the worker's."""
    command = [sys.executable, "-c", SERVER, *(["dead"] if dead else [])]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
    finally:
        server.kill()
        server.wait()


class Kept:
    """Takes segments as `TraceSender` does, and sends them when that is measured: a call of the one side would else be
    made in the time of the other."""

    kind = TraceSender.kind

    def __init__(self, segments: XraySegments):
        self.waiting: deque[bytes] = deque()
        self.segments = segments

    def send(self, document: bytes) -> None:
        self.waiting.append(document)

    def send_all(self, calls: int) -> None:
        """In so many calls."""
        each = -(-len(self.waiting) // max(1, calls))
        while self.waiting:
            self.segments.put([self.waiting.popleft().decode() for _ in range(min(each, len(self.waiting)))])


class Observed:
    """Everything that observes a worker; `on` says whether it does just now. `kept`: what is to be sent waits until
    `sending` is asked what that takes; else it is sent beside the work, as a worker's threads do."""

    def __init__(self, url: str, kept: bool):
        session = boto3.session.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")
        brief = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})
        clients = {name: session.client(name, endpoint_url=url, config=brief) for name in ("xray", "logs")}
        self.on = False
        segments = XraySegments(clients["xray"])
        self.kept = Kept(segments) if kept else None
        self.traces = self.kept or TraceSender(segments)
        self.log = MetricsLog(clients["logs"], "group", "stream", RunInThreads(Contact(), 1, "metrics"))
        self.metrics = Metrics("bench", source="worker", more=True, write=self._write)

    def _write(self, line: str) -> None:
        if self.on:
            self.log.write(line)

    def switch(self, on: bool) -> None:
        """What the other side has left is no work of this one."""
        gc.collect()
        self.on = on
        tracing.send_to(self.traces if on else None)

    async def sending(self, seconds: float) -> float:
        """What it takes to send all that was kept in so many seconds of work: processor seconds for each of them."""
        assert self.kept
        watch = Stopwatch()
        await asyncio.to_thread(self.kept.send_all, round(seconds / GATHER_S))
        await self.log.send()
        return watch.read().cpu_s / seconds


Work = Callable[[MemoryWorker, Sequence[Talker], int, Observed], Awaitable[Side]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedSide(Side):
    """`observing_s`: of the processor's time, what observing took; 0 where it is off."""

    observing_s: float = 0.0


class Traced(LongPolled):
    """Messages come as from SQS: with a trace, and with the time when they were sent."""

    last = 0.0  # when one was kept that was the first of its second
    others = 0

    def put(self, body: str, trace: str = "", sent_at: float = 0.0) -> None:
        now = time.time()
        if now - self.last >= 1:
            self.last, kept = now, True
        else:
            self.others += 1
            kept = self.others % SAMPLED_EACH == 0
        super().put(body, f"{TRACE}{int(kept)}", now)


def measure(names: Sequence[str]) -> Iterator[Figure]:
    if "observing" not in names:
        return
    works: dict[str, Work] = {"chats": chats, "lines": lines}
    with aws() as url, engine.running(pace=PACE, slots=STREAMS + 1, context=CONTEXT) as (engine_url, _):
        for what, (on, off) in asyncio.run(in_turn(url, engine_url, works)).items():
            yield figure(
                f"observing_{what}_rate",
                ratios(*([one.tokens_per_second for one in side] for side in (on, off))),
                LEAST_RATE,
                what=f"tokens/s of {what} in {STREAMS} streams, with all observing / without",
                unit="x",
                at_least=True,
                by_middle=True,
                waited=[one.spent.waited for one in on],
            )
            yield figure(
                f"observing_{what}_cpu",
                [one.spent.cpu_s / (one.spent.cpu_s - one.observing_s) for one in on],
                MOST_CPU,
                what=f"worker's processor time for {what} in {STREAMS} streams / without what observing took of it",
                unit="x",
                observing_ms=[1000 * one.observing_s for one in on],
            )
            yield shown(
                f"observing_{what}_cpu_pairs",
                ratios(*([one.cpu_ms_per_1000 for one in side] for side in (on, off))),
                what=f"worker's processor time for {what} in {STREAMS} streams, with all observing / without",
                unit="x",
                by_middle=True,
                on_ms=[one.cpu_ms_per_1000 for one in on],
                off_ms=[one.cpu_ms_per_1000 for one in off],
            )

    with aws(dead=True) as url, engine.running(pace=PACE, slots=STREAMS + 1, context=CONTEXT) as (engine_url, _):
        on, off = asyncio.run(in_turn(url, engine_url, {"dead": chats_while_sending}, kept=False))["dead"]
        late = [1000 * (percentile(a.first_s, 99) - percentile(b.first_s, 99)) for a, b in zip(on, off, strict=True)]
        yield figure(
            "observing_dead",
            late,
            MOST_LATE_MS,
            what=f"p99 from message to first delta, {STREAMS} people, more with X-Ray and CloudWatch dead",
            unit="ms",
            by_middle=True,
            waited=[one.spent.waited for one in on],
        )


def observed_worker(observed: Observed, answers: OpenAiEngine) -> MemoryWorker:
    worker = MemoryWorker(answers, STREAMS, CONTEXT)
    worker.queue, worker.chats = Traced(), Traced()
    worker.ports.batch_queue, worker.ports.chat_queue = worker.queue, worker.chats
    worker.ports.metrics = observed.metrics
    return worker


async def in_turn(
    url: str, engine_url: str, works: Mapping[str, Work], *, kept: bool = True
) -> dict[str, tuple[list[ObservedSide], list[ObservedSide]]]:
    """Both sides of each pair, each first in turn; a pair before them warms up. `kept`: as `Observed`."""
    observed, answers = Observed(url, kept), OpenAiEngine(engine_url, MODEL)
    worker = observed_worker(observed, answers)
    sides: dict[str, tuple[list[ObservedSide], list[ObservedSide]]] = {what: ([], []) for what in works}
    try:
        async with serving_with(worker):
            people = [Talker(worker, number) for number in range(STREAMS)]
            for number, on in turns(PAIRS, (True, False)):
                observed.switch(on)
                for what, work in works.items():
                    own = OwnTime()
                    with all_of(own, OBSERVING if on else ()):
                        side = await work(worker, people, number, observed)
                    sides[what][not on].append(ObservedSide(**_fields(side), observing_s=own.seconds))
            if observed.kept:
                on_s = sum(one.seconds for each, _ in sides.values() for one in each)
                each_s = await observed.sending(on_s)
                sides = {what: ([charged(one, each_s) for one in on], off) for what, (on, off) in sides.items()}
    finally:
        observed.switch(False)
        await answers.aclose()
    return {what: (on[1:], off[1:]) for what, (on, off) in sides.items()}


def charged(side: ObservedSide, each_s: float) -> ObservedSide:
    """With its share of what is sent for it."""
    sending_s = each_s * side.seconds
    spent = replace(side.spent, cpu_s=side.spent.cpu_s + sending_s)
    return replace(side, spent=spent, observing_s=side.observing_s + sending_s)


def _fields(side: Side) -> dict[str, Any]:
    return {one.name: getattr(side, one.name) for one in fields(side)}


async def chats(worker: MemoryWorker, people: Sequence[Talker], number: int, observed: Observed) -> Side:
    return await our_chats(worker, people, 1)


async def chats_while_sending(worker: MemoryWorker, people: Sequence[Talker], number: int, observed: Observed) -> Side:
    sending = asyncio.create_task(observed.log.send())
    try:
        return await our_chats(worker, people, 1)
    finally:
        sending.cancel()


async def lines(worker: MemoryWorker, people: Sequence[Talker], number: int, observed: Observed) -> Side:
    asked = questions(2 * STREAMS, LINES, number)
    watch = Stopwatch()
    done = await worker.answer(asked)
    return Side(done.completion_tokens, done.seconds, watch.read())
