"""For how much of a session its GPU answered."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from foreverus import ids
from foreverus.sessions.availability import healthy_minutes

START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


def session(launches: list[int], healthy: dict[int, int]) -> Any:
    """Minutes after the start of each launch, and by attempt of its first healthy second."""
    at = lambda minute: ids.timestamp(START + timedelta(minutes=minute))  # noqa: E731
    made = tuple(SimpleNamespace(attempt=number, launched_at=at(minute)) for number, minute in enumerate(launches))
    return SimpleNamespace(launches=made, healthy_times={number: at(minute) for number, minute in healthy.items()})


@pytest.mark.parametrize(
    ("launches", "healthy", "minutes", "expected"),
    [
        ([], {}, 0, (0, 0)),
        ([0], {}, 15, (0, 15)),  # it never answered
        ([0], {0: 8}, 20, (12, 20)),
        ([0, 10], {0: 4, 1: 15}, 30, (6 + 15, 30)),  # the first one was lost
        ([0, 10], {1: 15}, 30, (15, 30)),
        ([0], {0: 8}, 5, (0, 5)),  # its record says more than it lived
    ],
)
def test_minutes_in_which_a_gpu_answered_and_minutes_with_one(
    launches: list[int], healthy: dict[int, int], minutes: int, expected: tuple[int, int]
) -> None:
    assert healthy_minutes(session(launches, healthy), START + timedelta(minutes=minutes)) == expected
