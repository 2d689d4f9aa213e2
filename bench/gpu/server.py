"""OpenAI's HTTP API over anything that writes tokens: what vLLM is on the GPU instance, thin enough to measure through.

It speaks vLLM's dialect: 503 while loading, 404 for another model, 400 with `context_length_exceeded`. Sampling is
greedy: a temperature above 0 is refused, and what else changes the choice of words with it.
"""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

import h11

Json = dict[str, Any]
Respond = Callable[[int, Json], None]

KNOWN = {
    *("model", "messages", "prompt", "max_tokens", "max_completion_tokens", "temperature", "stream", "stream_options"),
    *("user", "seed", "n", "top_p", "add_generation_prompt", "continue_final_message"),
}
READ_BYTES = 64 << 10


class Writer(Protocol):
    """The model. `context`: tokens that a request may have, prompt and answer."""

    context: int

    def encode(self, text: str) -> list[int]: ...
    def decode(self, tokens: Sequence[int]) -> str: ...
    def write(self, tokens: list[int], most: int, streamed: bool) -> AsyncGenerator[list[int], None]:
        """All tokens that are written so far, again and again when `streamed`; the last time the whole answer. Closing
        it ends the work."""


class Refused(Exception):
    """What the client is told: HTTP status and OpenAI's error."""

    def __init__(self, status: int, message: str, kind: str = "invalid_request_error", code: str | None = None):
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": kind, "param": None, "code": code}


@dataclass(frozen=True, slots=True)
class Asked:
    is_chat: bool
    tokens: list[int]
    most: int
    stream: bool
    with_usage: bool


