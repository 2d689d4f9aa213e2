"""What the sweep measures: the month's cost where it has changed, and what lies in the queues of dead letters."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from foreverus import ids
from foreverus.costs.forecast import Spent, forecast, months_of
from foreverus.costs.ledger import Ledger, by_days
from foreverus.costs.meter import month_of
from foreverus.metrics import Metrics
from foreverus.sweeps.sweep import Repair


class DeadLetterQueue(Protocol):
    def count(self) -> int: ...


@dataclass
class MonthsCost:
    """Said when it is another one than last time, and once a day: a metric is paid by the hour in which it is sent.
    With it what the forecast expects of the month's end, where enough days are known for one."""

    ledger: Ledger
    metrics: Metrics
    clock: Callable[[], datetime]
    monthly_cap_usd: float
    _said: tuple[str, float] | None = field(default=None, init=False)

    def __call__(self) -> Iterator[Repair]:
        yield Repair("the month's cost", self._say)

    def _say(self) -> None:
        now = self.clock()
        at = ids.timestamp(now)
        spent = self.ledger.spent(month_of(at))
        if self._said != (at[:10], spent):
            ahead = forecast(by_days(self.ledger, months_of(now)), Spent(spent), now, self.monthly_cap_usd)
            self._said = (at[:10], spent)
            self.metrics.month(spent, ahead.usd.expected if ahead.enough else spent)


@dataclass(frozen=True)
class DeadLetterQueues:
    """Nothing is said while they are empty. Nobody is helped by a repair: what lies there, nobody could read."""

    queues: Sequence[DeadLetterQueue]
    metrics: Metrics

    def __call__(self) -> Iterator[Repair]:
        yield Repair("dead letters", partial(self._say))

    def _say(self) -> None:
        if found := sum(one.count() for one in self.queues):
            self.metrics.dead_letters(found)
