"""What work would cost and how long it would take: sums over ranges, of which each figure is named. Pure.

The expected value is what the receipt and the ledger will say when the expected figures come true: the meter's own
arithmetic (`meter.py`, `prices.py`), with the figures as ranges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from foreverus.backends.port import BackendName
from foreverus.costs.assumptions import Assumption, Range
from foreverus.costs.meter import MINIMUM_BILLED_SECONDS
from foreverus.costs.prices import TokenPrice


class QuoteKind(StrEnum):
    SESSION = "session"
    CHAT = "chat"
    BATCH = "batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendQuote:
    """`usd`: what the ledger will say. `seconds`: until the last word is there; of a session, of its GPU's life.
    `beside_usd`: what AWS takes beside that and no ledger counts (costs/one_answer.py). `why_not`: why it cannot be had
    for this; empty: it can. None: nobody knows, or there is nothing to know."""

    backend: BackendName
    usd: Range | None = None
    seconds: Range | None = None
    first_word_seconds: Range | None = None
    beside_usd: Range | None = None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class AutoChoice:
    """Which one would be taken. `backend` None: neither just now, and `text` says why."""

    backend: BackendName | None
    reason: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """`work`: how much was reckoned with, by name."""

    kind: QuoteKind
    backends: Sequence[BackendQuote]
    auto: AutoChoice
    assumptions: Sequence[Assumption]
    work: Mapping[str, Range] = field(default_factory=dict)


def gpu_usd(seconds: Range, usd_per_hour: Range, database_usd: Range) -> Range:
    """Of one GPU that is bought for it, from launch to end; at least a minute of it is billed.

    >>> gpu_usd(Range(30, 3600, 7200), Range.of(0.5), Range.of(0.01))
    Range(low=0.018333333333333333, expected=0.51, high=1.01)
    """
    least = MINIMUM_BILLED_SECONDS
    billed = Range(max(seconds.low, least), max(seconds.expected, least), max(seconds.high, least))
    return (billed * usd_per_hour).times(1 / 3600) + database_usd


def share_usd(completion_tokens: Range, tokens_per_second: Range, usd_per_hour: Range) -> Range:
    """Of a GPU that is on for others too: the time that these tokens take of it with its slots full.

    >>> share_usd(Range.of(452_000), Range.of(452), Range.of(0.36))
    Range(low=0.1, expected=0.1, high=0.1)
    """
    return (completion_tokens.per(tokens_per_second) * usd_per_hour).times(1 / 3600)


def bedrock_usd(prompt_tokens: Range, completion_tokens: Range, price: TokenPrice) -> Range | None:
    """None where nobody knows the price.

    >>> bedrock_usd(Range.of(1e6), Range(0, 5e5, 1e6), TokenPrice(0.15, 0.20, "list"))
    Range(low=0.15, expected=0.25, high=0.35)
    """
    if price.prompt is None or price.completion is None:
        return None
    return (prompt_tokens.times(price.prompt) + completion_tokens.times(price.completion)).times(1e-6)
