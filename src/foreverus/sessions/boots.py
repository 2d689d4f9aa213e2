"""How long boots take here, learned from earlier sessions. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from foreverus import ids
from foreverus.sessions.records import Session

USUAL = (0.1, 0.9)  # the middle eight of ten boots are what usually happens
LATE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedBoots:
    """Seconds from the request to the first answer. `low` to `high`: the middle eight of ten boots; `expected`: the
    median; `late`: 95 % of the boots took no longer. `count`: so many boots were seen."""

    low: float
    expected: float
    high: float
    late: float
    count: int


def boot_seconds(earlier: Iterable[Session]) -> list[float]:
    """Of each session that became healthy, in the order in which they come."""
    return [
        (ids.parse_timestamp(one.healthy_at) - ids.parse_timestamp(one.created_at)).total_seconds()
        for one in earlier
        if one.healthy_at
    ]


def learned_boots(earlier: Iterable[Session]) -> LearnedBoots | None:
    """None while no boot was seen.

    >>> took = [f"2026-01-01T00:{minute:02}:00Z" for minute in range(5, 16)]
    >>> seen = [Session(session_id="s", created_at="2026-01-01T00:00:00Z", healthy_at=at) for at in took]
    >>> learned_boots(seen)
    LearnedBoots(low=360.0, expected=600.0, high=840.0, late=870.0, count=11)
    """
    took = sorted(boot_seconds(earlier))
    if not took:
        return None
    low, high = (_quantile(took, share) for share in USUAL)
    return LearnedBoots(low=low, expected=_quantile(took, 0.5), high=high, late=_quantile(took, LATE), count=len(took))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Between the two values around it, in proportion (Hyndman and Fan's type 7, what spreadsheets reckon)."""
    at = share * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (at - below) * (ordered[above] - ordered[below]), 1)
