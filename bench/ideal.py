"""The ideal client: keeps an engine's slots full over plain HTTP, and does nothing else. Nothing is kept, counted or
tried again; a connection is opened for every request, and its answer read to the end. The baseline of every batch, and
with `stream` of every chat."""

import asyncio
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Body = dict[str, Any]

FIRST_TEXT = b'"content":"'  # a first chunk has only a role, and `null` here
TOKENS = re.compile(rb'"completion_tokens": *(\d+)')


@dataclass(frozen=True, slots=True)
class Driven:
    """`answers`: in the order of the bodies."""

    seconds: float
    completion_tokens: int
    answers: tuple[Body, ...]

    @property
    def tokens_per_second(self) -> float:
        return self.completion_tokens / self.seconds


def drive(url: str, bodies: Sequence[Body], streams: int, path: str = "/v1/chat/completions") -> Driven:
    """Answers all bodies with so many in flight, the longest first, so that no slot is left with a long tail."""
    return asyncio.run(drive_async(url, bodies, streams, path))


async def drive_async(
    url: str, bodies: Sequence[Body], streams: int, path: str = "/v1/chat/completions", longest_first: bool = True
) -> Driven:
    """Raises RuntimeError when an answer is not a whole one: then there is nothing to compare with."""
    order = list(range(len(bodies)))
    if longest_first:
        order.sort(key=lambda number: -int(bodies[number].get("max_tokens") or 0))
    left = iter([(number, _request(url, path, {**bodies[number], "stream": False})) for number in order])
    answers: dict[int, bytes] = {}
    host, port = urlsplit(url).hostname, urlsplit(url).port

    async def slot() -> None:
        for number, request in left:
            answers[number] = await _exchange(host, port, request)

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as slots:
        for _ in range(min(streams, len(bodies))):
            slots.create_task(slot())
    seconds = time.perf_counter() - begun
    read = tuple(_whole(answers[number]) for number in range(len(bodies)))
    return Driven(seconds, sum(answer["usage"]["completion_tokens"] for answer in read), read)


@dataclass(frozen=True, slots=True)
class Streamed:
    """`first_text_at`: on the clock of `time.perf_counter`."""

    first_text_at: float
    completion_tokens: int


async def stream(url: str, body: Body, path: str = "/v1/chat/completions") -> Streamed:
    """One streamed answer, of which nothing is read but when it began and how long it was. Raises RuntimeError when it
    is not a whole one."""
    asked = {**body, "stream": True, "stream_options": {"include_usage": True}}
    reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
    first_text_at, before = 0.0, b""
    try:
        writer.write(_request(url, path, asked))
        while piece := await reader.read(1 << 16):
            before = before[-1000:] + piece
            if not first_text_at and FIRST_TEXT in before:
                first_text_at = time.perf_counter()
    finally:
        writer.close()
    used = TOKENS.findall(before)
    if not first_text_at or not used or b"[DONE]" not in before:
        raise RuntimeError(f"the engine's stream ended with {before[-300:]!r}")
    return Streamed(first_text_at, int(used[-1]))


def _request(url: str, path: str, body: Body) -> bytes:
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data


async def _exchange(host: str | None, port: int | None, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()


def _whole(response: bytes) -> Body:
    head, _, data = response.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"the engine answered {response[:300]!r}")
    if b"transfer-encoding: chunked" in head.lower():
        data = _unchunked(data)
    return dict(json.loads(data))


def _unchunked(data: bytes) -> bytes:
    whole = bytearray()
    while data:
        size, _, data = data.partition(b"\r\n")
        if not (length := int(size, 16)):
            break
        whole += data[:length]
        data = data[length + 2 :]
    return bytes(whole)
