"""One at a time answers a conversation: the lease in the table and its twin."""

from datetime import UTC, datetime, timedelta

import pytest

from foreverus import ids
from foreverus.aws import keys
from foreverus.conversations.lease import LEASE, ConversationLease, LeaseStore, MemoryLease, Taken
from tests.unit.conftest import Aws, Clock

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(T0)


@pytest.fixture(params=["dynamodb", "memory"])
def lease(request: pytest.FixtureRequest, aws: Aws, clock: Clock) -> ConversationLease:
    return MemoryLease(clock) if request.param == "memory" else LeaseStore(aws.items, clock)


def test_one_has_it_and_goes_on_having_it(lease: ConversationLease, clock: Clock) -> None:
    assert not lease.is_held("conv_1")
    assert lease.take("conv_1", "a") and lease.is_held("conv_1")
    assert not lease.take("conv_1", "b")
    assert lease.take("conv_2", "b")  # another conversation
    for _ in range(3):
        clock.now += LEASE - timedelta(seconds=1)
        assert lease.take("conv_1", "a")
        assert not lease.take("conv_1", "b")


def test_who_was_killed_has_it_no_more_soon(lease: ConversationLease, clock: Clock) -> None:
    assert lease.take("conv_1", "a")
    clock.now += LEASE + timedelta(milliseconds=1)
    assert not lease.is_held("conv_1")
    assert lease.take("conv_1", "b")
    assert not lease.take("conv_1", "a")
    lease.give_back("conv_1", "a", ended=True)
    assert lease.is_held("conv_1"), "who comes back late takes nothing away"


@pytest.mark.parametrize("ended", [True, False])
def test_given_back_it_is_free_at_once(lease: ConversationLease, ended: bool) -> None:
    lease.give_back("conv_1", "a", ended=ended)  # nobody has it
    assert lease.take("conv_1", "a")
    lease.give_back("conv_1", "a", ended=ended)
    assert not lease.is_held("conv_1")
    assert lease.take("conv_1", "b")


def test_what_a_crash_leaves_vanishes(aws: Aws, clock: Clock) -> None:
    LeaseStore(aws.items, clock).take("conv_1", "a")
    item = aws.items.get(keys.answering_key("conv_1"))
    assert item and item["expires_at"] == int(T0.timestamp()) + 3600


@pytest.mark.parametrize("how", ["killed", "failed"])
def test_an_end_that_did_not_come_is_told_once_to_the_next(lease: ConversationLease, clock: Clock, how: str) -> None:
    assert lease.take("conv_1", "a") == Taken()
    clock.now += timedelta(seconds=8)
    assert lease.take("conv_1", "a") == Taken(), "it goes on"
    if how == "failed":
        lease.give_back("conv_1", "a", ended=False)
    until = clock.now if how == "failed" else clock.now + LEASE
    clock.now = until
    assert lease.take("conv_1", "b") == Taken(ids.timestamp(until))
    assert lease.take("conv_1", "b") == Taken()
    lease.give_back("conv_1", "b", ended=True)
    assert lease.take("conv_1", "c") == Taken()


def test_who_goes_on_after_its_lease_was_over_and_nobody_came_has_lost_nothing(
    lease: ConversationLease, clock: Clock
) -> None:
    assert lease.take("conv_1", "a")
    clock.now += 3 * LEASE
    assert lease.take("conv_1", "a") == Taken()
    assert not lease.take("conv_1", "b")
