"""What the sweep measures: only what has changed, for a metric is paid by the hour in which it is sent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import boto3
import pytest

from foreverus.aws.sqs import DeadLetters
from foreverus.costs.ledger import CountedCost, MemoryLedger
from foreverus.metric_definitions import Name
from foreverus.metrics import Metrics
from foreverus.sweeps.measures import DeadLetterQueues, MonthsCost
from foreverus.sweeps.sweep import sweep
from tests.metrics_seen import metrics_of
from tests.unit.conftest import Aws


class Said:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.now = datetime(2026, 1, 30, 12, tzinfo=UTC)
        self.metrics = Metrics("foreverus", write=self.lines.append, clock=self.clock)

    def clock(self) -> datetime:
        return self.now

    @property
    def values(self) -> list[tuple[Name, float]]:
        return [(name, values[0]) for line in self.lines for name, _, values, _ in metrics_of(line)]


def test_the_months_cost_is_said_when_it_changes_and_once_a_day() -> None:
    said, ledger = Said(), MemoryLedger()
    duty = MonthsCost(ledger, said.metrics, said.clock, 20.0)
    spent = []
    for usd in (0, 0, 2, 2, 2):
        ledger.entries["2026-01", "ses_1"] = CountedCost(Decimal(usd), "2026-01-30T00:00:00Z")
        sweep({"cost": duty})
        said.now += timedelta(minutes=5)
    said.now += timedelta(days=1)
    sweep({"cost": duty})
    said.now += timedelta(days=1)  # another month
    sweep({"cost": duty})
    spent = [value for _, value in said.values]
    assert spent == [0.0, 2.0, 2.0, 0.0]


@pytest.mark.parametrize("letters", [0, 1, 3])
def test_dead_letters_are_counted_over_all_queues_and_not_said_where_there_are_none(aws: Aws, letters: int) -> None:
    said, sqs = Said(), boto3.client("sqs")
    urls = [sqs.create_queue(QueueName=f"dead-{number}")["QueueUrl"] for number in range(3)]
    for number in range(letters):
        sqs.send_message(QueueUrl=urls[number], MessageBody="nobody could read this")
    sweep({"letters": DeadLetterQueues([DeadLetters(sqs, url) for url in urls], said.metrics)})
    assert said.values == ([(Name.DEAD_LETTERS, letters)] if letters else [])
