"""What CloudWatch makes of an alarm: evaluated as AWS does, from the template's own definition and what was measured.

The emulator looks neither at dimensions nor at periods, missing data or expressions, so it is not asked.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from foreverus.metric_definitions import NAMESPACE
from tests.metrics_seen import metrics_of
from tests.template.template import resolve, template

KNOWN = {"AWS::StackName": "foreverus", "AWS::Region": "us-east-1", "AWS::Partition": "aws", "AWS::AccountId": "0"}
Key = tuple[str, str, frozenset[tuple[str, str]]]
Values = Sequence[float | None]
COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
}
OPERATORS: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Lt: operator.lt,
}


def alarms(**known: Any) -> dict[str, dict[str, Any]]:
    """Those of the template by logical id, as they are deployed."""
    found = {name: one for name, one in template()["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"}
    return {name: resolve(one["Properties"], {**KNOWN, **known}) for name, one in found.items()}


def dimensions(named: Iterable[Mapping[str, str]]) -> frozenset[tuple[str, str]]:
    return frozenset((one["Name"], one["Value"]) for one in named)


@dataclass
class Measured:
    """What was said, as CloudWatch keeps it."""

    points: dict[Key, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, namespace: str, name: str, where: Mapping[str, str], at: float, value: float) -> None:
        self.points.setdefault((namespace, name, frozenset(where.items())), []).append((at, value))

    def read(self, lines: Iterable[str]) -> "Measured":
        """Of lines of a log."""
        for line in lines:
            for name, where, values, at_ms in metrics_of(line):
                for value in values:
                    self.add(NAMESPACE, name, {str(key): one for key, one in where.items()}, at_ms / 1000, value)
        return self

    def statistic(self, metric: Mapping[str, Any], stat: str, begin: float, end: float) -> float | None:
        key = metric["Namespace"], metric["MetricName"], dimensions(metric.get("Dimensions", ()))
        values = sorted(value for at, value in self.points.get(key, ()) if begin <= at < end)
        return _statistic(stat, values) if values else None


def _statistic(stat: str, values: Sequence[float]) -> float:
    if stat.startswith("p"):
        rank = float(stat[1:]) / 100 * (len(values) - 1)
        low = values[math.floor(rank)]
        return low + (rank - math.floor(rank)) * (values[math.ceil(rank)] - low)
    known: dict[str, Callable[[Sequence[float]], float]] = {
        "Sum": sum,
        "SampleCount": len,
        "Maximum": max,
        "Minimum": min,
        "Average": lambda those: sum(those) / len(those),
    }
    return known[stat](values)


def state(alarm: Mapping[str, Any], measured: Measured, now: float, before: str = "OK") -> str:
    """OK, ALARM or INSUFFICIENT_DATA at `now` (seconds of the epoch). `before`: what it was."""
    count = int(alarm["EvaluationPeriods"])
    values = _values(alarm, measured, now, count)
    needed = int(alarm.get("DatapointsToAlarm", count))
    missing = alarm.get("TreatMissingData", "missing")
    if all(one is None for one in values) and missing in ("missing", "ignore"):
        return "INSUFFICIENT_DATA" if missing == "missing" else before
    breaches = [
        missing == "breaching" if one is None else COMPARE[alarm["ComparisonOperator"]](one, float(alarm["Threshold"]))
        for one in values
    ]
    return "ALARM" if sum(breaches) >= needed else "OK"


def _values(alarm: Mapping[str, Any], measured: Measured, now: float, count: int) -> Values:
    """One for each of the last periods, the oldest first; None: no data."""
    if "Metrics" not in alarm:
        stat = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        return [measured.statistic(alarm, stat, *one) for one in _periods(now, int(alarm["Period"]), count)]
    stats = {one["Id"]: one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one}
    (period,) = {int(one["Period"]) for one in stats.values()}
    (expression,) = [one["Expression"] for one in alarm["Metrics"] if one.get("ReturnData", True)]
    tree = ast.parse(expression, mode="eval").body
    return [
        _evaluate(
            tree,
            {name: measured.statistic(one["Metric"], one["Stat"], begin, end) for name, one in stats.items()},
            datetime.fromtimestamp(begin, UTC),
        )
        for begin, end in _periods(now, period, count)
    ]


def _periods(now: float, period: int, count: int) -> list[tuple[float, float]]:
    """The last one is that in which `now` is."""
    last = math.floor(now / period) * period
    return [(last - back * period, last - (back - 1) * period) for back in range(count - 1, -1, -1)]


def _evaluate(node: ast.expr, values: Mapping[str, float | None], at: datetime) -> float | None:
    """Of one period. Metric math's functions, as far as the template uses them; another one is a KeyError."""
    match node:
        case ast.Constant(value=value):
            return float(value)
        case ast.Name(id=name):
            return values[name]
        case ast.Call(func=ast.Name(id="MAX"), args=[ast.List(elts=those)]):
            there = [one for one in (_evaluate(part, values, at) for part in those) if one is not None]
            return max(there, default=None)
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, other]):
            holds = _evaluate(condition, values, at)
            return None if holds is None else _evaluate(then if holds else other, values, at)
        case ast.Call(func=ast.Name(id="DATE" | "HOUR" as name), args=[of]):
            return None if _evaluate(of, values, at) is None else float(at.day if name == "DATE" else at.hour)
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            one, other_ = _evaluate(left, values, at), _evaluate(right, values, at)
            return None if one is None or other_ is None else float(OPERATORS[type(op)](one, other_))
    raise KeyError(ast.unparse(node))
