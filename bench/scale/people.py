"""People who chat on Bedrock, each with an account of their own: 10, 100 and 1,000 in the laptop's cloud.

Every tenth sends three messages at once, of which two are accepted (`PersonMessagesPerMinute=2` here). A transaction
has its items for as long as docs/scale.md assumes. The paced engine answers, so nothing depends on a model.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.figures import Figure, figure, shown
from bench.scale import counts, left
from bench.scale.counts import PUSH, Counts
from bench.scale.crowd import Crowd, Talk, accounts
from foreverus.costs.scale import TRANSACTION_S
from local.cloud import Cloud, running
from local.state import LOCAL

NAME = "scale_people"
SIZES = (10, 100, 1_000)
GAP_S = 0.5  # between two who come: a thousand in eight minutes, where a minute would be life
PACE = 40.0
MOST_MESSAGES = 2
EACH_TENTH = 3
MOST_GROWTH = 1.15  # of what an answer takes, from the smallest crowd to the largest
PARAMETERS = {"PersonMessagesPerMinute": str(MOST_MESSAGES), "MonthlyCapUsd": "100"}


@dataclass(frozen=True, slots=True)
class Run:
    """What a crowd did. `wrong`: in words."""

    people: int
    talks: Sequence[Talk]
    counts: Counts
    seconds: float
    wrong: Sequence[str]

    @property
    def answers(self) -> int:
        return sum(len(one.ends) for one in self.talks)

    def each(self, count: float) -> float:
        """For each answer."""
        return count / max(1, self.answers)


def measure(sizes: Sequence[int] = SIZES, gap_s: float = GAP_S) -> Iterator[Figure]:
    with running(LOCAL / "scale", print, usual_ports=False, pace=PACE, counts=True, parameters=PARAMETERS) as cloud:
        warm_up(cloud)
        runs = []
        for size in sizes:
            runs.append(of_size(cloud, size, gap_s))
            yield from figures(runs[-1])
        yield from growth(runs)


def warm_up(cloud: Cloud) -> None:
    """The functions' processes, and the month's first item."""
    counts.begin(cloud.emulator, 0.0)
    asyncio.run(Crowd(cloud.outputs, "bedrock", 0.2, [1] * 4).talk(accounts(cloud, 4, "first")))


def of_size(cloud: Cloud, people: int, gap_s: float, backend: str = "bedrock") -> Run:
    known = accounts(cloud, people, f"of-{people}")
    asks = [1 if number % 10 else EACH_TENTH for number in range(people)]
    counts.begin(cloud.emulator, TRANSACTION_S)
    begun = time.monotonic()
    talks = asyncio.run(Crowd(cloud.outputs, backend, gap_s, asks).talk(known))
    seconds = time.monotonic() - begun
    heard = [(talk, talk.wrong(asked, MOST_MESSAGES)) for talk, asked in zip(talks, asks, strict=True)]
    wrong = [f"{talk.account.name}: {what}" for talk, what in heard if what] + left.wrong(cloud, talks)
    return Run(people, talks, counts.read(cloud.emulator), seconds, wrong)


def figures(run: Run) -> Iterator[Figure]:
    who = f"{run.people:,} people on Bedrock"
    yield faults(NAME, run, who)
    for name, what, unit, value in rows(run):
        yield shown(f"{NAME}_{name}_{run.people}", [value], what=f"{what}, {who}", unit=unit)


def faults(name: str, run: Run, who: str) -> Figure:
    return figure(
        f"{name}_wrong_{run.people}",
        [float(len(run.wrong))],
        0.0,
        what=f"people without exactly their answers in order, messages over the limit, things left open, of {who}",
        unit="faults",
        wrong=list(run.wrong),
    )


def rows(run: Run) -> list[tuple[str, str, str, float]]:
    found = run.counts
    transactions = found.made(operation="TransactWriteItems")
    return [
        (
            "missed",
            "ends that a line had lost, and their person read",
            "ends",
            sum(len(one.missed) for one in run.talks),
        ),
        ("lines", "WebSockets for each person", "lines", sum(one.lines for one in run.talks) / run.people),
        ("seconds", "the whole crowd on this machine", "s", run.seconds),
        ("calls", "calls of AWS for each answer", "calls", run.each(found.made())),
        ("pushes", "of them frames to the page", "calls", run.each(found.made(operation=PUSH))),
        ("transactions", "of them transactions", "calls", run.each(transactions)),
        ("conflicts", "refused by another one's transaction, for each answer", "calls", run.each(conflicts(found))),
        ("month", "of them on the month's cap", "calls", run.each(found.conflicts["PURSE TOTAL"])),
        ("items", "items written for each conversation", "items", found.written.total() / run.people),
        ("written", "KB written for each conversation, as JSON", "KB", found.written_bytes.total() / run.people / 1e3),
        ("read", "KB read for each answer, as JSON", "KB", run.each(found.read_bytes.total() / 1e3)),
        ("waiting_read", "of them of what waits for Bedrock", "KB", run.each(found.read_bytes[BEDROCK] / 1e3)),
        ("waiting", "messages that waited at once, at most", "messages", found.peaks[BEDROCK]),
        ("functions", "functions at once, at most", "functions", found.peaks["functions"]),
    ]


BEDROCK = "PENDING#BEDROCK"


def conflicts(found: Counts) -> int:
    return found.made(outcome=counts.CONFLICT)


def growth(runs: Sequence[Run]) -> Iterator[Figure]:
    """Whether an answer takes more where more people ask: what gives way on AWS."""
    small, large = runs[0], runs[-1]
    if small is large:
        return
    without: Any = lambda run: run.each(run.counts.made() - conflicts(run.counts))  # noqa: E731
    # What waits is read whole for each answer: it grows with those who wait, and stands in a row of its own.
    read: Any = lambda run: run.each(run.counts.read_bytes.total() - run.counts.read_bytes[BEDROCK])  # noqa: E731
    for name, what, value in (("calls", "calls of AWS", without), ("read", "bytes read", read)):
        yield figure(
            f"{NAME}_growth_{name}",
            [value(large) / value(small)],
            MOST_GROWTH,
            what=f"{what} for each answer: {large.people:,} people / {small.people}",
            unit="x",
        )
