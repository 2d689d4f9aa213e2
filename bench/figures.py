"""What a measurement has found, and whether that is good. Pure.

A figure is decided by its spread and not by chance. It is `good` when at least three samples in four keep the limit,
and `bad` when none does; with `by_middle` (of many noisy pairs) when the range in which the middle of all such samples
lies is on that side of the limit. What lies between says `undecided`, and so does a time that is bad on a machine that
let the work wait: a busy machine may not flip a verdict. Processor time needs no such care.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import comb
from statistics import median
from typing import Any


class Verdict(StrEnum):
    GOOD = "good"
    BAD = "bad"
    UNDECIDED = "undecided"  # measure again on a quieter machine
    SHOWN = "shown"  # it has no limit: for who wants to know


WORDS = {True: "at least", False: "at most"}
LEAST_SAMPLES = 6  # whose outermost two have the middle of all between them 19 times in 20
MOST_WAITED = 0.05  # of the time that is measured: more, and the machine is busy


@dataclass(frozen=True, kw_only=True)
class Figure:
    """`limit`: the most that is good, or with `at_least` the least. `detail`: for the whole log."""

    name: str
    what: str
    unit: str
    value: float
    lowest: float
    highest: float
    limit: float
    verdict: Verdict
    at_least: bool = False
    waited: float = 0.0  # share of the time in which the work had no processor
    middle: tuple[float, float] | None = None  # the range in which the true middle lies, 19 times in 20
    detail: dict[str, Any] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """What is committed."""
        return {
            "name": self.name,
            "what": self.what,
            "value": _rounded(self.value),
            "unit": self.unit,
            "spread": [_rounded(self.lowest), _rounded(self.highest)],
            "limit": "none" if self.verdict is Verdict.SHOWN else f"{WORDS[self.at_least]} {self.limit:g}",
            "verdict": str(self.verdict),
            **({"waited": _rounded(self.waited)} if self.waited else {}),
            **({"middle": [_rounded(one) for one in self.middle]} if self.middle else {}),
        }


def figure(
    name: str,
    samples: Sequence[float],
    limit: float,
    *,
    what: str,
    unit: str,
    at_least: bool = False,
    waited: Sequence[float] = (),
    by_middle: bool = False,
    **detail: Any,
) -> Figure:
    """The middle of some samples, with their spread. `waited`: of times, the share of each in which the work had no
    processor. `by_middle`: decided by the range of the middle."""
    waiting = median(waited) if waited else 0.0
    is_busy = waiting > MOST_WAITED or (by_middle and len(samples) < LEAST_SAMPLES)
    middle = middle_range(samples) if by_middle else None
    return Figure(
        name=name,
        what=what,
        unit=unit,
        value=median(samples),
        lowest=min(samples),
        highest=max(samples),
        limit=limit,
        at_least=at_least,
        waited=waiting,
        middle=middle,
        verdict=verdict_by_middle(middle, limit, at_least, is_busy)
        if middle
        else verdict(samples, limit, at_least, is_busy),
        detail=detail,
    )


def shown(name: str, samples: Sequence[float], *, what: str, unit: str, **more: Any) -> Figure:
    """The same without a limit."""
    return replace(figure(name, samples, median(samples), what=what, unit=unit, **more), verdict=Verdict.SHOWN)


def verdict(samples: Sequence[float], limit: float, at_least: bool = False, is_busy: bool = False) -> Verdict:
    """
    >>> [str(verdict(samples, 1.2)) for samples in ([0.9, 1.0, 1.1], [1.1, 1.25, 1.3], [1.3, 1.4])]
    ['good', 'undecided', 'bad']
    >>> str(verdict([1.3, 1.4], 1.2, is_busy=True))
    'undecided'
    """
    kept = sum(one >= limit if at_least else one <= limit for one in samples)
    if kept == 0:
        return Verdict.UNDECIDED if is_busy else Verdict.BAD
    return Verdict.GOOD if kept >= 0.75 * len(samples) else Verdict.UNDECIDED


def middle_range(samples: Sequence[float]) -> tuple[float, float]:
    """Two of the samples between which the middle of all that could be taken lies with at least 95 %, whatever their
    spread looks like; the outermost two of less than six, which cannot say as much.

    >>> middle_range([5, 1, 4, 2, 3, 6, 7, 8, 9])
    (2, 8)
    """
    ordered, count = sorted(samples), len(samples)
    outside, beyond = 0, 1  # so many samples on each side are left out; 2 ** count times the chance of that
    while 2 * beyond + 2 * comb(count, outside + 1) <= 0.05 * 2**count:
        outside += 1
        beyond += comb(count, outside)
    return ordered[outside], ordered[count - 1 - outside]


def verdict_by_middle(
    middle: tuple[float, float], limit: float, at_least: bool = False, is_busy: bool = False
) -> Verdict:
    """
    >>> [str(verdict_by_middle(one, 1.03)) for one in ((1.0, 1.02), (1.01, 1.05), (1.04, 1.05))]
    ['good', 'undecided', 'bad']
    """
    low, high = sorted(limit - one if at_least else one - limit for one in middle)
    return Verdict.GOOD if high <= 0 else Verdict.BAD if low > 0 and not is_busy else Verdict.UNDECIDED


def ratios(ours: Sequence[float], baseline: Sequence[float]) -> list[float]:
    """Pair by pair: the two sides of a pair were taken one after the other, and have seen the same machine.

    >>> ratios([2.0, 3.0], [1.0, 2.0])
    [2.0, 1.5]
    """
    return [our / their for our, their in zip(ours, baseline, strict=True)]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent of them do not exceed.

    >>> percentile([4, 1, 3, 2], 50), percentile([4, 1, 3, 2], 99)
    (2, 4)
    """
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def _rounded(value: float) -> float:
    """
    >>> _rounded(0.12345), _rounded(1234.56)
    (0.1235, 1235)
    """
    return round(value) if abs(value) >= 1000 else round(value, 1 if abs(value) >= 100 else 4 if abs(value) < 1 else 3)