class Server:
    """`writer` is None while the model loads."""

    def __init__(self, model: str):
        self.model = model
        self.writer: Writer | None = None

    async def serve(self, port: int, host: str = "127.0.0.1") -> asyncio.Server:
        return await asyncio.start_server(self._connection, host, port, backlog=1024)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request; the connection is closed after it."""
        http = h11.Connection(h11.SERVER)

        def send(event: h11.Event) -> None:
            writer.write(http.send(event) or b"")

        def respond(status: int, body: Json) -> None:
            data = json.dumps(body).encode()
            headers = [("Content-Type", "application/json"), ("Content-Length", str(len(data))), *CLOSE]
            send(h11.Response(status_code=status, headers=headers))
            send(h11.Data(data=data))
            send(h11.EndOfMessage())

        try:
            request, data = await _request(http, reader)
            working = asyncio.ensure_future(self._answer(request, data, respond, send))
            gone = asyncio.ensure_future(reader.read(1))  # nobody waits for the answer any more
            await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            working.cancel()
            (result,) = await asyncio.gather(working, return_exceptions=True)
            if isinstance(result, Refused):
                respond(result.status, {"error": result.error})
            elif isinstance(result, Exception):
                raise result
            await writer.drain()
        except (OSError, h11.ProtocolError, EOFError):
            pass  # the client's connection is broken: there is nobody to tell
        finally:
            writer.close()

    async def _answer(self, request: h11.Request, data: bytes, respond: Respond, send: Callable[..., None]) -> None:
        path = request.target.decode().partition("?")[0]
        if self.writer is None:
            raise Refused(503, "Loading model", "unavailable_error")
        if request.method == b"GET" and path == "/health":
            return respond(200, {"status": "ok"})
        if request.method == b"GET" and path == "/v1/models":
            one = {"id": self.model, "object": "model", "created": 0, "owned_by": "foreverus-bench"}
            return respond(200, {"object": "list", "data": [one]})
        if request.method != b"POST" or path not in ("/v1/chat/completions", "/v1/completions"):
            raise Refused(404, f"There is no {request.method.decode()} {path}.")
        asked = self._read(path, data)
        answer_id, created = f"cmpl-{uuid.uuid4().hex}", int(time.time())
        common: Json = {"id": answer_id, "created": created, "model": self.model}
        if asked.stream:
            send(h11.Response(status_code=200, headers=[("Content-Type", "text/event-stream"), *CLOSE]))
            async for event in self._events(asked, common):
                send(h11.Data(data=b"data: " + json.dumps(event).encode() + b"\n\n"))
            send(h11.Data(data=b"data: [DONE]\n\n"))
            return send(h11.EndOfMessage())
        async with aclosing(self.writer.write(asked.tokens, asked.most, False)) as writing:
            written = [tokens async for tokens in writing][-1]
        text = self.writer.decode(written)
        choice: Json = {"index": 0, "finish_reason": _reason(asked, written)}
        choice |= {"message": {"role": "assistant", "content": text}} if asked.is_chat else {"text": text}
        kind = "chat.completion" if asked.is_chat else "text_completion"
        respond(200, {**common, "object": kind, "choices": [choice], "usage": _usage(asked, written)})

    async def _events(self, asked: Asked, common: Json) -> AsyncIterator[Json]:
        assert self.writer
        kind = "chat.completion.chunk" if asked.is_chat else "text_completion"

        def event(text: str, reason: str | None) -> Json:
            piece: Json = {"delta": {"content": text} if text else {}} if asked.is_chat else {"text": text}
            return {**common, "object": kind, "choices": [{"index": 0, **piece, "finish_reason": reason}]}

        shown, written = "", list[int]()
        async with aclosing(self.writer.write(asked.tokens, asked.most, True)) as writing:
            async for written in writing:
                text = self.writer.decode(written)
                if text.endswith("\ufffd") or len(text) <= len(shown):
                    continue  # a character of which not every byte is there
                yield event(text[len(shown) :], None)
                shown = text
        yield event(self.writer.decode(written)[len(shown) :], _reason(asked, written))
        if asked.with_usage:
            yield {**common, "object": kind, "choices": [], "usage": _usage(asked, written)}

    def _read(self, path: str, data: bytes) -> Asked:
        assert self.writer
        try:
            body = json.loads(data)
            is_chat = path.endswith("/chat/completions")
            if unknown := sorted(set(body) - KNOWN):
                raise Refused(400, f"This engine does not know: {', '.join(unknown)}.")
            if body.get("model", self.model) != self.model:
                raise Refused(404, f"The model `{body['model']}` does not exist.", "NotFoundError")
            if (body.get("temperature") or 0) > 0:
                raise Refused(400, "This engine always takes the likeliest token: temperature must be 0.")
            text = _chat(body["messages"]) if is_chat else str(body["prompt"])
            most = body.get("max_completion_tokens") or body.get("max_tokens")
        except (ValueError, LookupError, TypeError, AttributeError) as err:
            raise Refused(400, f"The request cannot be read: {err!r}") from err
        tokens = self.writer.encode(text)
        room = self.writer.context - len(tokens)
        if room < 1:
            message = f"The maximum context length is {self.writer.context} tokens; the prompt has {len(tokens)}."
            raise Refused(400, message, code="context_length_exceeded")
        with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        return Asked(is_chat, tokens, min(int(most or room), room), bool(body.get("stream")), with_usage)


CLOSE = (("Connection", "close"),)


async def _request(http: h11.Connection, reader: asyncio.StreamReader) -> tuple[h11.Request, bytes]:
    request, data = None, bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(READ_BYTES))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            data += event.data
        elif isinstance(event, h11.EndOfMessage) and request:
            return request, bytes(data)
        else:
            raise EOFError


def _chat(messages: list[Json]) -> str:
    """Mistral's template: a last message of the assistant is continued."""
    return "".join(m["content"] if m["role"] == "assistant" else f"[INST] {m['content']} [/INST]" for m in messages)


def _reason(asked: Asked, written: list[int]) -> str:
    return "length" if len(written) >= asked.most else "stop"


def _usage(asked: Asked, written: list[int]) -> Json:
    prompt, completion = len(asked.tokens), len(written)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
