"""OpenAI's chat API: one request let in, answered on Bedrock (or kept for a GPU), counted. A web server as ours is. See
`bench/least/__init__.py`."""

import asyncio
import json
import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import uvicorn
from botocore.config import Config
from calls import Calls, check, delete, key, number, put, update  # beside it in the package

table = Calls()
bedrock = boto3.client("bedrock-runtime", config=Config(max_pool_connections=256))
threads = ThreadPoolExecutor(256)
COUNTS = ("person", "one key", "everybody")
READ = (*COUNTS, "usage", "preferences", "refused", "purse", "ledger")
USD = 0.00001
turn = threading.Lock()  # one process has all requests here; on Lambda each has its own


def enter(request: str, gpu: bool) -> None:
    with turn:
        versions = _versions(table.read(*map(key, READ)))
        if gpu:
            for partition in ("GPU", "SESSIONS", "PENDING", "REQUESTS"):
                table.query(partition)
            reserving = []
        else:
            committed = {":usd": number(USD), ":most": number(1000)}
            room = "attribute_not_exists(committed) OR committed <= :most"
            reserving = [
                put(key(f"reserved {request}"), "attribute_not_exists(pk)", usd=USD),
                update(key("purse"), "ADD committed :usd", committed, room),
                check(key("ledger"), "attribute_not_exists(closed)"),
            ]
        table.write(*_counted(versions), *reserving)
    if gpu:
        table.write(put(key(f"request {request}"), prompt="p"), put(key(f"open {request}"), prompt="p"))


def leave(request: str, tokens: int) -> None:
    paid = put(key(f"paid {request}"), "attribute_not_exists(pk)", usd=USD)
    total = update(key("total"), "ADD spent :usd", {":usd": number(USD)}, "attribute_not_exists(closed)")
    freed = update(key("purse"), "ADD committed :usd", {":usd": number(-USD)}, "attribute_exists(pk)")
    used = update(key("usage"), "ADD tokens :n", {":n": number(tokens)}, "attribute_not_exists(closed)")
    table.write(delete(key(f"reserved {request}")), freed, paid, total, used)
    with turn:
        table.write(*_counted(_versions(table.read(*map(key, COUNTS)))))


def _versions(items: list[dict[str, Any]]) -> dict[str, int]:
    return {item["sk"]["S"]: int(item.get("version", {"N": "0"})["N"]) for item in items}


def _counted(versions: dict[str, int]) -> list[dict[str, Any]]:
    as_read = "attribute_not_exists(version) OR version = :before"
    return [
        put(key(name), as_read, {":before": number(versions.get(name, 0))}, version=versions.get(name, 0) + 1)
        for name in COUNTS
    ]


async def app(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    asked, loop, request = json.loads(body), asyncio.get_running_loop(), uuid.uuid4().hex
    gpu = bool(asked.get("gpu"))
    await loop.run_in_executor(threads, enter, request, gpu)
    words: asyncio.Queue[str | None] = asyncio.Queue()
    if gpu:
        words.put_nowait("1")
        words.put_nowait(None)
    else:
        loop.run_in_executor(threads, ask, asked, lambda word: loop.call_soon_threadsafe(words.put_nowait, word))
    tokens, word = 0, await words.get()
    headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
    await send({"type": "http.response.start", "status": 502 if word is None else 200, "headers": headers})
    while word is not None:
        tokens += 1
        await _say(send, {"choices": [{"delta": {"content": word}}]})
        word = await words.get()
    if not gpu:
        await loop.run_in_executor(threads, leave, request, tokens)
    await _say(send, {"choices": [], "usage": {"completion_tokens": tokens}})
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": False})


def ask(asked: Any, say: Any) -> None:
    try:
        for part in bedrock.converse_stream(
            modelId=os.environ["BEDROCK_MODEL_ID"],
            messages=[{"role": "user", "content": [{"text": asked["messages"][0]["content"]}]}],
            inferenceConfig={"maxTokens": asked["max_tokens"]},
        )["stream"]:
            if "contentBlockDelta" in part:
                say(part["contentBlockDelta"]["delta"]["text"])
    finally:
        say(None)


async def _say(send: Any, said: Any) -> None:
    await send(
        {"type": "http.response.body", "body": b"data: " + json.dumps(said).encode() + b"\n\n", "more_body": True}
    )


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["AWS_LWA_PORT"]),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=86400,
    )
