"""One GPU and Bedrock, request by request: what a rule costs and how long people wait for the first word.

What is simplified: one GPU of fixed speed, whose slots take requests in their order; boots take what they are estimated
to take, spot interruptions come without a memory; a session's longest life is not simulated, nor prices that move.
"""

import heapq
import random
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from statistics import median

from bench.figures import percentile
from bench.policy.requests import Request, Stream
from foreverus.backends.port import BackendName, Prompt
from foreverus.choice.assumed import (
    ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND,
    BEDROCK_FIRST_WORD_S,
    GPU_FIRST_WORD_S,
    PUBLISHED_TOKENS_PER_SECOND,
)
from foreverus.choice.chat_gpu import REVIEW_S
from foreverus.choice.pauses import MINUTE_S, Pause, known_pauses, windows
from foreverus.choice.records import Bedrock, Gpu
from foreverus.choice.request import choose_for_request
from foreverus.choice.request_records import Asked, AskedBy, BedrockNow, GpuNow, Preference
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR
from foreverus.costs.prices import bedrock_price, listed_price
from foreverus.costs.reservations import Month

SLOTS = 8  # that the published rate is of
BOOT_S = (413.0, 611.0)  # docs/costs.md: a first boot
# AWS's Spot Instance Advisor has g6.xlarge between "<5%" and ">20%" of instances a month; 20 % is taken.
INTERRUPTIONS_PER_HOUR = 0.20 / 730
GPU_USD_PER_HOUR = (listed_price("g6.xlarge", "us-east-1", "spot").usd_per_hour or 0.0) + BESIDE_GPU_USD_PER_HOUR
BEDROCK = bedrock_price("mistral.mistral-7b-instruct-v0:2", "us-east-1")
HOUR_S = 3600.0
MEAN_BOOT_S = sum(BOOT_S) / 2


def gpu_usd(seconds: float) -> float:
    return seconds / HOUR_S * GPU_USD_PER_HOUR


def bedrock_usd(request: Request) -> float:
    return BEDROCK.guard_usd(request.prompt, request.answer)


def service_s(request: Request) -> float:
    """In one of the slots, with the others full; the prompt's time is in the rate."""
    return request.answer / (PUBLISHED_TOKENS_PER_SECOND / SLOTS)


@cache
def goes_to(live: bool, booting: bool, in_work: int) -> BackendName:
    """The product's own choice for a request of nobody's wish."""
    gpu = Gpu(
        allowed=True,
        live=live,
        boot_seconds=MEAN_BOOT_S,
        tokens_per_second=PUBLISHED_TOKENS_PER_SECOND,
        spot_usd_per_hour=GPU_USD_PER_HOUR,
        on_demand_usd_per_hour=GPU_USD_PER_HOUR,
        idle_seconds=300,
    )
    prices = BEDROCK.prompt or 0.0, BEDROCK.completion or 0.0
    bedrock = Bedrock(True, *prices, ASSUMED_BEDROCK_CALL_TOKENS_PER_SECOND)
    asked = Asked(prompt=Prompt(()), preference=Preference(BackendName.AUTO, AskedBy.STACK), prompt_tokens=400)
    choice = choose_for_request(
        asked,
        GpuNow(gpu=gpu, slots=SLOTS * live, in_work=in_work, booting=booting, context_tokens=8192),
        BedrockNow(bedrock=bedrock, context_tokens=32_768),
        Month("2026-01", Decimal(10**6), Decimal(0), Decimal(0)),
    )
    return choice.chosen


class Window:
    """A sum over the last so many seconds."""

    def __init__(self, seconds: float):
        self.seconds, self.sum, self._kept = seconds, 0.0, deque[tuple[float, float]]()

    def add(self, at: float, usd: float) -> None:
        self._kept.append((at, usd))
        self.sum += usd

    def at(self, now: float) -> float:
        while self._kept and self._kept[0][0] <= now - self.seconds:
            self.sum -= self._kept.popleft()[1]
        return max(0.0, self.sum)

    def clear(self) -> None:
        self._kept.clear()
        self.sum = 0.0


