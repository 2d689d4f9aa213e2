"""USD in decimals of nine places."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from foreverus.costs.money import at_least, at_most, exact

usd = st.floats(0, 1e5)


@given(usd, usd)
def test_what_is_added_and_taken_away_leaves_nothing(one: float, other: float) -> None:
    assert exact(one) + exact(other) - exact(other) == exact(one)


@given(usd)
def test_a_guard_rounds_against_whoever_spends(one: float) -> None:
    assert at_least(one) <= Decimal(repr(one)) <= at_most(one)
    assert at_most(one) - at_least(one) <= Decimal("1e-9")


@given(usd)
def test_what_the_table_gives_back_is_what_was_written(one: float) -> None:
    assert exact(float(exact(one))) == exact(one)
