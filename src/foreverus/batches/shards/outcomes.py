"""How recorded lines ended, until the metrics hear of it."""

from collections import Counter
from collections.abc import Iterable

from foreverus.batches.records import LineResult
from foreverus.errors import is_failure
from foreverus.metrics import MOST_VALUES, Metrics


class Outcomes:
    """Of one shard; what is added is in the table already. To tell of each group as it was recorded took a twentieth of
    all that a line takes of a worker's processor, and on Bedrock as many lines of the log, which are paid.

    A process that dies tells nothing of its last lines, as of all that the worker's log of metrics holds then.
    """

    def __init__(self, metrics: Metrics, by: str):
        self._metrics = metrics
        self._by = by
        self._codes: list[str] = []  # of each line its error's, or none

    def add(self, results: Iterable[LineResult]) -> None:
        self._codes += [one.error.code if one.error else "" for one in results]
        if len(self._codes) >= MOST_VALUES:
            self.tell()

    def tell(self) -> None:
        if self._codes:
            codes, self._codes = self._codes, []
            self._metrics.lines(self._by, Counter(code if is_failure(code) else "" for code in codes))
