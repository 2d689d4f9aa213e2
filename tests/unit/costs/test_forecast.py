"""The month's end at the present pace: the sums, few data, and what holds for every month."""

import doctest
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.costs import forecast as module
from foreverus.costs.forecast import ENOUGH_DAYS, Spent, forecast, months_of, sentence

CAP = 20.0


def days(first: date, *usd: float) -> dict[date, float]:
    return {first + timedelta(days=number): one for number, one in enumerate(usd)}


def test_examples_in_the_docstrings_hold() -> None:
    result = doctest.testmod(module)
    assert result.failed == 0 and result.attempted >= 6


def test_quiet_days_count_and_the_range_grows_with_how_much_days_vary() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    even = forecast(days(date(2026, 11, 1), *[0.5] * 20), Spent(10.0), now, CAP)
    uneven = forecast(days(date(2026, 11, 1), *[1.0, 0.0] * 10), Spent(10.0), now, CAP)
    assert even.usd_per_day == uneven.usd_per_day == 0.5 and even.usd.expected == uneven.usd.expected == 15.0
    assert even.usd.low == even.usd.high == 15.0
    # 14 days of 1 and 0: s = 0.5189; 1.2816 × 0.5189 × √(10 + 100 / 14) = 2.753
    assert uneven.usd.high - 15 == pytest.approx(2.753, abs=1e-3) == 15 - uneven.usd.low


@pytest.mark.parametrize("known", [0, 1, 2, 3, 4])
def test_few_days_are_a_guess_and_say_so(known: int) -> None:
    now = datetime(2026, 11, 1, 12, tzinfo=UTC) + timedelta(days=known)
    said = forecast(days(date(2026, 11, 1), *[1.0] * (known + 1)), Spent(known + 1.0), now, 1000.0)
    assert (said.days, said.enough) == (known, known >= ENOUGH_DAYS)
    assert said.usd_per_day == 1.0 and said.usd.expected == pytest.approx(known + 1 + said.days_left)
    assert ("guess" in sentence(said)) is not said.enough
    assert (said.usd.high > said.usd.expected) is not said.enough, "alike days are known to be alike from three on"
    assert said.first <= said.last


def test_the_first_hour_of_the_first_day_is_not_taken_for_a_days_pace() -> None:
    said = forecast({}, Spent(0.0, live_usd=0.5), datetime(2026, 11, 1, 1, tzinfo=UTC), CAP)
    assert said.usd_per_day == 0.5, "a whole day's, not half a dollar an hour"
    nothing = forecast({}, Spent(0.0), datetime(2026, 11, 1, 1, tzinfo=UTC), CAP)
    assert (nothing.usd.low, nothing.usd.high, nothing.passes_cap_on) == (0.0, 0.0, None)


def test_a_new_month_goes_on_at_the_last_ones_pace() -> None:
    now = datetime(2026, 12, 2, tzinfo=UTC)
    assert months_of(now) == ("2026-11", "2026-12")
    said = forecast(days(date(2026, 11, 18), *[0.5] * 14), Spent(0.5), now, CAP)
    assert (said.days, said.enough, said.first) == (14, True, date(2026, 11, 18))
    assert said.usd.expected == 0.5 + 30 * 0.5


def test_what_nobody_has_used_for_two_weeks_goes_on_at_nothing() -> None:
    said = forecast(days(date(2026, 11, 1), 8.0), Spent(8.0), datetime(2026, 11, 20, tzinfo=UTC), CAP)
    assert (said.usd.low, said.usd.expected, said.usd.high, said.enough) == (8.0, 8.0, 8.0, True)


@pytest.mark.parametrize(
    ("spent", "cap", "on"),
    [
        (10.0, 12.0, date(2026, 11, 25)),
        (10.0, 14.99, date(2026, 11, 30)),
        (10.0, 15.0, None),
        (10.0, 9.0, date(2026, 11, 21)),
    ],
)
def test_the_day_on_which_the_cap_is_reached(spent: float, cap: float, on: date | None) -> None:
    history = days(date(2026, 11, 1), *[0.5] * 20)
    said = forecast(history, Spent(spent), datetime(2026, 11, 21, tzinfo=UTC), cap)
    assert said.passes_cap_on == on and (f"reached on {on}" in sentence(said)) is (on is not None)


COSTS = st.dictionaries(
    st.integers(0, 60).map(lambda back: date(2026, 11, 30) - timedelta(days=back)), st.floats(0, 50), max_size=40
)
NOWS = st.integers(0, 118 * 86_400).map(lambda after: datetime(2026, 10, 5, tzinfo=UTC) + timedelta(seconds=after))


@given(by_day=COSTS, usd=st.floats(0, 500), live=st.floats(0, 10), now=NOWS, factor=st.floats(0.1, 10))
def test_every_month(by_day: dict[date, float], usd: float, live: float, now: datetime, factor: float) -> None:
    said = forecast(by_day, Spent(usd, live), now, CAP)
    close = {"rel": 1e-6, "abs": 1e-6}
    assert usd + live <= said.usd.low + 1e-9 and said.usd.low <= said.usd.expected + 1e-9
    assert said.usd.expected <= said.usd.high + 1e-9
    assert 0 < said.days_left <= 31 and 0 <= said.days <= 14 and said.first <= said.last <= now.date()
    assert said.usd.expected == pytest.approx(usd + live + said.usd_per_day * said.days_left, **close)
    more = forecast({day: one * factor for day, one in by_day.items()}, Spent(usd * factor, live * factor), now, CAP)
    if more.days == said.days:  # what is too small to be multiplied is gone
        assert more.usd.high == pytest.approx(said.usd.high * factor, **close)
    if said.passes_cap_on and said.passes_cap_on > now.date():
        assert said.usd.expected >= CAP - 1e-6
    assert sentence(said).endswith(".") and "nan" not in sentence(said)
