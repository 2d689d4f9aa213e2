"""What the paced engine sends, as bytes. Each chunk of a stream is built once, for all who get its word."""

import json
from typing import Any

from local.engine.orders import Answer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
CREATED = 1_750_000_000  # of every answer: nobody looks at it


def event(content: dict[str, Any] | str) -> bytes:
    """A server-sent event in an HTTP chunk of its own."""
    data = f"data: {content if isinstance(content, str) else json.dumps(content, separators=(',', ':'))}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(data), data)


DONE = event("[DONE]") + END


def plain(status: int, content: dict[str, Any] | str) -> bytes:
    """A response in one piece."""
    body = (content if isinstance(content, str) else json.dumps(content)).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def refusal(status: int, kind: str, message: str) -> bytes:
    """As llama.cpp's server says it."""
    return plain(status, {"error": {"code": status, "message": message, "type": kind}})


class Chunks:
    """The events of a stream, of chats or of plain text."""

    def __init__(self, model: str, is_chat: bool) -> None:
        self._is_chat = is_chat
        self._frame = {
            "id": "chatcmpl-paced" if is_chat else "cmpl-paced",
            "object": "chat.completion.chunk" if is_chat else "text_completion",
            "created": CREATED,
            "model": model,
        }
        self._of: dict[str, bytes] = {}
        role = {"role": "assistant", "content": None}
        self.head = HEAD + (self._event({"delta": role}, None) if is_chat else b"")

    def of(self, words: list[str]) -> bytes:
        return b"".join([self._of.get(word) or self._make(word) for word in words])

    def end(self, answer: Answer) -> bytes:
        """As llama.cpp: the reason in a chunk without text, then one with the usage and no choices, then `[DONE]`."""
        last = self._event({"delta": {}} if self._is_chat else {"text": ""}, answer.finish_reason)
        return last + event({**self._frame, "choices": [], "usage": usage(answer)}) + DONE

    def whole(self, answer: Answer) -> bytes:
        """The answer in one piece; of a continued one it is the whole text, as llama.cpp has it."""
        text = answer.prefill + "".join(answer.words)
        said = {"message": {"role": "assistant", "content": text}} if self._is_chat else {"text": text}
        choice = {"index": 0, **said, "finish_reason": answer.finish_reason}
        kind = {"object": "chat.completion"} if self._is_chat else {}
        return plain(200, {**self._frame, **kind, "choices": [choice], "usage": usage(answer)})

    def _make(self, word: str) -> bytes:
        made = self._of[word] = self._event({"delta": {"content": word}} if self._is_chat else {"text": word}, None)
        return made

    def _event(self, said: dict[str, Any], reason: str | None) -> bytes:
        return event({**self._frame, "choices": [{"index": 0, **said, "finish_reason": reason}]})


def usage(answer: Answer) -> dict[str, int]:
    used = len(answer.words)
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": used,
        "total_tokens": answer.prompt_tokens + used,
    }
