"""Server-sent events as OpenAI's clients read them. Pure."""

import json

DONE = b"data: [DONE]\n\n"


def event(data: object) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n\n"


def error_event(error: object) -> bytes:
    """A failure in mid-stream: no `[DONE]` follows, so nobody takes the beginning for an answer."""
    return b"event: error\n" + event(error)
