"""The purse in DynamoDB (moto) and its twin: one contract."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Write
from foreverus.costs.ledger import CountedCost
from foreverus.costs.money import exact
from foreverus.costs.purse import Purse, PurseStore
from foreverus.costs.purse_memory import MemoryPurse
from foreverus.costs.reservations import Owner, Reservation
from foreverus.errors import NotAccepted, SpendCapReached
from tests.unit.conftest import Aws

MONTH, CAP = "2026-01", 20.0


def asked(name: str, usd: float, owner: Owner = Owner.SESSION, month: str = MONTH) -> Reservation:
    return Reservation(month, name, owner, exact(usd), "2026-01-01T12:00:00.000Z", "2026-01-01T16:30:00.000Z")


def cost(usd: float, price_unknown: bool = False, sessions: int = 0) -> CountedCost:
    return CountedCost(exact(usd), "2026-01-01T13:00:00.000Z", price_unknown, sessions)


def figures(purse: Purse, month: str = MONTH) -> tuple[float, float, float]:
    """(spent, reserved, left); what is committed is the sum of the first two."""
    at = purse.month(month)
    assert at.committed == at.spent + at.reserved
    return float(at.spent), float(at.reserved), float(at.left)


@pytest.fixture(params=["dynamodb", "memory"])
def purse(request: pytest.FixtureRequest) -> Iterator[Purse]:
    if request.param == "memory":
        yield MemoryPurse(CAP)
    else:
        yield PurseStore(request.getfixturevalue("aws").items, CAP)


def test_what_is_reserved_is_neither_spent_nor_left(purse: Purse) -> None:
    assert figures(purse) == (0, 0, 20)
    purse.reserve(asked("ses_1", 4))
    assert figures(purse) == (0, 4, 16)
    assert purse.settle(MONTH, "ses_1", cost(0.25, sessions=1))
    assert figures(purse) == (0.25, 0, 19.75)


def test_what_does_not_fit_is_refused_and_changes_nothing(purse: Purse) -> None:
    purse.reserve(asked("ses_1", 15.5))
    with pytest.raises(SpendCapReached):
        purse.reserve(asked("ses_2", 4.5000001))
    assert figures(purse) == (0, 15.5, 4.5)
    purse.reserve(asked("ses_2", 4.5))
    assert figures(purse) == (0, 20, 0)


@pytest.mark.parametrize(("left", "gets"), [(4.0, 4.0), (3.0, 3.0), (0.5, 0.5), (0.49, None), (0, None)])
def test_who_can_do_with_less_gets_what_is_left_and_no_less_than_that(
    purse: Purse, left: float, gets: float | None
) -> None:
    purse.reserve(asked("ses_1", CAP - left))
    if gets is None:
        with pytest.raises(SpendCapReached):
            purse.reserve(asked("ses_2", 4), exact(0.5))
    else:
        assert purse.reserve(asked("ses_2", 4), exact(0.5)).usd == exact(gets)


def test_reserving_again_raises_and_never_lowers(purse: Purse) -> None:
    purse.reserve(asked("batch_1", 3))
    assert purse.reserve(asked("batch_1", 3)).usd == 3
    assert purse.reserve(asked("batch_1", 2)).usd == 3
    assert purse.reserve(asked("batch_1", 5)).usd == 5
    purse.reserve(asked("batch_2", 14))
    with pytest.raises(SpendCapReached):
        purse.reserve(asked("batch_1", 7))
    assert purse.reserve(asked("batch_1", 7), exact(1)).usd == 6, "what it has counts with what is left"
    assert figures(purse) == (0, 20, 0)


def test_shrinking_lowers_and_never_raises(purse: Purse) -> None:
    purse.reserve(asked("ses_1", 4))
    for usd, reserved in ((2.5, 2.5), (3, 2.5), (2.5, 2.5), (0, 0)):
        purse.shrink(MONTH, "ses_1", usd)
        assert figures(purse) == (0, reserved, 20 - reserved)
    purse.shrink(MONTH, "ses_2", 1)
    assert purse.reservation(MONTH, "ses_2") is None


def test_a_cost_is_counted_once_for_each_name_and_month(purse: Purse) -> None:
    purse.reserve(asked("batch_1", 1))
    assert [purse.settle(MONTH, "batch_1", cost(0.25)) for _ in range(3)] == [True, False, False]
    purse.settle("2026-02", "batch_1", cost(4))
    assert (figures(purse)[0], figures(purse, "2026-02")[0]) == (0.25, 4)


def test_what_comes_after_its_settling_is_no_reservation_for_ever(purse: Purse) -> None:
    """A repeated step of an owner that is over."""
    purse.settle(MONTH, "batch_1", cost(0.25))
    purse.reserve(asked("batch_1", 1))
    assert not purse.settle(MONTH, "batch_1", cost(0.25))
    assert figures(purse) == (0.25, 0, 19.75)


def test_what_was_never_reserved_counts_all_the_same(purse: Purse) -> None:
    """An earlier version's session, or one that has cost more than it had reserved."""
    purse.reserve(asked("ses_1", 4))
    purse.settle(MONTH, "ses_0", cost(2))
    purse.settle(MONTH, "ses_1", cost(5))
    assert figures(purse) == (7, 0, 13)


