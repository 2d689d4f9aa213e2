"""A small HTTP server that says what a test tells it to, in the words of llama.cpp or vLLM, on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from foreverus.backends.openai_http import OpenAiEngine
from foreverus.backends.port import Delta, Finished, Message, Prompt
from tests.unit.conftest import HANGS_S

HELLO = Prompt((Message("system", "Be brief."), Message("user", "Hello")), 16, 0.5)


def chunk(content: str | None = None, role: str | None = None, finish: str | None = None) -> str:
    delta = ({"role": role} if role else {}) | ({"content": content} if content is not None else {})
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


USAGE = json.dumps({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}})

# What both send for "Hi there", as recorded from llama.cpp and from vLLM: the latter starts with only a role.
LLAMA_CPP = [chunk(None, "assistant"), chunk("Hi"), chunk(" there"), chunk(finish="stop"), USAGE, "[DONE]"]
VLLM = [chunk("", "assistant"), chunk("Hi"), chunk(" there", finish="stop"), USAGE, "[DONE]"]


@dataclass
class Reply:
    """One response: `events` are sent as a stream of events; then the connection is closed, or broken."""

    status: int = 200
    body: bytes = b""
    events: list[str] | None = None
    raw: bytes = b""  # instead of events
    break_off: bool = False  # close in the middle of the chunked body
    hang: bool = False  # say nothing more
    pings: float = 0.0  # seconds between pings while it hangs


@dataclass
class Script:
    replies: dict[str, list[Reply]] = field(default_factory=dict)  # by path; the last one is repeated
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)

    def next(self, path: str) -> Reply:
        replies = self.replies.get(path, [Reply(404)])
        return replies.pop(0) if len(replies) > 1 else replies[0]


@asynccontextmanager
async def engine(script: Script, silence_s: float = HANGS_S, answer_s: float = HANGS_S) -> AsyncIterator[OpenAiEngine]:
    connections: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        connections.add(task)
        try:
            await _answer(script, reader, writer)
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            connections.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = OpenAiEngine(f"http://127.0.0.1:{port}/v1", "mistral", silence_s, answer_s)
    try:
        yield client
    finally:
        await client.aclose()
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()


async def _answer(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    script.headers.append(head.lower())
    length = next((int(h.split(":")[1]) for h in head.split("\r\n") if h.lower().startswith("content-length")), 0)
    if length:
        script.requests.append(json.loads(await reader.readexactly(length)))
    reply = script.next(head.split()[1])
    if reply.events is None and not reply.raw:
        writer.write(f"HTTP/1.1 {reply.status} X\r\nContent-Length: {len(reply.body)}\r\n\r\n".encode() + reply.body)
        await writer.drain()
        return
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for piece in [reply.raw] if reply.raw else [f"data: {event}\n\n".encode() for event in reply.events or []]:
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await writer.drain()
    while reply.hang:
        await asyncio.sleep(reply.pings or 3600)
        writer.write(b"3\r\n:\n\n\r\n")
        await writer.drain()
    if not reply.break_off:
        writer.write(b"0\r\n\r\n")
    await writer.drain()


async def collect(client: OpenAiEngine, prompt: Prompt = HELLO) -> tuple[list[str], Finished]:
    texts: list[str] = []
    async for event in client.stream(prompt):
        if isinstance(event, Finished):
            return texts, event
        assert isinstance(event, Delta)
        texts.append(event.text)
    raise AssertionError("a stream must finish or raise")
