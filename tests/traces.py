"""Traces as a test sees them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from foreverus import tracing

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
PARENT = "53995c3f42cd8ad8"
SAMPLED = f"Root={ROOT};Parent={PARENT};Sampled=1"


class KeptSegments:
    """A sink of `tracing` that keeps what it gets."""

    kind: Mapping[str, str] = MappingProxyType({"origin": "test"})

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []

    def send(self, document: bytes) -> None:
        self.documents.append(json.loads(document))

    def named(self, name: str) -> dict[str, Any]:
        """The one of that name."""
        (found,) = [one for one in self.documents if one["name"] == name]
        return found


@contextmanager
def kept() -> Iterator[KeptSegments]:
    segments = KeptSegments()
    tracing.send_to(segments)
    try:
        yield segments
    finally:
        tracing.send_to(None)


def parts(document: dict[str, Any]) -> dict[str, float]:
    """Seconds of each part, by its name."""
    return {one["name"]: one["end_time"] - one["start_time"] for one in document.get("subsegments", [])}