@dataclass
class Seen:
    """What a rule may know: the past, as the product keeps it."""

    minutes: list[int] = field(default_factory=list)
    spent: Window = field(default_factory=lambda: Window(HOUR_S))  # on Bedrock, since the last start
    lately: Window = field(default_factory=lambda: Window(REVIEW_S))  # likewise
    value: Window = field(default_factory=lambda: Window(HOUR_S))  # of all requests, at Bedrock's prices
    reviewed: Window = field(default_factory=lambda: Window(REVIEW_S))  # what the GPU answered, likewise
    boots: list[float] = field(default_factory=list)

    def came(self, request: Request) -> None:
        minute = int(request.at) // MINUTE_S
        if not self.minutes or self.minutes[-1] != minute:
            self.minutes.append(minute)
        self.value.add(request.at, bedrock_usd(request))

    def paid(self, request: Request) -> None:
        """Bedrock answered it."""
        self.spent.add(request.at, bedrock_usd(request))
        self.lately.add(request.at, bedrock_usd(request))

    def pauses(self, now: float) -> list[Pause]:
        """As the product finds them."""
        spans = windows(datetime.fromtimestamp(now, UTC))
        cuts = [tuple(int(at.timestamp()) // MINUTE_S for at in span) for span in spans]
        return known_pauses(self.minutes[bisect_left(self.minutes, a) : bisect_left(self.minutes, b)] for a, b in cuts)

    @property
    def boot_s(self) -> float:
        return median(self.boots[-10:]) if self.boots else MEAN_BOOT_S


@dataclass(frozen=True, slots=True)
class Outcome:
    usd: float
    wait_p50: float
    wait_p95: float
    starts: int
    on_bedrock: float  # share of the requests
    busy: tuple[tuple[float, float], ...] = ()  # when the GPU had something in hand


class Rule:
    """The least: a GPU is bought by the first request that finds none, and stays for ever."""

    bedrock = False  # whether it answers where no GPU has a free slot
    keeps_busy = False  # for who wants to know when the GPU worked
    least_idle_s = 0.0  # its idle time is never shorter, so it is not asked before

    def idle_s(self, seen: Seen, now: float) -> float:
        """How long it stays from `now` on, when it became idle."""
        return float("inf")

    def starts(self, seen: Seen, now: float) -> bool:
        """Asked after an answer of Bedrock's, with no GPU on."""
        return False

    def keeps(self, seen: Seen, now: float, healthy_s: float) -> bool:
        """Asked while the GPU works."""
        return True


class World:
    def __init__(self, rule: Rule, stream: Stream, seed: int):
        self.rule, self.stream, self.seen = rule, stream, Seen()
        self.draw = random.Random(f"world {seed}")
        self.usd, self.starts, self.waits, self.bedrock = 0.0, 0, list[float](), 0
        self.on_since = self.healthy_at = self.lost_at = 0.0
        self.on = False
        self.slots: list[float] = []  # when each one that is taken gets free
        self.quiet_at = 0.0
        self.busy: list[tuple[float, float]] = []

    def run(self) -> Outcome:
        for request in self.stream.before:
            self.seen.came(request)
            self.seen.paid(request)
        for request in self.stream.requests:
            self._pass(request.at)
            self.seen.came(request)
            self._answer(request)
        self._pass(max(self.stream.end, self.quiet_at))
        if self.on:
            self._end(max(self.stream.end, self.quiet_at))
        waits = self.waits or [0.0]
        share = self.bedrock / max(1, len(self.waits))
        return Outcome(self.usd, median(waits), percentile(waits, 95), self.starts, share, tuple(self.busy))

    def _pass(self, now: float) -> None:
        """What happens to the GPU until then."""
        while self.on:
            quiet = max(self.quiet_at, self.healthy_at)
            ends = float("inf")
            if now - quiet > self.rule.least_idle_s:
                ends = quiet + self.rule.idle_s(self.seen, quiet)
            if self.lost_at < min(ends, now):
                self._lose()
            elif ends <= now:
                self._end(ends)
            else:
                return

    def _lose(self) -> None:
        """What was being answered is answered by the next GPU, after its boot."""
        at, left = self.lost_at, [free - self.lost_at for free in self.slots if free > self.lost_at]
        self._end(at)
        if not left and self.rule.idle_s(self.seen, at) != float("inf"):
            return
        self._start(at)
        self.slots = [self.healthy_at + seconds for seconds in left]
        self.quiet_at = max([self.healthy_at, *self.slots])

    def _start(self, now: float) -> None:
        boot = self.draw.uniform(*BOOT_S)
        self.on, self.on_since, self.healthy_at = True, now, now + boot
        self.lost_at = self.healthy_at + self.draw.expovariate(INTERRUPTIONS_PER_HOUR) * HOUR_S
        self.slots, self.quiet_at = [], self.healthy_at
        self.starts += 1
        self.seen.boots.append(boot)
        self.seen.spent.clear()
        self.seen.lately.clear()
        self.seen.reviewed.clear()

    def _end(self, at: float) -> None:
        self.on = False
        self.usd += gpu_usd(at - self.on_since)

    def _answer(self, request: Request) -> None:
        now = request.at
        while self.slots and self.slots[0] <= now:
            heapq.heappop(self.slots)
        healthy = self.on and now >= self.healthy_at
        if self.rule.bedrock and goes_to(healthy, self.on and not healthy, len(self.slots)) is BackendName.BEDROCK:
            self._on_bedrock(request)
            return
        if not self.on:
            self._start(now)
        begin = max(now, self.healthy_at)
        if len(self.slots) >= SLOTS:
            begin = max(begin, heapq.heappop(self.slots))
        end = begin + GPU_FIRST_WORD_S + service_s(request)
        heapq.heappush(self.slots, end)
        self.quiet_at = max(self.quiet_at, end)
        self.waits.append(begin - now + GPU_FIRST_WORD_S)
        self.seen.reviewed.add(now, bedrock_usd(request))
        if self.rule.keeps_busy:
            self.busy.append((begin, end))
        if not self.rule.keeps(self.seen, now, now - self.healthy_at):
            self._end(self.quiet_at)

    def _on_bedrock(self, request: Request) -> None:
        self.usd += bedrock_usd(request)
        self.bedrock += 1
        self.waits.append(BEDROCK_FIRST_WORD_S)
        self.seen.paid(request)
        if not self.on and self.rule.starts(self.seen, request.at):
            self._start(request.at)


def union(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """
    >>> union([(0, 2), (1, 3), (5, 6)])
    [(0, 3), (5, 6)]
    """
    joined: list[tuple[float, float]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined
