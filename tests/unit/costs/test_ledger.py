"""The month's ledger in DynamoDB (moto) and its twin; what counts into it is the purse's business."""

from datetime import date

import pytest

from foreverus.costs.idle import NO_IDLE, IdleCost
from foreverus.costs.ledger import CountedCost, Ledger, LedgerStore, MemoryLedger, by_days, count_writes
from foreverus.costs.money import exact
from tests.unit.conftest import Aws

MONTH, AT = "2026-01", "2026-01-01T12:00:00.000Z"


IDLE = IdleCost(exact(90), exact(0.125), 1)
COSTS = ((MONTH, "batch_1", 0.25), (MONTH, "batch_2", 0.5), ("2026-02", "batch_1", 4.0))


@pytest.fixture(params=["dynamodb", "memory"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    if request.param == "memory":
        memory = MemoryLedger()
        memory.entries |= {
            (MONTH, "batch_1"): CountedCost(exact(0.25), AT),
            (MONTH, "batch_2"): CountedCost(exact(0.5), AT, idle=IDLE),
        }
        memory.entries["2026-02", "batch_1"] = CountedCost(exact(4), AT)
        return memory
    aws: Aws = request.getfixturevalue("aws")
    for month, name, usd in COSTS:
        idle = IDLE if name == "batch_2" else NO_IDLE
        aws.items.transact(*count_writes(month, name, CountedCost(exact(usd), AT, idle=idle)))
    return LedgerStore(aws.items)


def test_a_month_has_what_was_counted_in_it(ledger: Ledger) -> None:
    assert (ledger.spent(MONTH), ledger.spent("2026-02"), ledger.spent("2026-03")) == (0.75, 4.0, 0)


def test_a_month_has_what_was_paid_while_nobody_asked(ledger: Ledger) -> None:
    assert (ledger.idle(MONTH), ledger.idle("2026-02")) == (IDLE, NO_IDLE)


def test_a_cost_counts_to_the_day_on_which_it_ended_within_its_month(ledger: Ledger) -> None:
    assert ledger.by_day(MONTH) == {date(2026, 1, 1): 0.75}
    assert ledger.by_day("2026-02") == {date(2026, 2, 28): 4.0}, "what ended in another month"
    assert by_days(ledger, (MONTH, "2026-02", "2026-03")) == {date(2026, 1, 1): 0.75, date(2026, 2, 28): 4.0}


def test_a_name_is_counted_once(aws: Aws) -> None:
    writes = count_writes(MONTH, "ses_1", CountedCost(exact(0.5), AT, sessions=1))
    assert [aws.items.transact_if(*writes), aws.items.transact_if(*writes)] == [True, False]
    assert list(aws.items.query(f"LEDGER#{MONTH}")) == [
        {"pk": f"LEDGER#{MONTH}", "sk": "TOTAL", "spent_usd": 0.5, "usd_of_day_01": 0.5, "sessions": 1},
        {"pk": f"LEDGER#{MONTH}", "sk": "ses_1", "usd": 0.5, "ended_at": AT},
    ]
