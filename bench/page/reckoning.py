"""What the figures of the page are made of. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.figures import percentile

LONG_MS = 50  # a task that is longer makes somebody wait: what it takes beyond that counts (TBT)


@dataclass(frozen=True)
class Opened:
    """Milliseconds since the navigation began; `shift` is CLS, `blocked_ms` what tasks took beyond 50 ms each."""

    typing_ms: float
    live_ms: float
    painted_ms: float
    blocked_ms: float
    shift: float


def opened(ready: dict[str, float], watched: dict[str, Any]) -> Opened:
    """`ready` and `watched` as in_page.js has them. A task that begins once it is live is not part of its opening."""
    blocked = sum(took - LONG_MS for begun, took in watched["longs"] if begun < ready["live"] and took > LONG_MS)
    return Opened(ready["typing"], ready["live"], watched["lcp"], blocked, watched["cls"])


def typed(keys_ms: Sequence[float]) -> dict[str, float]:
    """Of all keys: what 19 of 20 keep (`key`), and the slowest (`inp`)."""
    return {"key": percentile(keys_ms, 95), "inp": max(keys_ms)}


def kilobytes_each(before: float, after: float, many: int) -> float:
    """What each of `many` things has added to a heap, in thousands of bytes."""
    return (after - before) / many / 1000
