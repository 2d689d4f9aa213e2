"""What a container behind a SageMaker endpoint streams, from bytes to deltas. Pure.

SageMaker passes a container's bytes on in parts that end anywhere, in the middle of a character too. vLLM's own image
sends OpenAI's events (`data: …`, then `[DONE]`); DJL's LMI sends a JSON object a line, without a last word, and names
the ends of its engine (`eos_token`). Which of the two it is, the first byte says.
"""

from collections.abc import Iterator

from foreverus.backends.port import Delta, Finished
from foreverus.backends.sse import MAX_EVENT_BYTES, ChatStream
from foreverus.errors import EngineFailed


class PayloadStream:
    """Feed it parts as they come, then `end`; after that `close` is the answer's end."""

    def __init__(self) -> None:
        self._chat = ChatStream()
        self._is_json_lines: bool | None = None  # None: nothing has come yet
        self._line = b""

    def feed(self, part: bytes) -> Iterator[Delta]:
        """Yields the deltas that are complete with these bytes. Raises EngineFailed."""
        if self._is_json_lines is None:
            part = part.lstrip()
            if not part:
                return
            self._is_json_lines = part.startswith(b"{")
        if not self._is_json_lines:
            yield from self._chat.feed(part)
            return
        *lines, self._line = (self._line + part).split(b"\n")
        if len(self._line) > MAX_EVENT_BYTES:
            raise EngineFailed("The endpoint's stream is not made of lines.")
        for line in lines:
            yield from self._read(line)

    def end(self) -> Iterator[Delta]:
        """No more comes: a last line needs no line break. Raises EngineFailed where it is not whole."""
        if self._is_json_lines:
            yield from self._read(self._line)
            yield from self._chat.feed(b"data: [DONE]\n")

    def close(self) -> Finished:
        """Raises EngineFailed unless it was the end of a whole answer."""
        return self._chat.close()

    def _read(self, line: bytes) -> Iterator[Delta]:
        if line.strip():
            yield from self._chat.feed(b"data: " + line.strip() + b"\n")
