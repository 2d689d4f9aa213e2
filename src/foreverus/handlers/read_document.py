"""Reads one document, whose address it is told, and knows nothing else: it has no rights in AWS but for its log."""

from collections.abc import Mapping
from typing import Any

from foreverus import logs
from foreverus.documents.reading.apart import read_at


def handler(event: Mapping[str, str], context: Any) -> dict[str, str]:
    logs.start(event, context)
    return read_at(event)
