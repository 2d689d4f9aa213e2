"""Server-sent events as OpenAI's clients read them. Pure."""

import json
from collections.abc import Iterable

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))  # `json.dumps` makes one for each chunk
DONE = b"data: [DONE]\n\n"


def event(data: object) -> bytes:
    return b"data: " + _ENCODER.encode(data).encode("utf-8", "replace") + b"\n\n"


def events(several: Iterable[object]) -> bytes:
    return b"".join(map(event, several))


def error_event(error: object) -> bytes:
    """A failure in mid-stream: no `[DONE]` follows, so nobody takes the beginning for an answer."""
    return b"event: error\n" + event(error)
