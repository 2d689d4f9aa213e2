"""CloudWatch Logs Insights, as much of it as the template's saved queries use: what a query finds in lines of logs.

A line is JSON, whose fields a query names (`details.error` is a field of a field), or is not, and has `@message` alone.
(CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax", "Supported logs and discovered fields".)
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Row = dict[str, Any]
_FIELD = r"@?[A-Za-z_][\w.]*"
_TEST = re.compile(
    rf'(?P<field>{_FIELD}) (?P<how>=|like) "(?P<text>[^"]*)"'
    rf"|(?P<among>{_FIELD}) in \[(?P<texts>[^\]]*)\]"
    rf"|ispresent\((?P<there>{_FIELD})\)"
)
_MADE = re.compile(rf"coalesce\((?P<of>{_FIELD}(?:, {_FIELD})*)\) as (?P<name>\w+)\Z")
_AGGREGATE = re.compile(rf"(?P<how>count|max|latest|sum)\((?P<field>\*|{_FIELD})\) as (?P<name>\w+)\Z")

_PERCENT = re.compile(rf"(?P<how>100) \* sum\((?P<field>{_FIELD})\) / sum\((?P<whole>{_FIELD})\) as (?P<name>\w+)\Z")


class NotUnderstood(Exception):
    """Of a query. Extend this module, or write the query as the others are."""


def row(message: str, group: str, stream: str, at_ms: int) -> Row:
    """A line with its fields, as a query sees it."""
    try:
        found = json.loads(message)
    except ValueError:
        found = {}
    fields = dict(_flat(found)) if isinstance(found, dict) else {}
    return {**fields, "@message": message, "@log": group, "@logStream": stream, "@timestamp": at_ms}


def _flat(found: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, value


def fields_of(query: str) -> set[str]:
    """Every field that it names of a line, but those that it makes itself."""
    without_texts = re.sub(r'"[^"]*"', "", query)
    names = set(re.findall(rf"(?<![\w.@]){_FIELD}", without_texts))
    made = set(re.findall(r"\bas (\w+)", query))
    words = {"fields", "filter", "sort", "limit", "stats", "asc", "desc", "or", "like", "in", "as", "by"}
    return names - made - words - {"coalesce", "ispresent", "count", "max", "latest"}


def run(query: str, rows: Sequence[Row]) -> list[Row]:
    """What it answers. Raises NotUnderstood."""
    found = [dict(one) for one in rows]
    shown: list[str] = []
    for command in (part.strip() for part in query.split("|")):
        name, _, rest = command.partition(" ")
        if name == "fields":
            shown = _fields(rest, found)
        elif name == "filter":
            passes = _filter(rest)
            found = [one for one in found if passes(one)]
        elif name == "stats":
            found, shown = _stats(rest, found)
        elif name == "sort":
            by, _, order = rest.partition(" ")
            found.sort(key=lambda one: one.get(by) or 0, reverse=order == "desc")
        elif name == "limit":
            found = found[: int(rest)]
        else:
            raise NotUnderstood(command)
    return [{field: one[field] for field in shown if one.get(field) is not None} for one in found]


def _fields(rest: str, rows: list[Row]) -> list[str]:
    names = []
    for part in re.split(r", (?![^(]*\))", rest):
        made = _MADE.match(part)
        if not made and not re.fullmatch(_FIELD, part):
            raise NotUnderstood(part)
        if made:
            for one in rows:
                values = [one.get(field) for field in made["of"].split(", ")]
                one[made["name"]] = next((value for value in values if value is not None), None)
        names.append(made["name"] if made else part)
    return names


def _filter(rest: str) -> Callable[[Row], bool]:
    tests = []
    for part in rest.split(" or "):
        test = _TEST.fullmatch(part)
        if not test:
            raise NotUnderstood(part)
        tests.append(test)

    def passes(one: Row) -> bool:
        return any(_holds(test, one) for test in tests)

    return passes


def _holds(test: "re.Match[str]", one: Row) -> bool:
    if test["there"]:
        return one.get(test["there"]) is not None
    if test["among"]:
        return one.get(test["among"]) in re.findall(r'"([^"]*)"', test["texts"])
    value = one.get(test["field"])
    if value is None:
        return False
    return str(value) == test["text"] if test["how"] == "=" else test["text"] in str(value)


def _stats(rest: str, rows: list[Row]) -> tuple[list[Row], list[str]]:
    asked, _, by = rest.partition(" by ")
    keys = by.split(", ")
    aggregates = [_AGGREGATE.match(part) or _PERCENT.match(part) for part in asked.split(", ")]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for one in rows:
        groups.setdefault(tuple(one.get(key) for key in keys), []).append(one)
    found = []
    for key, members in groups.items():
        made: Row = dict(zip(keys, key, strict=True))
        for aggregate in aggregates:
            if aggregate is None:
                raise NotUnderstood(asked)
            made[aggregate["name"]] = _aggregate(aggregate, members)
        found.append(made)
    return found, [*keys, *(one["name"] for one in aggregates if one)]


def _aggregate(asked: "re.Match[str]", members: list[Row]) -> Any:
    how, field = asked["how"], asked["field"]
    if how == "count":
        return len(members)
    if how == "max":
        return max(one[field] for one in members)
    if how == "latest":
        return max(members, key=lambda one: one["@timestamp"]).get(field)
    total = _sum(field, members)
    return total if how == "sum" else 100 * total / _sum(asked["whole"], members)


def _sum(field: str, members: list[Row]) -> float:
    return float(sum(one.get(field) or 0 for one in members))
