"""How the Data API's parameters become SQL and PostgreSQL's values become the Data API's fields.

AWS sends every parameter with a type: a string is `text` unless it has a type hint, and PostgreSQL then refuses it for
a `uuid` or `timestamp` column. Timestamps come back in UTC without an offset. (Amazon Aurora User Guide, "Calling the
Amazon RDS Data API", SqlParameter and Field.)
"""

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any

# The Data API's type hints, the format that AWS takes for each, and PostgreSQL's type.
HINTS = {
    "DATE": (re.compile(r"\d{4}-\d{2}-\d{2}"), "date"),
    "DECIMAL": (re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"), "numeric"),
    "JSON": (re.compile(r".+", re.DOTALL), "json"),
    "TIME": (re.compile(r"\d{2}:\d{2}:\d{2}(\.\d+)?"), "time"),
    "TIMESTAMP": (re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d+)?"), "timestamp"),
    "UUID": (re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), "uuid"),
}

# What may not be searched for `:name`: quoted text, quoted names, dollar quotes, comments, casts.
_TOKENS = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | (\$\w*\$).*?\1 | --[^\n]* | /\*.*?\*/ | :: | :(?P<name>\w+)""",
    re.VERBOSE | re.DOTALL,
)


class Typed:
    """A value that is sent with its PostgreSQL type: psycopg2 asks each value to quote itself."""

    def __init__(self, value: Any, sql_type: str) -> None:
        self.value = value
        self.sql_type = sql_type
        self.connection: Any = None

    def __conform__(self, protocol: Any) -> "Typed":
        return self

    def prepare(self, connection: Any) -> None:
        self.connection = connection

    def getquoted(self) -> bytes:
        from psycopg2.extensions import adapt

        quoted = adapt(self.value)
        if hasattr(quoted, "prepare") and self.connection is not None:
            quoted.prepare(self.connection)
        return b"CAST(" + quoted.getquoted() + b" AS " + self.sql_type.encode() + b")"


def bind_value(parameter: dict[str, Any]) -> Any:
    """A SqlParameter's value for psycopg2. ValueError when it does not have the format of its hint."""
    value = parameter.get("value", {})
    hint = parameter.get("typeHint")
    if value.get("isNull"):
        return None
    if "stringValue" in value:
        text = value["stringValue"]
        if hint is None:
            return Typed(text, "text")
        if hint not in HINTS:
            raise ValueError(f"parameter {parameter['name']!r} has an unknown type hint {hint!r}")
        pattern, sql_type = HINTS[hint]
        if not pattern.fullmatch(text):
            raise ValueError(
                f"parameter {parameter['name']!r} is not a {hint} as the Data API writes it: {text[:40]!r}"
            )
        return Typed(text, sql_type)
    if "longValue" in value:
        return Typed(int(value["longValue"]), "bigint")
    if "doubleValue" in value:
        return Typed(float(value["doubleValue"]), "double precision")
    if "booleanValue" in value:
        return Typed(bool(value["booleanValue"]), "boolean")
    if "blobValue" in value:
        return Typed(base64.b64decode(value["blobValue"]), "bytea")
    raise ValueError(f"parameter {parameter['name']!r} has no value that PostgreSQL's Data API supports")


def mark_parameters(sql: str, names: Any) -> str:
    """SQL for psycopg2: `:name` becomes `%(name)s` outside quotes and comments, and `%` is escaped."""
    if not names:
        return sql
    parts, end = [], 0
    for token in _TOKENS.finditer(sql):
        parts.append(sql[end : token.start()].replace("%", "%%"))
        name = token["name"]
        parts.append(f"%({name})s" if name in names else token[0].replace("%", "%%"))
        end = token.end()
    parts.append(sql[end:].replace("%", "%%"))
    return "".join(parts)


def field_value(value: Any, type_name: str | None = None) -> dict[str, Any]:
    """A PostgreSQL value as the Data API's Field."""
    if value is None:
        return {"isNull": True}
    if isinstance(value, bool):
        return {"booleanValue": value}
    if isinstance(value, int):
        return {"longValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, bytes | memoryview):
        return {"blobValue": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, datetime):
        in_utc = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return {"stringValue": str(in_utc)}
    if isinstance(value, list):
        return {"arrayValue": _array(value)}
    if isinstance(value, dict):
        return {"stringValue": json.dumps(value)}
    return {"stringValue": str(value)}


def _array(values: list[Any]) -> dict[str, Any]:
    fields = [field_value(value) for value in values]
    kind = next((key for field in fields for key in field if key != "isNull"), "stringValue")
    plural = "arrayValues" if kind == "arrayValue" else f"{kind}s"
    return {plural: [None if "isNull" in field else field[kind] for field in fields]}
