"""What is measured, as lines of the log: CloudWatch makes metrics of them (embedded metric format). Nothing is called,
so nothing can delay or fail an answer, and no permission is needed. `metric_definitions.py` says which there are.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

To measure an answer, a session or the month, call the method for it, once, after the transaction that makes it true
(docs/decisions/0045 says why there). `SILENT` is for who measures nothing.
"""

import json
import logging
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from typing import Any

from foreverus.metric_definitions import METRICS, NAMESPACE, By, Dimension, Name, RequestKind

MOST_VALUES = 100  # of one metric in one line: the format's limit
MEMORY_EVERY_S = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GpuFigures:
    """Of the engine's /metrics, nvidia-smi and the machine; None where nobody says. Percent of what there is; `queue`:
    requests that the engine holds and does not answer yet."""

    slots: float | None = None
    queue: float | None = None
    cache: float | None = None
    gpu_use: float | None = None
    gpu_memory: float | None = None
    machine_memory: float | None = None


Values = Mapping[Name, Sequence[float]]


def emf_line(values: Values, dimensions: Mapping[Dimension, str], about: Mapping[str, Any], now: datetime) -> str:
    """One line of the log, without its end. `about`: plain fields beside it. Of an optional metric that is not in
    `values` but in `about`, nothing is billed.

    >>> line = emf_line({Name.ORPHAN: [7]}, {Dimension.STACK: "a"}, {}, datetime.fromisoformat("2026-01-01T00:00:00Z"))
    >>> json.loads(line)["OrphanMinutes"], json.loads(line)["stack"], json.loads(line)["_aws"]["Timestamp"]
    (7, 'a', 1767225600000)
    """
    said = {name: list(many) if len(many) > 1 else many[0] for name, many in values.items()}
    fields = json.dumps({**dimensions, **about, **said})
    if not said:
        return fields
    meta = f'{{"Timestamp": {int(now.timestamp() * 1000)}, "CloudWatchMetrics": {_directives(tuple(said))}}}'
    return f'{{"_aws": {meta}, {fields[1:]}'


@lru_cache(64)  # more than there are: what one method says is nearly always the same few names
def _directives(names: tuple[Name, ...]) -> str:
    """What a line tells CloudWatch of its metrics, as JSON: most of what making the line takes."""
    of = {name: METRICS[name].dimensions for name in names}
    directives = [
        {
            "Namespace": NAMESPACE,
            "Dimensions": [list(dimensions)],
            "Metrics": [{"Name": name, "Unit": METRICS[name].unit} for name in group],
        }
        for dimensions, group in groupby(sorted(names, key=of.__getitem__), key=of.__getitem__)
    ]
    return json.dumps(directives)


