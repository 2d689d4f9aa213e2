"""The month's ledger in DynamoDB (moto) and its twin; what counts into it is the purse's business."""

import pytest

from foreverus.costs.ledger import CountedCost, Ledger, LedgerStore, MemoryLedger, count_writes
from foreverus.costs.money import exact
from tests.unit.conftest import Aws

MONTH, AT = "2026-01", "2026-01-01T12:00:00.000Z"


COSTS = ((MONTH, "batch_1", 0.25), (MONTH, "batch_2", 0.5), ("2026-02", "batch_1", 4.0))


@pytest.fixture(params=["dynamodb", "memory"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    if request.param == "memory":
        memory = MemoryLedger()
        memory.entries |= {
            (MONTH, "batch_1"): CountedCost(exact(0.25), AT),
            (MONTH, "batch_2"): CountedCost(exact(0.5), AT),
        }
        memory.entries["2026-02", "batch_1"] = CountedCost(exact(4), AT)
        return memory
    aws: Aws = request.getfixturevalue("aws")
    for month, name, usd in COSTS:
        aws.items.transact(*count_writes(month, name, CountedCost(exact(usd), AT)))
    return LedgerStore(aws.items)


def test_a_month_has_what_was_counted_in_it(ledger: Ledger) -> None:
    assert (ledger.spent(MONTH), ledger.spent("2026-02"), ledger.spent("2026-03")) == (0.75, 4.0, 0)


def test_a_name_is_counted_once(aws: Aws) -> None:
    writes = count_writes(MONTH, "ses_1", CountedCost(exact(0.5), AT, sessions=1))
    assert [aws.items.transact_if(*writes), aws.items.transact_if(*writes)] == [True, False]
    assert list(aws.items.query(f"LEDGER#{MONTH}")) == [
        {"pk": f"LEDGER#{MONTH}", "sk": "TOTAL", "spent_usd": 0.5, "sessions": 1},
        {"pk": f"LEDGER#{MONTH}", "sk": "ses_1", "usd": 0.5, "ended_at": AT},
    ]
