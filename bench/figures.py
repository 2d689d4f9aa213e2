"""What a measurement has found, and whether that is good. Pure.

A figure is decided by its spread and not by chance. It is `good` when at least three samples in four keep the limit,
and `bad` when none does. What lies between says `undecided`, and so does a time that is bad on a machine that let the
work wait: a busy machine may not flip a verdict. Processor time needs no such care.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any


class Verdict(StrEnum):
    GOOD = "good"
    BAD = "bad"
    UNDECIDED = "undecided"  # measure again on a quieter machine


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
    detail: dict[str, Any] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """What is committed."""
        return {
            "name": self.name,
            "what": self.what,
            "value": _rounded(self.value),
            "unit": self.unit,
            "spread": [_rounded(self.lowest), _rounded(self.highest)],
            "limit": f"{'at least' if self.at_least else 'at most'} {self.limit:g}",
            "verdict": str(self.verdict),
            **({"waited": _rounded(self.waited)} if self.waited else {}),
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
    **detail: Any,
) -> Figure:
    """The middle of some samples, with their spread. `waited`: of times, the share of each in which the work had no
    processor."""
    waiting = median(waited) if waited else 0.0
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
        verdict=verdict(samples, limit, at_least, is_busy=waiting > MOST_WAITED),
        detail=detail,
    )


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
