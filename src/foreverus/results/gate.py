"""What PostgreSQL and the Data API can hold: every row passes through here before it is written. Pure.

One value that PostgreSQL does not have fails its whole batch: U+0000 and halves of surrogate pairs in text
(https://www.postgresql.org/docs/current/datatype-character.html), numbers that are none, times of no year. The original
stays in DynamoDB; what is written has something in its place.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from foreverus import ids, text

LEAST_BIGINT, MOST_BIGINT = -(2**63), 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # of what must have a time and has none that can be read


def clean_value(value: object) -> object:
    """One value of a row. Numbers that are none (NaN, infinite) are null; whole ones stay within 64 bits."""
    if isinstance(value, str):
        return text.for_postgresql(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Decimal) and not value.is_finite():
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return min(max(value, LEAST_BIGINT), MOST_BIGINT)
    return value


def clean_row(row: Mapping[str, object]) -> dict[str, object]:
    return {column: clean_value(value) for column, value in row.items()}


def time_or_none(given: str | None) -> datetime | None:
    """The moment, or None where the text is none that PostgreSQL takes through the Data API (years of four digits).

    >>> time_or_none("yesterday") is None
    True
    """
    if not given:
        return None
    try:
        moment = ids.parse_timestamp(given)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, TypeError):
        return None
    return moment if moment.year >= 1000 else None


def required_time(*given: str | None) -> datetime:
    """The first of them that can be read: a column that may not be null gets it, or the epoch."""
    return next((moment for one in given if (moment := time_or_none(one))), EPOCH)


def wire_bytes(row: Mapping[str, object]) -> int:
    """How much of a request's 4 MiB a row takes: JSON writes a character beyond ASCII, or a control character, as
    `\\u0000`, so 1 MB of text may be 6 MB of request."""
    return sum(len(json.dumps(value, default=str)) for value in row.values())
