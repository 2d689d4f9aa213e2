"""A client of event streams that does nothing else: when the first words came, when the end, how many tokens."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

FIRST_WORD = re.compile(rb'"content": *"[^"]')  # the first chunk of all has an empty one
TOKENS = re.compile(rb'"completion_tokens": *(\d+)')
PATIENCE_S = 120.0
TRIES, AGAIN_S = 4, 0.5  # where the API says "try again", as OpenAI's clients do
TRY_AGAIN = re.compile(rb"^HTTP/1.1 (429|503) ")


@dataclass(frozen=True, slots=True)
class Heard:
    """Seconds since the request. `tokens` 0: nobody counted them."""

    first_s: float
    seconds: float
    tokens: int

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds


async def listen(url: str, body: dict[str, Any], key: str = "", at_first: Callable[[], object] = lambda: None) -> Heard:
    """One streamed answer, over a connection of its own; `at_first` is called when its first word is there. Raises
    RuntimeError when it is not a whole one."""
    begun = time.perf_counter()
    for _ in range(TRIES):
        heard, said = await _listen(url, body, key, begun, at_first)
        if heard:
            return heard
        if not TRY_AGAIN.match(said):
            break
        await asyncio.sleep(AGAIN_S)
    raise RuntimeError(f"{url} answered {said[-300:]!r}")


async def _listen(
    url: str, body: dict[str, Any], key: str, begun: float, at_first: Callable[[], object]
) -> tuple[Heard | None, bytes]:
    """None, and what came instead, where it is not a whole answer."""
    where = urlsplit(url)
    data = json.dumps({**body, "stream": True, "stream_options": {"include_usage": True}}).encode()
    lines = [f"POST {where.path} HTTP/1.1", f"Host: {where.netloc}", f"Content-Length: {len(data)}"]
    lines += ["Content-Type: application/json", "Connection: close"]
    lines += [f"Authorization: Bearer {key}"] if key else []
    request = "\r\n".join(lines).encode() + b"\r\n\r\n" + data
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    first_s, before = 0.0, b""
    try:
        writer.write(request)
        async with asyncio.timeout(PATIENCE_S):
            while (piece := await reader.read(1 << 16)) and b"[DONE]" not in before:
                before = before[-1000:] + piece
                if not first_s and FIRST_WORD.search(before):
                    first_s = time.perf_counter() - begun
                    at_first()
    finally:
        writer.close()
    if not first_s or b"[DONE]" not in before:
        return None, before
    used = TOKENS.findall(before)
    return Heard(first_s, time.perf_counter() - begun, int(used[-1]) if used else 0), before


async def listen_at_once(url: str, bodies: list[dict[str, Any]], key: str = "") -> list[Heard]:
    return list(await asyncio.gather(*(listen(url, body, key) for body in bodies)))
