"""The baseline of everything: the same engine, asked directly."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from local.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
SLOTS, CONTEXT, NICE = 8, 2048, "10"  # as the laptop's cloud runs it, with as many threads


@contextmanager
def starting(pace: float | None = None, slots: int = SLOTS, context: int = CONTEXT) -> Iterator[str]:
    """Its base URL, as soon as its process is started: nobody listens there yet. With a `pace` the paced engine, so
    many tokens a second for each stream; it is not nice: it computes nothing, and its clock is what is measured by."""
    port = free_port()
    options = {"--port": str(port), "--slots": str(slots), "--context": str(context)}
    options |= {"--nice": NICE} if pace is None else {"--pace": str(pace), "--load-seconds": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "local.engine", *(word for option in options.items() for word in option)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def running(pace: float | None = None, slots: int = SLOTS, context: int = CONTEXT) -> Iterator[tuple[str, float]]:
    """(base URL, seconds from the start of its process to its first completion)."""
    begun = time.perf_counter()
    with starting(pace, slots, context) as url:
        while not _healthy(url):
            time.sleep(0.01)
        list(stream(url, [{"role": "user", "content": "Hi"}], 1))
        yield url, time.perf_counter() - begun


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def stream(url: str, messages: list[dict[str, str]], max_tokens: int) -> Iterator[tuple[float, dict[str, Any]]]:
    """Each event of a streaming completion, with the time it came."""
    body = {"messages": messages, "max_tokens": max_tokens, "temperature": 0, "stream": True}
    body["stream_options"] = {"include_usage": True}
    with httpx.stream(
        "POST", f"{url}/v1/chat/completions", json=body, timeout=120, headers={"Connection": "close"}, trust_env=False
    ) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                yield time.perf_counter(), json.loads(line.removeprefix("data: "))


def first_text(events: Iterator[tuple[float, dict[str, Any]]]) -> float:
    """When the first text came; the rest is read to its end."""
    first = None
    for at, event in events:
        if first is None and event["choices"] and event["choices"][0]["delta"].get("content"):
            first = at
    if first is None:
        raise RuntimeError("the engine streamed no text")
    return first


def completion_tokens(events: Iterator[tuple[float, dict[str, Any]]]) -> int:
    used = 0
    for _, event in events:
        if event.get("usage"):
            used = event["usage"]["completion_tokens"]
    return used
