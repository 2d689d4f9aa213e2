"""The month's ledger in DynamoDB (moto) and its twin."""

import pytest

from foreverus.aws.dynamo import ConditionFailed
from foreverus.costs.ledger import Ledger, LedgerStore, MemoryLedger, cap_check, session_writes
from tests.unit.conftest import NOW, Aws

MONTH = "2026-01"


@pytest.fixture(params=["dynamodb", "memory"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    return MemoryLedger() if request.param == "memory" else LedgerStore(request.getfixturevalue("aws").items)


def test_a_cost_is_counted_once_for_each_name_and_in_its_month(ledger: Ledger) -> None:
    assert ledger.spent(MONTH) == 0
    for _ in range(2):
        ledger.count(MONTH, "batch_1", 0.25, NOW)
    ledger.count(MONTH, "batch_2", 0.5, NOW)
    ledger.count("2026-02", "batch_1", 4.0, NOW)
    assert (ledger.spent(MONTH), ledger.spent("2026-02"), ledger.spent("2026-03")) == (0.75, 4.0, 0)


def test_a_start_passes_until_the_month_has_cost_as_much_as_its_cap(aws: Aws) -> None:
    ledger = LedgerStore(aws.items)
    aws.items.transact(cap_check(MONTH, 20.0))
    ledger.count(MONTH, "batch_1", 19.99, NOW)
    aws.items.transact(cap_check(MONTH, 20.0))
    ledger.count(MONTH, "batch_2", 0.01, NOW)
    with pytest.raises(ConditionFailed):
        aws.items.transact(cap_check(MONTH, 20.0))


def test_a_session_is_counted_with_whoever_ends_it(aws: Aws) -> None:
    aws.items.transact(*session_writes(MONTH, "ses_1", 0.5, "2026-01-01T12:00:00.000Z"))
    assert LedgerStore(aws.items).spent(MONTH) == 0.5
    stored = list(aws.items.query(f"LEDGER#{MONTH}"))
    assert stored == [
        {"pk": f"LEDGER#{MONTH}", "sk": "TOTAL", "spent_usd": 0.5, "sessions": 1},
        {"pk": f"LEDGER#{MONTH}", "sk": "ses_1", "usd": 0.5, "ended_at": "2026-01-01T12:00:00.000Z"},
    ]
