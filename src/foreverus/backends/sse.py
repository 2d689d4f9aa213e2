"""Server-sent events of a `/v1/chat/completions` or `/v1/completions` stream, from bytes to deltas. Pure.

What is not a whole answer raises EngineFailed: an error object (also when `[DONE]` follows it), an end without
`[DONE]` or without the finish_reason of a whole answer, bytes that are not events. That is why it is ours: to OpenAI's
client and to httpx-sse a stream that merely stops is a stream that is over.
"""

import json
from collections.abc import Iterator
from typing import Any

from foreverus.backends.port import Delta, Finished
from foreverus.backends.whole import pieces_of
from foreverus.errors import EngineFailed

MAX_EVENT_BYTES = 1 << 20  # one token's event has about 300 bytes; more than this is not a stream of events
NOTHING = Delta("")
WHOLE = ("stop", "length", "tool_calls")  # vLLM says `abort` for what it gave up
_LMI_STOPS = {"eos_token": "stop", "stop_sequence": "stop"}  # DJL's words, in its JSON lines


class ChatStream:
    """Feed it bytes as they come; after `close`, `finished` is the answer's end."""

    def __init__(self) -> None:
        self._buffer = b""
        self._finish_reason: str | None = None
        self._usage: dict[str, Any] = {}
        self._deltas = 0
        self._done = False

    @property
    def done(self) -> bool:
        """`[DONE]` has come: there is nothing more to read."""
        return self._done

    def feed(self, data: bytes) -> Iterator[Delta]:
        """Yields the deltas that are complete with these bytes. Raises EngineFailed."""
        lines = (self._buffer + data).split(b"\n")
        self._buffer = lines.pop()
        if len(self._buffer) > MAX_EVENT_BYTES:
            raise EngineFailed("The engine's stream is not made of events.")
        for line in lines:
            line = line.rstrip(b"\r")
            if line.startswith(b"data:"):
                delta = self._event(line[5:].strip())
                if delta.text or delta.tool_calls or delta.logprobs:
                    self._deltas += 1
                    yield delta
            elif line and not line.startswith((b":", b"event:", b"id:", b"retry:")):
                raise EngineFailed("The engine's stream has a line that is no event.")

    def close(self) -> Finished:
        """The end of the stream. Raises EngineFailed unless it was the end of a whole answer."""
        if self._buffer.strip():
            raise EngineFailed("The engine's stream ended in the middle of an event.")
        if not self._done:
            raise EngineFailed("The engine's stream ended without [DONE].")
        if self._finish_reason not in WHOLE:
            raise EngineFailed(f"The engine's stream ended with finish_reason {self._finish_reason}.")
        return Finished(
            self._finish_reason,
            int(self._usage.get("prompt_tokens") or 0),
            int(self._usage.get("completion_tokens") or self._deltas),
        )

    def _event(self, data: bytes) -> Delta:
        """An empty one where the event holds no piece of the answer."""
        if data == b"[DONE]":
            self._done = True
            return NOTHING
        try:
            event = json.loads(data)
            if event.get("error"):
                raise EngineFailed(f"The engine's stream failed: {_message(event['error'])}")
            self._usage = event.get("usage") or self._usage
            choices = event.get("choices") or []
            if not choices:
                return NOTHING
            first = choices[0]
            if reason := first.get("finish_reason"):
                self._finish_reason = _LMI_STOPS.get(reason, reason)
            piece = first.get("delta") or first
            text = str(piece.get("content") or first.get("text") or "")
            return Delta(text, pieces_of(piece.get("tool_calls")), first.get("logprobs") or None)
        except (ValueError, AttributeError, LookupError, TypeError) as err:
            raise EngineFailed("The engine's stream has an event that cannot be read.") from err


def _message(error: Any) -> str:
    return str(error.get("message", "") if isinstance(error, dict) else error)[:200]
