"""What CloudWatch makes of lines of a log."""

import json
from collections.abc import Iterator, Mapping, Sequence

from foreverus.metric_definitions import METRICS, NAMESPACE, Dimension, Name


def metrics_of(line: str) -> Iterator[tuple[Name, Mapping[Dimension, str], Sequence[float], int]]:
    """What CloudWatch makes of a line of the log: name, dimensions, values, and when (ms). Raises ValueError where it
    would take something else than we define.
    """
    found = json.loads(line)
    for directive in found.get("_aws", {}).get("CloudWatchMetrics", ()):
        assert directive["Namespace"] == NAMESPACE
        for metric in directive["Metrics"]:
            name = Name(metric["Name"])
            (names,) = directive["Dimensions"]
            if tuple(names) != METRICS[name].dimensions or metric["Unit"] != METRICS[name].unit:
                raise ValueError(f"{name} with {names} in {metric['Unit']} is not defined")
            value = found[name]
            values = value if isinstance(value, list) else [value]
            yield name, {Dimension(one): found[one] for one in names}, values, found["_aws"]["Timestamp"]
