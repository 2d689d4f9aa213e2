"""What an endpoint that is off while nobody asks costs: each second of its instance, once."""

import doctest
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.costs import endpoint as module
from foreverus.costs.endpoint import EndpointRate, UpTime, added_seconds, answered, most_seconds, woken
from tests.unit.conftest import NOW

RATE = EndpointRate(usd_per_hour=1.8, start_seconds=600, idle_seconds=1200)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(module) == doctest.TestResults(0, 1)


def test_who_wakes_it_pays_the_start_and_the_idle_time_and_who_comes_next_moves_the_release() -> None:
    up = woken(None, NOW, RATE)
    assert up == UpTime(ready_at=after(600), until=after(1800))
    assert added_seconds(None, up, NOW) == 1800 and not up.is_ready(NOW) and up.starts_for(NOW) == 600
    first = answered(up, after(610), after(620), RATE)
    assert (first.until, added_seconds(up, first, after(610))) == (after(1820), 20)
    assert first.is_ready(after(620)) and first.starts_for(after(620)) == 0
    second = answered(first, after(615), after(625), RATE)  # beside the first one: next to nothing
    assert added_seconds(first, second, after(615)) == 5


def test_who_asks_again_while_it_starts_wakes_no_other_one() -> None:
    up = woken(None, NOW, RATE)
    assert woken(up, after(30), RATE) == up
    late = woken(up, after(580), RATE)  # it takes longer than it should
    assert late == UpTime(ready_at=after(640), until=after(1840))
    assert added_seconds(up, late, after(580)) == 40


def test_one_that_is_at_rest_before_we_think_so_is_woken_again() -> None:
    up = answered(None, NOW, after(10), RATE)
    assert up.until == after(1210)
    again = woken(up, after(1000), RATE)
    assert again == UpTime(ready_at=after(1600), until=after(2800)) and added_seconds(up, again, after(1000)) == 1590


def test_one_that_answers_though_nobody_woke_it_is_paid_from_then_on() -> None:
    up = answered(None, NOW, after(10), RATE)
    assert added_seconds(None, up, NOW) == 1210
    later = answered(up, after(5000), after(5010), RATE)
    assert added_seconds(up, later, after(5000)) == 1210


# (seconds since the last call began, how long it took, whether it found a copy)
calls = st.lists(st.tuples(st.floats(0, 3000), st.floats(0, 900), st.booleans()), min_size=1, max_size=12)


@given(calls)
def test_each_second_is_paid_once_and_no_call_costs_more_than_was_reserved(
    story: list[tuple[float, float, bool]],
) -> None:
    up: UpTime | None = None
    now, paid, on = NOW, 0.0, 0.0  # `on`: how long the instance was on by the story so far
    for pause, took, found in story:
        now += timedelta(seconds=pause)
        ended = now + timedelta(seconds=took)
        new = answered(up, now, ended, RATE) if found else woken(up, ended, RATE)
        added = added_seconds(up, new, now)
        assert 0 <= added <= most_seconds(up, now, 960, RATE)
        paid += added
        is_on = up is not None and up.until >= now
        on += (new.until - (up.until if up and is_on else now)).total_seconds()
        assert up is None or new.until >= up.until
        up = new
    assert paid == pytest.approx(on)
