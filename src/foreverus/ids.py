"""Ids and times as they are written into the table and shown by the API."""

import secrets
from datetime import UTC, datetime


def new_id(prefix: str, now: datetime) -> str:
    """An id that sorts by time: 48 bits of milliseconds and 64 random bits, in hexadecimal.

    >>> new_id("msg", datetime(2026, 1, 1, tzinfo=UTC))[:16]
    'msg_019b76daa800'
    """
    return f"{prefix}_{int(now.timestamp() * 1000):012x}{secrets.token_hex(8)}"


def answer_id(message_id: str) -> str:
    """`ans_X` answers `msg_X`."""
    return "ans_" + message_id.removeprefix("msg_")


def timestamp(now: datetime) -> str:
    """UTC, milliseconds: `2026-11-21T20:22:30.123Z`. Sorts as text."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> datetime:
    return datetime.fromisoformat(text)


def unix_seconds(timestamp: str | None) -> int | None:
    return int(parse_timestamp(timestamp).timestamp()) if timestamp else None
