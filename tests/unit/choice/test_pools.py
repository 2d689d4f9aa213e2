"""In which order zones and types are asked for: few interruptions overrule nothing, many do."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.choice.pools import (
    PUBLISHED_PER_HOUR,
    PoolFigures,
    PoolSeen,
    expected_cost,
    interruptions_per_hour,
    pool_order,
)

AT = "2026-11-29T12:00:00.000Z"
FIGURES = PoolFigures(boot_seconds=480, use_seconds=1800)


def pool(zone: str, usd: float = 0.36, hours: float = 0.0, interruptions: float = 0.0) -> PoolSeen:
    return PoolSeen(instance_type="g6.xlarge", zone=zone, usd_per_hour=usd, hours=hours, interruptions=interruptions)


def zones(*seen: PoolSeen) -> tuple[bool, str]:
    order = pool_order(seen, FIGURES, AT)
    assert order
    return order.learned, "".join(name[-1] for name in order.names)


def test_without_data_ec2s_own_order_stands() -> None:
    assert zones(pool("a"), pool("b")) == (False, "ab")
    assert zones(pool("a", 0.5), pool("b", 0.3)) == (False, "ba"), "EC2 knows prices itself"
    assert pool_order([], FIGURES, AT) is None


@pytest.mark.parametrize(("hours", "interruptions"), [(0.1, 1), (0.1, 2), (8, 0), (100, 0), (100, 2), (1000, 20)])
def test_few_interruptions_never_overrule_ec2(hours: float, interruptions: float) -> None:
    assert zones(pool("a", hours=hours, interruptions=interruptions), pool("b"))[0] is False


@pytest.mark.parametrize(("hours", "interruptions"), [(1, 4), (3, 6), (24, 10), (100, 40)])
def test_a_pool_that_is_interrupted_often_goes_last(hours: float, interruptions: float) -> None:
    often = pool("a", hours=hours, interruptions=interruptions)
    assert zones(often, pool("b"), pool("c", hours=20)) == (True, "cba")
    order = pool_order([often, pool("b")], FIGURES, AT)
    assert (
        order and order.last.zone == "a" and f"{interruptions:.1f} interruptions in {hours:.1f} hours" in order.text()
    )
    assert order.first.usd < order.last.usd and order.interruptions == interruptions


def test_a_much_cheaper_pool_is_worth_its_interruptions() -> None:
    often = pool("a", usd=0.15, hours=3, interruptions=6)
    assert zones(often, pool("b", usd=0.9)) == (False, "ab")


def test_longer_boots_make_interruptions_dearer() -> None:
    often, quiet = pool("a", usd=0.34, hours=3, interruptions=6), pool("b", usd=0.36)
    short = pool_order([often, quiet], replace(FIGURES, boot_seconds=60), AT)
    long = pool_order([often, quiet], replace(FIGURES, boot_seconds=900), AT)
    assert short and long and (short.first.zone, long.first.zone) == ("a", "b")


def test_what_is_not_learned_is_no_order_for_a_launch() -> None:
    order = pool_order([pool("a"), pool("b")], FIGURES, AT)
    assert order and order.for_launch().names == () and order.text().startswith("EC2's own order")
    learned = pool_order([pool("a", hours=1, interruptions=9), pool("b")], FIGURES, AT)
    assert learned and learned.for_launch() == learned


PRICES = st.floats(0.05, 5.0)
HOURS = st.floats(0.0, 10_000.0)


@given(PRICES, HOURS, st.floats(0.0, 500.0))
def test_cost_is_between_never_and_always_interrupted(usd: float, hours: float, interruptions: float) -> None:
    seen = pool("a", usd, hours, interruptions)
    cost = expected_cost(seen, FIGURES)
    assert 0.0 <= cost.chance <= 1.0
    assert cost.usd >= usd * 2280 / 3600 and cost.usd == expected_cost(seen, FIGURES).usd
    more = expected_cost(replace(seen, interruptions=interruptions + 1), FIGURES)
    assert more.usd >= cost.usd


@given(HOURS)
def test_rate_is_between_the_published_and_the_seen_one(hours: float) -> None:
    for interruptions in (0.0, hours):
        rate, own = (
            interruptions_per_hour(pool("a", hours=hours, interruptions=interruptions)),
            interruptions / max(hours, 1e-9),
        )
        low, high = sorted((own, PUBLISHED_PER_HOUR))
        assert low - 1e-12 <= rate <= high + 1e-12
