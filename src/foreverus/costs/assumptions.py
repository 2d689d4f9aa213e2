"""Figures that something is reckoned with, and where each is from: measured here, learned, or a listed price. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Measure(StrEnum):
    USD_PER_HOUR = "US$ an hour"
    USD_PER_MILLION = "US$ a million tokens"
    USD = "US$"
    SECONDS = "seconds"
    TOKENS = "tokens"
    TOKENS_PER_SECOND = "tokens a second"
    GPUS = "GPUs"


@dataclass(frozen=True, slots=True)
class Range:
    """What is expected, and between what it lies.

    >>> Range(1.0, 2.0, 4.0) + Range.of(1.0)
    Range(low=2.0, expected=3.0, high=5.0)
    >>> Range(1.0, 2.0, 4.0) * Range(2.0, 2.0, 3.0)
    Range(low=2.0, expected=4.0, high=12.0)
    """

    low: float
    expected: float
    high: float

    @classmethod
    def of(cls, value: float) -> "Range":
        """What is known exactly."""
        return cls(value, value, value)

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def __mul__(self, other: "Range") -> "Range":
        return Range(self.low * other.low, self.expected * other.expected, self.high * other.high)

    def times(self, factor: float) -> "Range":
        return self * Range.of(factor)

    def per(self, rate: "Range") -> "Range":
        """How long so much takes at a rate: the most of it at the lowest one.

        >>> Range(10.0, 20.0, 40.0).per(Range(5.0, 10.0, 20.0))
        Range(low=0.5, expected=2.0, high=8.0)
        """
        return Range(self.low / rate.high, self.expected / rate.expected, self.high / rate.low)

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Assumption:
    """`name`: for programs. `source`: a sentence for people."""

    name: str
    value: Range
    measure: Measure
    source: str
