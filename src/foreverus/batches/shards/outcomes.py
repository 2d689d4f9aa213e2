"""How recorded lines ended, until the metrics hear of it."""

import asyncio
from collections import Counter
from collections.abc import Iterable

from foreverus.batches.records import LineResult
from foreverus.errors import is_failure
from foreverus.metrics import MOST_VALUES, Metrics

GATHER_S = 10.0  # a metric's period is a minute


class Outcomes:
    """Of one shard; what is added is in the table already. To tell of each group as it was recorded took a twentieth of
    all that a line takes of a worker's processor, and on Bedrock as many lines of the log, which are paid.

    A process that dies tells nothing of its last lines, as of all that the worker's log of metrics holds then.
    """

    def __init__(self, metrics: Metrics, by: str):
        self._metrics = metrics
        self._by = by
        self._codes: list[str] = []  # of each line its error's, or none
        self._since = 0.0  # of the first of them, on the loop's clock

    def add(self, results: Iterable[LineResult]) -> None:
        if not self._codes:
            self._since = _now()
        self._codes += [one.error.code if one.error else "" for one in results]
        if len(self._codes) >= MOST_VALUES:
            self.tell()

    def tell_old(self) -> None:
        """If one waits for so long."""
        if self._codes and _now() - self._since >= GATHER_S:
            self.tell()

    def tell(self) -> None:
        if self._codes:
            codes, self._codes = self._codes, []
            self._metrics.lines(self._by, Counter(code if is_failure(code) else "" for code in codes))


def _now() -> float:
    return asyncio.get_running_loop().time()
