"""The ideal client: keeps an engine's slots full over plain HTTP, and does nothing else. Nothing is kept, counted or
tried again; a connection is opened for every request, and its answer read to the end. The baseline of every batch."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Body = dict[str, Any]


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
    left = iter([(number, _request(url, path, bodies[number])) for number in order])
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


def _request(url: str, path: str, body: Body) -> bytes:
    data = json.dumps({**body, "stream": False}).encode()
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
