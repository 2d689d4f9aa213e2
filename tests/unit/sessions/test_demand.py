"""When something was asked: the table and its twin keep the same."""

import doctest
from datetime import UTC, datetime, timedelta

import pytest

from foreverus.aws.demand_keys import DEMAND
from foreverus.choice.pauses import known_pauses, minute_of, pauses
from foreverus.sessions import demand as module
from foreverus.sessions.demand import Demand, DemandStore, MemoryDemand
from tests.unit.conftest import Aws

NOW = datetime(2026, 11, 29, 21, 50, 30, tzinfo=UTC)


@pytest.fixture(params=["dynamodb", "memory"])
def demand(request: pytest.FixtureRequest, aws: Aws) -> Demand:
    return MemoryDemand() if request.param == "memory" else DemandStore(aws.items)


def ago(**time: float) -> int:
    return minute_of(NOW - timedelta(**time))


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(module).failed == 0


def test_minutes_are_found_in_the_windows_of_such_times(demand: Demand) -> None:
    last_week, other = ago(days=7, minutes=-10), ago(days=3)
    demand.note([ago(minutes=70), ago(minutes=9), ago(minutes=2), last_week, other])
    demand.note([ago(minutes=2)])  # again: nothing changes
    found = demand.of_such_times(NOW)
    assert len(found) == 6
    assert found[-1] == [ago(minutes=70), ago(minutes=9), ago(minutes=2)]
    assert found[3] == [last_week] and not any(other in window for window in found)
    assert known_pauses(found) == pauses(found[-1])


def test_what_bedrock_took_is_found_by_the_minute_and_counts_as_asked(demand: Demand) -> None:
    for minutes, usd in ((1, 0.25), (1, 0.5), (59, 0.125), (61, 8.0)):
        demand.spent(NOW - timedelta(minutes=minutes), usd)
    found = demand.bedrock_usd(NOW - timedelta(hours=1), NOW)
    assert found == {ago(minutes=1): 0.75, ago(minutes=59): 0.125}
    assert ago(minutes=61) in demand.of_such_times(NOW)[-1]


def test_nothing_known_is_nothing(demand: Demand) -> None:
    assert demand.of_such_times(NOW) == [[]] * 6 and demand.bedrock_usd(NOW - timedelta(hours=1), NOW) == {}
    demand.note([])


def test_a_whole_hour_is_small_nobodys_and_ends(aws: Aws) -> None:
    store, hour = DemandStore(aws.items), NOW.replace(minute=0, second=0)
    for minute in range(60):
        for _ in range(3):
            store.spent(hour + timedelta(minutes=minute), 0.000123456789)
    (item,) = aws.items.query(DEMAND)
    assert set(item) == {"pk", "sk", "minutes", "expires_at", *(f"usd_{minute:02}" for minute in range(60))}
    assert (item["sk"], len(item["minutes"])) == ("2026-11-29T21", 60)
    assert timedelta(weeks=5) <= datetime.fromtimestamp(item["expires_at"], UTC) - hour < timedelta(weeks=5, hours=1)
    assert len(str(item)) < 4096
