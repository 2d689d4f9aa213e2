"""Server-sent events as OpenAI's clients read them. Pure."""

import json
from collections.abc import Iterable

DONE = b"data: [DONE]\n\n"


def event(data: object) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n\n"


def events(several: Iterable[object]) -> bytes:
    return b"".join(map(event, several))


def error_event(error: object) -> bytes:
    """A failure in mid-stream: no `[DONE]` follows, so nobody takes the beginning for an answer."""
    return b"event: error\n" + event(error)
