"""The meter: what is being spent, and how near it is to a cap."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.costs.launch import Launch
from foreverus.costs.meter import (
    BESIDE_GPU_USD_PER_HOUR,
    Caps,
    guard_price,
    level,
    spent_usd,
)
from foreverus.costs.money import exact
from foreverus.costs.prices import dearest_price, listed_price
from foreverus.costs.receipt import receipt
from foreverus.costs.reservations import Month, refusal
from foreverus.ids import timestamp
from foreverus.sessions.records import Session
from tests.unit.conftest import launch

START = datetime(2026, 1, 1, tzinfo=UTC)
REGION = "us-east-1"


def bought(after: timedelta = timedelta(), **changes: Any) -> Launch:
    return launch(launched_at=timestamp(START + after), **changes)


def test_meter_and_receipt_say_the_same_at_the_same_moment() -> None:
    launches = [
        bought(price_per_hour_usd=0.4, price_source="test"),
        bought(timedelta(minutes=7), instance_id="i-2", price_per_hour_usd=0.8, price_source="test"),
    ]
    end = START + timedelta(minutes=50)
    bill = receipt(Session(session_id="ses_1", launches=tuple(launches)), REGION, end, guard_price(REGION))
    assert bill.total_usd == pytest.approx(spent_usd(launches, end, REGION), abs=2e-6)
    assert bill.gpu_usd == pytest.approx(7 / 60 * 0.4 + 43 / 60 * 0.8, abs=1e-6)


def test_instance_before_its_price_is_known_counts_at_its_list_price() -> None:
    price = listed_price("g6.xlarge", REGION, "spot").usd_per_hour
    assert price
    spent = spent_usd([bought()], START + timedelta(hours=2), REGION)
    assert spent == pytest.approx(2 * (price + BESIDE_GPU_USD_PER_HOUR))


def test_instance_whose_price_nobody_knows_counts_as_the_dearest() -> None:
    unknown = bought(instance_type="x9.unheard-of", price_per_hour_usd=None, price_source="unknown")
    assert guard_price(REGION)(unknown) == dearest_price()
    assert (dearest_price().usd_per_hour or 0) >= 1.86


@given(st.floats(0, 50), st.floats(0, 500), st.floats(0.1, 100), st.floats(0.1, 1000))
def test_cap_is_reached_exactly_when_a_cap_is_used_up(session: float, month: float, own: float, monthly: float) -> None:
    found = level(session, month, Caps(monthly, own))
    assert found.reached == (100 * session / own >= 100 or 100 * (month + session) / monthly >= 100)
    assert found.notice == (100 if found.reached else 80 if found.percent >= 80 else 0)


def test_session_without_caps_in_its_record_has_no_budget_to_watch() -> None:
    assert Session(session_id="ses_1", launches=(bought(),)).budget is None
    assert Session(session_id="ses_1", session_cap_usd=4, monthly_cap_usd=20).budget is None


def test_refusal_says_what_was_spent_and_how_to_go_on() -> None:
    error = refusal(Month("2026-11", exact(20), exact(20.314), exact(20.314)), exact(0.04))
    assert error.status == 402
    assert error.body()["error"]["code"] == "spend_cap_reached"
    for words in ("2026-11", "US$ 20.31", "US$ 20.00", "MonthlyCapUsd", "first of the month"):
        assert words in error.message
