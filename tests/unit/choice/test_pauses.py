"""Pauses between requests, from the minutes in which some came."""

import doctest
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from foreverus.choice import pauses as module
from foreverus.choice.pauses import MOST_PAUSES, known_pauses, minute_of, pauses, windows

NOW = datetime(2026, 11, 29, 14, 30, tzinfo=UTC)  # a Sunday


def test_examples_in_the_docstrings_hold() -> None:
    result = doctest.testmod(module)
    assert result.failed == 0 and result.attempted >= 2


def test_the_same_hour_of_the_same_weekday_is_looked_at() -> None:
    found = windows(NOW)
    assert [one[0].weekday() for one in found] == [6, 6, 6, 6, 5, 6]
    assert all(begin + timedelta(hours=1) == end - timedelta(hours=1) for begin, end in found[:-1])
    assert found[-1] == (NOW - timedelta(hours=6), NOW)


@given(st.integers(0, 2_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_windows_are_in_order_and_never_overlap(now: datetime) -> None:
    found = windows(now)
    assert all(one[1] <= other[0] for one, other in pairwise(found))


@given(st.lists(st.integers(0, 5000)))
def test_pauses_and_busy_minutes_fill_the_time(minutes: list[int]) -> None:
    minutes.sort()
    found = pauses(minutes)
    assert all(one.seconds >= 120 for one in found)
    if minutes:
        busy = len({*minutes})
        assert sum(one.seconds // 60 - 1 for one in found) + busy == minutes[-1] - minutes[0] + 1


def test_no_pause_reaches_from_one_window_into_the_next_and_the_newest_are_kept() -> None:
    assert known_pauses([[1, 5], [1000, 1003]]) == [*pauses([1, 5]), *pauses([1000, 1003])]
    many = known_pauses([range(0, 10_000, 2)])
    assert len(many) == MOST_PAUSES and many[-1].begun == 9996


def test_a_minute_is_counted_in_utc() -> None:
    assert minute_of(datetime.fromisoformat("1970-01-01T01:02:59+01:00")) == 2
