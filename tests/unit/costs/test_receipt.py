"""Money: seconds, tokens and USD of one session."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.aws.ec2 import SpotPrices
from foreverus.costs.database import wake_usd
from foreverus.costs.launch import BedrockUse
from foreverus.costs.price_book import PriceBook
from foreverus.costs.prices import Price, listed_price
from foreverus.costs.receipt import elsewhere, idle_of, receipt
from foreverus.ids import timestamp
from foreverus.sessions.records import BusyTime, Phase, Session
from tests.unit.conftest import launch

START = datetime(2026, 1, 1, tzinfo=UTC)


def session(*starts: timedelta) -> Session:
    launches = tuple(launch(launched_at=timestamp(START + start)) for start in starts)
    return Session(session_id="ses_1", launches=launches)


def priced(usd_per_hour: float) -> Any:
    return lambda launch: Price(usd_per_hour, "test")


def test_an_hour_costs_the_hourly_price_its_disk_and_its_address() -> None:
    bill = receipt(session(timedelta()), "us-east-1", START + timedelta(hours=1), priced(0.4))
    assert bill.gpu_usd == 0.4
    assert bill.storage_usd == pytest.approx((100 * 0.08 + 125 * 0.04) / 730, abs=1e-6)
    assert bill.address_usd == 0.005
    assert bill.total_usd == pytest.approx(0.4 + 0.005 + (100 * 0.08 + 125 * 0.04) / 730, abs=2e-6)


def test_a_few_seconds_are_billed_as_a_minute() -> None:
    bill = receipt(session(timedelta()), "us-east-1", START + timedelta(seconds=9), priced(0.36))
    assert bill.instance_seconds == 9
    assert bill.gpu_usd == 0.006


def test_both_instances_of_a_relaunched_session_are_counted() -> None:
    bill = receipt(session(timedelta(), timedelta(minutes=10)), "us-east-1", START + timedelta(minutes=40), priced(0.6))
    assert bill.launches == 2
    assert bill.instance_minutes == 40
    assert bill.gpu_usd == 0.4


def test_a_session_that_never_got_a_gpu_cost_nothing() -> None:
    bill = receipt(session(), "us-east-1", START, priced(0.4))
    assert bill.total_usd == 0
    assert bill.instance_id is None


def test_the_database_that_woke_up_to_keep_it_is_in_the_total() -> None:
    bill = receipt(session(), "us-east-1", START, priced(0.4), wake_usd())
    assert bill.total_usd == bill.database_usd == pytest.approx(0.0115)
    assert receipt(session(), "us-east-1", START, priced(0.4)).database_usd == 0


def test_what_bedrock_answered_is_in_the_total_beside_what_the_gpu_cost() -> None:
    answered = BedrockUse(usd=0.000123, messages=2)
    bill = receipt(
        replace(session(), bedrock=answered, prompt_tokens=500, completion_tokens=240), "us-east-1", START, priced(0.4)
    )
    assert (bill.bedrock_usd, bill.bedrock_messages, bill.total_usd) == (0.000123, 2, 0.000123)
    both = receipt(
        replace(session(timedelta()), bedrock=answered), "us-east-1", START + timedelta(hours=1), priced(0.4)
    )
    gpu = both.gpu_usd + both.storage_usd + both.address_usd
    assert both.total_usd == pytest.approx(gpu + 0.000123, abs=2e-6)


def test_receipt_does_not_guess_what_bedrock_took_at_a_price_that_nobody_knows() -> None:
    guarded = replace(session(), bedrock=BedrockUse(usd=0.5, price_unknown=True, messages=1))
    bill = receipt(guarded, "us-east-1", START, priced(0.4))
    assert (bill.bedrock_usd, bill.total_usd) == (None, None)


@given(st.lists(st.integers(0, 100_000), max_size=4), st.floats(0.01, 10))
def test_more_time_never_costs_less(starts: list[int], price: float) -> None:
    launches = session(*(timedelta(seconds=second) for second in sorted(starts)))
    end = START + timedelta(seconds=100_000)
    shorter = receipt(launches, "us-east-1", end, priced(price)).total_usd
    assert receipt(launches, "us-east-1", end + timedelta(hours=1), priced(price)).total_usd >= shorter >= 0


def test_listed_prices_err_on_the_expensive_side() -> None:
    spot, on_demand = (listed_price("g6.xlarge", "us-east-1", kind).usd_per_hour or 0 for kind in ("spot", "on-demand"))
    assert on_demand == 0.8048  # published
    assert spot == 0.4011  # the dearest observed zone
    elsewhere = listed_price("g6.xlarge", "eu-west-3", "spot")
    assert (elsewhere.usd_per_hour or 0) >= spot


def test_an_unknown_type_has_no_invented_price() -> None:
    price = listed_price("z9.huge", "us-east-1", "spot")
    assert price.usd_per_hour is None
    assert "z9.huge" in price.source


class Ec2:
    """Answers as DescribeSpotPriceHistory does."""

    def __init__(self, *prices: str):
        self.prices = prices
        self.asked: list[dict[str, Any]] = []

    def describe_spot_price_history(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        return {"SpotPriceHistory": [{"SpotPrice": p, "AvailabilityZone": "us-east-1a"} for p in self.prices]}


def test_the_spot_price_is_what_ec2_says_it_was_at_launch() -> None:
    ec2 = Ec2("0.312300", "0.5")
    price = PriceBook(SpotPrices(ec2).at, "us-east-1").price_of(launch())
    assert (price.usd_per_hour, price.source) == (0.3123, "spot price history of us-east-1a")
    assert ec2.asked[0]["StartTime"] == ec2.asked[0]["EndTime"]


@pytest.mark.usefixtures("aws")
def test_without_a_history_the_listed_price_is_used() -> None:
    book = PriceBook(SpotPrices(boto3.client("ec2")).at, "us-east-1")
    on_demand = book.price_of(launch(lifecycle="on-demand"))
    assert on_demand.usd_per_hour == 0.8048
    assert PriceBook(SpotPrices(Ec2()).at, "us-east-1").price_of(launch()).usd_per_hour == 0.4011


def served(
    *, healthy_after: float = 300, busy: float | None = 600, attempt: int = 0, minutes: float = 0.0
) -> tuple[tuple[Phase, ...], tuple[BusyTime, ...]]:
    """(phases, busy) of an instance that was bought `minutes` after the beginning."""
    at = timestamp(START + timedelta(minutes=minutes, seconds=healthy_after))
    return (Phase("healthy", at, attempt),), () if busy is None else (BusyTime(attempt, busy),)


def test_what_was_paid_while_nobody_asked_is_told_with_its_price() -> None:
    phases, busy = served()
    bill = receipt(
        replace(session(timedelta()), phases=phases, busy=busy), "us", START + timedelta(hours=1), priced(0.4)
    )
    assert (bill.boot_seconds, bill.idle_seconds) == (300, 2700)
    assert bill.total_usd and bill.idle_usd == pytest.approx(bill.total_usd * 0.75, abs=2e-6)
    counted = idle_of(bill)
    assert (float(counted.seconds), float(counted.usd), counted.sessions) == (2700, bill.idle_usd, 1)


@pytest.mark.parametrize("busy", [3300, 4000])
def test_a_gpu_that_was_never_idle_cost_nothing_for_it(busy: float) -> None:
    """More than there was time for: clocks of two machines."""
    phases, noted = served(busy=busy)
    bill = receipt(
        replace(session(timedelta()), phases=phases, busy=noted), "us", START + timedelta(hours=1), priced(1)
    )
    assert (bill.idle_seconds, bill.idle_usd) == (0, 0)


def test_of_a_gpu_that_was_lost_nobody_knows_how_idle_it_was() -> None:
    first, _ = served(busy=None)
    second, busy = served(attempt=1, minutes=20)
    two = replace(
        session(timedelta(), timedelta(minutes=20)),
        launches=(
            launch(launched_at=timestamp(START)),
            launch(launched_at=timestamp(START + timedelta(minutes=20)), attempt=1),
        ),
        phases=first + second,
        busy=busy,
        attempt=1,
    )
    bill = receipt(two, "us", START + timedelta(hours=1), priced(0.4))
    assert (bill.boot_seconds, bill.idle_seconds, bill.idle_usd) == (600, None, None)
    assert idle_of(bill).sessions == 0


def test_a_boot_that_failed_was_never_idle() -> None:
    bill = receipt(session(timedelta()), "us", START + timedelta(minutes=9), priced(0.4))
    assert (bill.boot_seconds, bill.idle_seconds, bill.idle_usd) == (540, 0, 0)


def test_the_same_work_elsewhere_is_reckoned_as_usage_reckons_it() -> None:
    at = elsewhere("mistral.mistral-7b-instruct-v0:2", "us-east-1")
    asked = replace(session(timedelta()), prompt_tokens=1_000_000, completion_tokens=500_000)
    bill = receipt(asked, "us-east-1", START + timedelta(hours=1), priced(0.4), 0.0, at)
    assert bill.if_bedrock_usd == 0.25
    on_demand = listed_price("g6.xlarge", "us-east-1", "on-demand").usd_per_hour
    assert on_demand and bill.always_on_day_usd == pytest.approx(24 * on_demand)
    unknown = receipt(asked, "us-east-1", START, priced(0.4), 0.0, elsewhere("", "us-east-1"))
    assert unknown.if_bedrock_usd is None, "a stack without Bedrock has none to compare with"