def to_stdout(line: str) -> None:
    """A whole line of the log, without what a logger puts before it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class Metrics:
    """Of one stack. `source`: who says it. Nothing here raises or waits."""

    stack: str
    source: str = ""
    more: bool = False
    write: Callable[[str], None] = to_stdout
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def answer(
        self, by: str, kind: RequestKind, first_word_s: float | None, answer_s: float | None, error: str = ""
    ) -> None:
        """An answer was saved, or ended in `error` (a code of ours; empty: none). A person's own refusal or stop is no
        error. None: there was no word, or nobody waited."""
        values = {Name.FIRST_WORD: first_word_s, Name.ANSWER: None if error else answer_s}
        spent = {name: [max(0.0, s)] for name, s in values.items() if s is not None}
        self._emit({**spent, Name.FAILED: [100.0 if error else 0.0]}, by, kind, 1, {"error": error} if error else {})

    def lines(self, by: str, outcomes: Mapping[str, int]) -> None:
        """Lines of batches that were recorded: how many ended in each error, as `answer` has them. Many at once: each
        call takes as much of the processor as some of the lines do."""
        for error, count in outcomes.items():
            for part in _parts([100 if error else 0] * count):
                self._emit({Name.FAILED: part}, by, RequestKind.LINE, len(part), {"error": error} if error else {})

    def session(self, healthy_minutes: int, minutes: int) -> None:
        """A session is over: in so many of its minutes its GPU answered."""
        healthy = min(healthy_minutes, minutes)
        for part in _parts([100.0] * healthy + [0.0] * (minutes - healthy)):
            about = {"healthy_minutes": sum(one > 0 for one in part), "session_minutes": len(part)}
            self._emit({Name.HEALTHY: list(part)}, about=about)

    def month(self, usd: float, at_its_end_usd: float) -> None:
        """What the ledger says of this month, and the forecast of its end. One metric: its minimum is what is spent,
        its maximum what is expected, and a second one would cost US$ 0.30 a month."""
        self._emit({Name.MONTH: [round(usd, 6), round(max(usd, at_its_end_usd), 6)]})

    def orphans(self, minutes: Sequence[float]) -> None:
        """The reaper terminates, or tries to, instances of such ages."""
        for part in _parts([round(one, 1) for one in minutes]):
            self._emit({Name.ORPHAN: list(part)})

    def dead_letters(self, count: int) -> None:
        """So many lie in the queues of dead letters."""
        self._emit({Name.DEAD_LETTERS: [float(count)]})

    def unsaved(self, minutes: float) -> None:
        """The oldest result that PostgreSQL lacks has been over for so long."""
        self._emit({Name.UNSAVED: [round(max(0.0, minutes), 1)]})

    def gpu(self, figures: GpuFigures) -> None:
        found = {
            Name.SLOTS: figures.slots,
            Name.QUEUE: figures.queue,
            Name.CACHE: figures.cache,
            Name.GPU_USE: figures.gpu_use,
            Name.GPU_MEMORY: figures.gpu_memory,
            Name.MACHINE_MEMORY: figures.machine_memory,
        }
        self._emit({name: [round(value, 1)] for name, value in found.items() if value is not None}, By.GPU)

    def _emit(
        self,
        values: Values,
        by: str | None = None,
        kind: RequestKind | None = None,
        requests: int = 0,
        about: Mapping[str, Any] = {},
    ) -> None:
        try:
            dimensions = {Dimension.STACK: self.stack}
            if by is not None:
                dimensions[Dimension.BACKEND] = By(by).value
            if kind:
                dimensions[Dimension.KIND] = kind.value
            counted = {**values, **({Name.REQUESTS: [float(requests)]} if kind and self.more else {})}
            plain: dict[str, float] = {} if self.more else {n: v[0] for n, v in counted.items() if METRICS[n].optional}
            said = {name: many for name, many in counted.items() if name not in plain and _is_sane(many)}
            here = {"source": self.source, "memory_mb": memory_mb(int(time.monotonic() // MEMORY_EVERY_S))}
            if requests:
                here |= {"requests": requests, "failed": sum(one > 0 for one in values.get(Name.FAILED, ()))}
            self.write(emf_line(said, dimensions, {**here, **about, **plain}, self.clock()))
        except Exception as err:
            log.warning("a metric is lost: %r", err)


def _parts(values: Sequence[float]) -> Iterator[Sequence[float]]:
    for begin in range(0, len(values), MOST_VALUES):
        yield values[begin : begin + MOST_VALUES]


def _is_sane(values: Sequence[float]) -> bool:
    return bool(values) and all(math.isfinite(one) for one in values)


@lru_cache(1)
def memory_mb(when: int) -> int:
    """The most that this process has had in memory. Asked for once for each `when`: asking took three quarters of what
    all metrics of a busy worker take."""
    import resource  # not on Windows, where only the command line runs

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 * 1024 if sys.platform == "darwin" else 1024)


SILENT = Metrics("", write=lambda line: None)


def of_function(stack: str, function: str, more: bool) -> Metrics:
    """Those of a Lambda, by its name: the stack's, its own in the template, and letters of CloudFormation's.

    >>> of_function("foreverus", "foreverus-SweepFunction-Ab12", False).source
    'SweepFunction'
    """
    return Metrics(stack, source=function.removeprefix(f"{stack}-").partition("-")[0], more=more)
