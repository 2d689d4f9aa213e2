"""ConverseStream's events come as the model writes them.

AWS: sends each event when the model has written it, and `metadata` after the end; a model that fails in the middle is
an exception event, a connection that breaks is no end. Converse needs `bedrock:InvokeModel`, ConverseStream
`bedrock:InvokeModelWithResponseStream`. (Amazon Bedrock API Reference, "ConverseStream".)
Emulator: waits for the whole answer, cuts it into pieces of twenty characters and sends them all at once. It asks for
the permission `bedrock:ConverseStream` on `*`.

Patch: the local model is asked for a stream, and each of its chunks becomes an event. A connection of the model that
breaks breaks the client's, too. When the client goes, the model is left, so its slot is free. Streams are read in
threads of their own: each waits in one from its first word to its last, and the emulator's own are few.
"""

import asyncio
import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from local.patches import Options
from local.patches.bedrock_converse import TIMEOUT_S, refusal, refuse_turns
from local.patches.bedrock_images import with_words
from local.refused import Refused

NAMES = (("maxTokens", "max_tokens"), ("temperature", "temperature"), ("topP", "top_p"), ("stopSequences", "stop"))
STREAMS = ThreadPoolExecutor(512, "bedrock-stream")
STOPPED = {"length": "max_tokens", "content_filter": "content_filtered"}


class Broken(Exception):
    """The model's connection ended before its stream did."""


def apply(options: Options) -> None:
    from ministack.core import iam_actions
    from ministack.core.responses import StreamingResponse
    from ministack.services import bedrock_runtime as runtime

    original = runtime._converse_stream

    def stream(model_id: str, headers: Any, body: Any) -> Any:
        asked = read(body)
        if asked is None or asked.get("guardrailConfig") or runtime._validate_converse_request(asked):
            return original(model_id, headers, body)  # its own refusals, and what nothing here asks for
        try:
            refuse_turns(model_id, asked["messages"], asked.get("system"))
            config = asked.get("inferenceConfig") or {}
            shown = with_words(model_id, asked["messages"])
            wanted = {"model": model_id, "messages": runtime._openai_messages(shown, None)}
            wanted |= {theirs: config[ours] for ours, theirs in NAMES if ours in config}
            source = Source(options.bedrock, {**wanted, "stream": True, "stream_options": {"include_usage": True}})
        except Refused as refused:
            status, named, said = runtime._error(refused.code, refused.message, refused.status)
            return status, named | {"x-amzn-ErrorType": refused.code}, said
        kind = {"Content-Type": "application/vnd.amazon.eventstream"}
        frames = translated(source.events(), runtime, time.time())
        return 200, kind, StreamingResponse(partial(pass_on, source, frames))

    runtime._converse_stream = stream
    original_action = iam_actions.extract_iam_action

    def action(*arguments: Any, **named: Any) -> str | None:
        found: str | None = original_action(*arguments, **named)
        return "bedrock:InvokeModelWithResponseStream" if found == "bedrock:ConverseStream" else found

    iam_actions.extract_iam_action = action


def read(body: Any) -> Any:
    """The request; None where it is none."""
    with contextlib.suppress(ValueError):
        asked = json.loads(body or b"{}")
        return asked if isinstance(asked, dict) else None
    return None


class Source:
    """The model's stream. Raises Refused where it takes the request for none."""

    def __init__(self, url: str | None, body: dict[str, Any], path: str = "/v1/chat/completions") -> None:
        if url is None:
            raise Refused(503, "ServiceUnavailableException", "This cloud has no model behind its Bedrock.")
        place = urlsplit(url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=TIMEOUT_S)
        headers = {"Content-Type": "application/json", "Connection": "close"}
        try:
            connection.connect()
            self._socket = connection.sock
            connection.request("POST", path, json.dumps(body).encode(), headers)
            self._answer = connection.getresponse()
            if self._answer.status != 200:
                raise self.refused(self._answer.status, self._answer.read().decode(errors="replace"))
        except (OSError, http.client.HTTPException) as error:
            raise Refused(503, "ServiceUnavailableException", f"The model does not answer: {error}") from error

    def refused(self, status: int, text: str) -> Refused:
        """What its refusal is to who asked."""
        return refusal(status, text)

    def events(self) -> Iterator[dict[str, Any]]:
        """The chunks, until `[DONE]`. Raises Broken, and ValueError for what is no chunk."""
        for line in self.lines():
            if line.startswith(b"data:") and not is_last(line):
                yield json.loads(line.removeprefix(b"data:"))

    def lines(self) -> Iterator[bytes]:
        """As they come, with `[DONE]`. Raises Broken."""
        try:
            for line in self._answer:
                yield line
                if is_last(line):
                    return
        except (OSError, http.client.HTTPException) as error:
            raise Broken from error
        raise Broken

    def leave(self) -> None:
        """Wakes who reads it, in whatever thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


def is_last(line: bytes) -> bool:
    return line.removeprefix(b"data:").strip() == b"[DONE]"


async def pass_on(source: Source, frames: Iterator[bytes], send: Any, receive: Any) -> None:
    going = asyncio.create_task(gone(receive, source))
    read = partial(asyncio.get_running_loop().run_in_executor, STREAMS, next, frames, None)
    try:
        while (frame := await read()) is not None:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    except Broken:
        return  # without a last frame: the client's connection breaks, too
    finally:
        going.cancel()
        source.leave()


async def gone(receive: Any, source: Source) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    source.leave()


def translated(chunks: Iterator[dict[str, Any]], runtime: Any, began: float) -> Iterator[bytes]:
    """OpenAI's chunks as Converse's events, and what the model fails with as an exception event."""
    event, reason, usage = runtime._es_event, "", None
    yield event("messageStart", {"role": "assistant"})
    try:
        for chunk in chunks:
            if "error" in chunk:
                raise ValueError(chunk["error"])
            usage = chunk.get("usage") or usage
            for choice in chunk.get("choices") or []:
                if text := choice["delta"].get("content"):
                    yield event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}})
                reason = choice.get("finish_reason") or reason
        if not reason or not usage:
            raise ValueError("The model's stream has no end.")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        named = {":message-type": "exception", ":exception-type": "modelStreamErrorException"}
        said = json.dumps({"message": f"The model failed: {error}"[:300], "originalStatusCode": 500})
        yield runtime._es_encode_message({**named, ":content-type": "application/json"}, said.encode())
        return
    yield event("contentBlockStop", {"contentBlockIndex": 0})
    yield event("messageStop", {"stopReason": STOPPED.get(reason, "end_turn")})
    used = {"inputTokens": usage["prompt_tokens"], "outputTokens": usage["completion_tokens"]}
    counted = {**used, "totalTokens": sum(used.values())}
    yield event("metadata", {"usage": counted, "metrics": {"latencyMs": max(1, int((time.time() - began) * 1000))}})
