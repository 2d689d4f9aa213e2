"""Which metrics there are: their names, units and dimensions, and how many CloudWatch bills. Pure.

CloudWatch bills each name with each set of dimension values (US$ 0.30 a month, by the hour in which it is sent; ten are
free): with the defaults these are ten (`billed`), and what is marked `optional` is a plain field of the line until the
stack has `MoreMetrics=true`. A plain field costs nothing beside the line, and Logs Insights reads it all the same.

A new one: a `Definition` here, a method of `metrics.Metrics` that emits it, a row in docs/costs.md. More than ten are
`optional`. Its dimensions are those of `Dimension`, whose values are closed too: no prompt, name, key or e-mail can
become one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

NAMESPACE = "ForeverUs"
USD_A_MONTH = 0.30  # of one metric, https://aws.amazon.com/cloudwatch/pricing
FREE = 10


class Dimension(StrEnum):
    STACK = "stack"
    BACKEND = "backend"
    KIND = "kind"


class By(StrEnum):
    """Who answers: the values of `backend`, those of `BackendName` but AWS's whose own metrics are free."""

    GPU = "gpu"
    BEDROCK = "bedrock"


class RequestKind(StrEnum):
    """In what way: the values of `kind`."""

    CHAT = "chat"
    LINE = "line"
    API = "api"


VALUES: Mapping[Dimension, Sequence[str]] = {
    Dimension.STACK: ("one",),  # a stack has one name
    Dimension.BACKEND: tuple(By),
    Dimension.KIND: tuple(RequestKind),
}


class Name(StrEnum):
    FIRST_WORD = "FirstWordSeconds"
    ANSWER = "AnswerSeconds"
    FAILED = "FailedPercent"
    HEALTHY = "HealthyPercent"
    MONTH = "MonthUsd"
    ORPHAN = "OrphanMinutes"
    DEAD_LETTERS = "DeadLetters"
    UNSAVED = "UnsavedMinutes"
    REQUESTS = "Requests"
    SLOTS = "SlotsPercent"
    QUEUE = "EngineQueue"
    CACHE = "CachePercent"
    GPU_USE = "GpuPercent"
    GPU_MEMORY = "GpuMemoryPercent"
    MACHINE_MEMORY = "MachineMemoryPercent"


@dataclass(frozen=True, slots=True)
class Definition:
    """`unit`: CloudWatch's word. `optional`: a metric only where the stack has `MoreMetrics=true`."""

    unit: str
    dimensions: tuple[Dimension, ...] = (Dimension.STACK,)
    optional: bool = False

    @property
    def billed(self) -> int:
        """How many metrics it is on the bill."""
        return math.prod(len(VALUES[one]) for one in self.dimensions)


_BY_BACKEND = (Dimension.STACK, Dimension.BACKEND)
_BY_KIND = (*_BY_BACKEND, Dimension.KIND)

METRICS: Mapping[Name, Definition] = {
    # From the question to its first word, and to its end. What waited for a GPU's boot waits from its first healthy
    # second: the boot is the session's (HealthyPercent), and would hide every other wait.
    Name.FIRST_WORD: Definition("Seconds", _BY_BACKEND),
    Name.ANSWER: Definition("Seconds", _BY_BACKEND),
    # 100 for a request that we failed, else 0: its average is the error rate, its sample count the requests.
    Name.FAILED: Definition("Percent"),
    # 100 for each minute of a session in which its GPU answered, else 0. Bedrock's is in AWS/Bedrock.
    Name.HEALTHY: Definition("Percent"),
    Name.MONTH: Definition("None"),  # US$ of the ledger since the month began
    Name.ORPHAN: Definition("None"),  # the age of an instance that the reaper had to terminate
    Name.DEAD_LETTERS: Definition("Count"),
    Name.UNSAVED: Definition("None"),  # for how long the oldest result is missing in PostgreSQL
    Name.REQUESTS: Definition("Count", _BY_KIND, optional=True),
    Name.SLOTS: Definition("Percent", optional=True),
    Name.QUEUE: Definition("Count", optional=True),
    Name.CACHE: Definition("Percent", optional=True),
    Name.GPU_USE: Definition("Percent", optional=True),
    Name.GPU_MEMORY: Definition("Percent", optional=True),
    Name.MACHINE_MEMORY: Definition("Percent", optional=True),
}


def billed(more: bool = False) -> int:
    """How many metrics a stack is billed for at most.

    >>> billed(), billed(more=True)
    (10, 22)
    """
    return sum(one.billed for one in METRICS.values() if more or not one.optional)
