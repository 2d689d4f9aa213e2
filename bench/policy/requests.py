"""Requests to replay: public traces, thinned, cut into a part to tune on and a held-out part.

`traces/SOURCES.md` says where they are from. A thinned trace keeps each request with the same chance, drawn by a seed.
"""

import csv
import gzip
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

TRACES = Path(__file__).parent / "traces"
CONTEXT_TOKENS = 8192  # what the engine holds: longer requests are refused by the product before anything is spent
DAY_S, HOUR_S = 86_400.0, 3600.0
MONDAY = 1_767_571_200.0  # 2026-01-05, where streams begin: of ServeGen no weekday is known


class Request(NamedTuple):
    """`at`: epoch seconds. Tokens of the prompt and of the answer."""

    at: float
    prompt: int
    answer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """`before`: requests that came before `begin`, for rules that learn; nothing of them is paid or counted."""

    name: str
    share: float  # that was kept
    begin: float
    end: float
    before: tuple[Request, ...]
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """`shares`: into which it is thinned. `days`: how much of a half is replayed, where one is long."""

    name: str
    shares: tuple[float, ...]
    days: float = 7.0

    def stream(self, share: float, seed: int, held_out: bool) -> Stream:
        draw = random.Random(f"{self.name} {share} {seed} {held_out}")
        return _servegen(self, share, draw, held_out) if self.name == "servegen" else _hour(self, share, draw, held_out)


# Of ServeGen's 1,165 requests a second even a hundredth fills several GPUs: 0.1 % fills one, 0.0001 % are five an hour.
SOURCES = (
    Source(name="azure", shares=(1.0, 0.2, 0.05, 0.01)),
    Source(name="mooncake", shares=(1.0, 0.2, 0.05, 0.01)),
    Source(name="servegen", shares=(0.001,), days=0.5),
    Source(name="servegen", shares=(0.0001, 0.00001, 0.000003, 0.000001)),
)


@cache
def _lines(name: str) -> tuple[Request, ...]:
    with gzip.open(TRACES / name, "rt") as file:
        found = [(float(one[0]), int(one[1]), int(one[2])) for one in _rows(file)]
    return tuple(Request(MONDAY + at, *tokens) for at, *tokens in found if sum(tokens) <= CONTEXT_TOKENS)


@cache
def _windows() -> tuple[tuple[float, int], ...]:
    with gzip.open(TRACES / "servegen_m-small_10min_sums.csv.gz", "rt") as file:
        return tuple((float(one[0]), int(one[1])) for one in _rows(file))


def _rows(file: object) -> Iterator[list[str]]:
    reader = csv.reader(file)  # type: ignore[arg-type]
    next(reader)
    return reader


FILES = {"azure": "azure2023_conv_1h.csv.gz", "mooncake": "mooncake_conversation_1h.csv.gz"}


def _hour(source: Source, share: float, draw: random.Random, held_out: bool) -> Stream:
    """The first half of the hour is tuned on; the second comes after it."""
    kept = [one for one in _lines(FILES[source.name]) if draw.random() < share]
    middle = MONDAY + HOUR_S / 2
    first, second = (tuple(one for one in kept if (one.at >= middle) is half) for half in (False, True))
    begin, end = (middle, MONDAY + HOUR_S) if held_out else (MONDAY, middle)
    before, requests = (first, second) if held_out else ((), first)
    return Stream(name=source.name, share=share, begin=begin, end=end, before=before, requests=requests)


def _servegen(source: Source, share: float, draw: random.Random, held_out: bool) -> Stream:
    """The first week is tuned on, the second is held out. Within a window a thinned stream has no memory. Lengths are
    those of Azure's requests, drawn."""
    week = MONDAY + 7 * DAY_S
    begin = week if held_out else MONDAY
    end = begin + source.days * DAY_S
    since = max(MONDAY, begin - source.days * DAY_S)
    lengths = _lines(FILES["azure"])
    drawn = []
    for start, count in _windows():
        at, until = MONDAY + start, MONDAY + start + 600
        if not since <= at < end:
            continue
        while (at := at + draw.expovariate(count * share / 600)) < until:
            drawn.append(Request(at, *draw.choice(lengths)[1:]))
    before = tuple(one for one in drawn if one.at < begin)
    requests = tuple(one for one in drawn if one.at >= begin)
    return Stream(name=source.name, share=share, begin=begin, end=end, before=before, requests=requests)