def test_what_cost_nothing_is_released_without_an_entry(purse: Purse) -> None:
    purse.reserve(asked("batch_1", 1))
    purse.settle(MONTH, "batch_1", cost(0))
    assert figures(purse) == (0, 0, 20)
    purse.reserve(asked("batch_1", 1))
    assert [purse.release(MONTH, "batch_1"), purse.release(MONTH, "batch_1")] == [True, False]
    assert figures(purse) == (0, 0, 20)


def test_a_reservation_belongs_to_the_month_in_which_it_was_made(purse: Purse) -> None:
    purse.reserve(asked("ses_1", 20, month="2026-01"))
    purse.reserve(asked("ses_2", 20, month="2026-02"))
    purse.settle("2026-01", "ses_1", cost(1))
    assert (figures(purse, "2026-01"), figures(purse, "2026-02")) == ((1, 0, 19), (0, 20, 0))


@pytest.mark.parametrize("usd", [0.1, 0.7, 1e-7, 0.123456789, 3.3333333333])
def test_money_does_not_drift(purse: Purse, usd: float) -> None:
    for number in range(30):
        purse.reserve(asked(f"batch_{number}", usd))
        purse.shrink(MONTH, f"batch_{number}", usd / 3)
        purse.settle(MONTH, f"batch_{number}", cost(usd / 7))
    assert purse.month(MONTH).committed == purse.month(MONTH).spent == 30 * exact(usd / 7)


def test_the_refusal_says_what_holds_the_rest_and_until_when_and_names_nobody(purse: Purse) -> None:
    purse.settle(MONTH, "ses_0", cost(12))
    purse.reserve(asked("ses_1", 4))
    purse.reserve(asked("batch_secret", 2, Owner.BATCH))
    purse.reserve(asked("batch_other", 1.5, Owner.BATCH))
    with pytest.raises(SpendCapReached) as refused:
        purse.reserve(asked("ses_2", 4))
    said = str(refused.value)
    for words in (
        "have cost US$ 12.00",
        "cap is US$ 20.00",
        "a GPU session US$ 4.00 (until 2026-01-01 16:30 UTC at the latest)",
        "2 batches on Bedrock US$ 3.50",
        "US$ 0.50 are left",
        "MonthlyCapUsd",
    ):
        assert words in said
    assert "batch_" not in said and "ses_" not in said


# ---- DynamoDB alone ----


def test_a_ledger_of_an_earlier_version_counts_from_the_first_reservation_on(aws: Aws) -> None:
    aws.put(**keys.ledger_total_key(MONTH), spent_usd=15.123456789012, sessions=3)
    purse = PurseStore(aws.items, CAP)
    purse.reserve(asked("ses_1", 4))
    with pytest.raises(SpendCapReached):
        purse.reserve(asked("ses_2", 1))
    purse.settle(MONTH, "ses_1", cost(1, sessions=1))
    total = aws.items.get(keys.purse_total_key(MONTH)) or {}
    assert total["committed_usd"] == pytest.approx(16.123456789012, abs=1e-8)
    assert (aws.items.get(keys.ledger_total_key(MONTH)) or {})["sessions"] == 4


def test_a_cost_that_is_written_into_the_ledger_alone_is_no_room(aws: Aws) -> None:
    purse = PurseStore(aws.items, CAP)
    purse.reserve(asked("ses_1", 1))
    aws.put(**keys.ledger_total_key(MONTH), spent_usd=20)
    with pytest.raises(SpendCapReached):
        purse.reserve(asked("ses_2", 1))


def test_a_cost_at_a_guards_price_is_marked_in_the_ledger(aws: Aws) -> None:
    PurseStore(aws.items, CAP).settle(MONTH, "batch_1", cost(0.5, price_unknown=True))
    assert (aws.items.get(keys.ledger_entry_key(MONTH, "batch_1")) or {})["price_unknown"] is True


def test_eight_at_once_of_which_three_fit(aws: Aws) -> None:
    """Each has read the purse before any of them writes."""
    offers = [PurseStore(aws.items, 1).offer(asked(f"batch_{n}", 0.3, Owner.BATCH)) for n in range(8)]
    written = [_passes(aws, *offer.writes) for offer in offers]
    assert sum(written) == 1, "the first reservation of a month is alone in it"
    offers = [PurseStore(aws.items, 1).offer(asked(f"batch_{n}", 0.3, Owner.BATCH)) for n in range(1, 8)]
    assert sum(_passes(aws, *offer.writes) for offer in offers) == 2
    assert PurseStore(aws.items, 1).month(MONTH).committed == Decimal("0.9")


def test_a_reservation_that_has_changed_since_it_was_read_is_not_taken_away_as_it_was(aws: Aws) -> None:
    purse = PurseStore(aws.items, CAP)
    purse.reserve(asked("ses_1", 4))
    for writes in (purse.settling(MONTH, "ses_1", cost(1)), purse.releasing(MONTH, "ses_1")):
        purse.shrink(MONTH, "ses_1", float((purse.reservation(MONTH, "ses_1") or asked("", 0)).usd) - 1)
        assert not _passes(aws, *writes)
    assert figures(purse) == (0, 2, 18)


def _passes(aws: Aws, *writes: Write) -> bool:
    return aws.items.transact_if(*writes)


def test_who_is_always_overtaken_is_told_to_come_again(aws: Aws) -> None:
    class Overtaken(PurseStore):
        def offer(self, wanted: Reservation, least: Decimal | None = None):  # type: ignore[no-untyped-def]
            raise ConditionFailed

    with pytest.raises(NotAccepted, match="few seconds"):
        Overtaken(aws.items, CAP).reserve(asked("ses_1", 1))
