"""An engine of a known speed: it answers on the clock and computes nothing.

It speaks as much of OpenAI's HTTP API as the worker and Bedrock use, as llama.cpp's server does (or as vLLM does, which
refuses more: `vllm_rules.py`), starts in 60 ms and needs 20 MB. See `orders.py` for what it says, and `pace.py` for
when. It logs each order that it was `asked:`, which images it was `shown:`, and what it has `answered:` to the end. One
timer serves all streams: 256 of them at 28 tokens a second are one loop.
"""

import asyncio
import json
import math
import os
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from local.engine import vllm_rules
from local.engine.chunks import DONE, END, Chunks, event, plain, refusal
from local.engine.orders import MISHAPS, POISON, REFUSALS, Answer, TooLong, answer_to, shown_in, tokens_of
from local.engine.pace import LOAD_S, PACE, Steps, read_pace

LOOK_S = 0.05  # how often the file of the pace is looked at
COMPLETIONS = {"/v1/chat/completions": True, "/v1/completions": False}  # whether it is a chat
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Options:
    """pace: tokens a second of each stream. pace_file: while it exists, the pace is the number in it. like_vllm: it
    refuses what vLLM refuses, and says that it is vLLM."""

    port: int = 0
    model_id: str = "paced"
    slots: int = 8
    context: int = 2048
    pace: float = PACE
    pace_file: Path | None = None
    load_s: float = LOAD_S
    like_vllm: bool = False


class Engine:
    def __init__(self, options: Options, clock: Callable[[], float] = time.monotonic) -> None:
        self._options = options
        self._clock = clock
        self._ready_at = clock() + options.load_s
        self._steps = Steps(options.pace, clock())
        self._chunks = {is_chat: Chunks(options.model_id, is_chat) for is_chat in (True, False)}
        self._active: set[Stream] = set()
        self._waiting: deque[Stream] = deque()
        self._failed: set[str] = set()  # orders whose mishap has happened
        self._timer: asyncio.TimerHandle | None = None
        self._look_at = 0.0

    async def serve(self) -> asyncio.Server:
        """Listens; returns when it does."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self), "127.0.0.1", self._options.port, backlog=1024)
        self.advance()
        return server

    def answer(self, path: str, body: bytes, connection: "Connection") -> None:
        if self._clock() < self._ready_at:
            return connection.close(refusal(503, "unavailable_error", "Loading model"))
        if path == "/health":
            return connection.close(plain(200, {"status": "ok"}))
        if path == "/v1/models":
            model = {
                "id": self._options.model_id,
                "object": "model",
                "owned_by": "vllm" if self._options.like_vllm else "llamacpp",
            }
            return connection.close(plain(200, {"object": "list", "data": [model]}))
        if path not in COMPLETIONS:
            return connection.close(refusal(404, "not_found_error", "File Not Found"))
        try:
            asked = json.loads(body)
            if self._options.like_vllm:
                vllm_rules.check(asked, tokens_of(asked), self._options.context)
            answer, shown = answer_to(asked, self._options.context), shown_in(asked)
            if self._options.like_vllm and not asked.get("stream"):
                answer = replace(answer, prefill="")  # its whole answer is what it adds
        except vllm_rules.Refused as problem:
            return connection.close(plain(400, problem.body))
        except TooLong as problem:
            return connection.close(refusal(400, "exceed_context_size_error", str(problem)))
        except (ValueError, LookupError, TypeError, AttributeError, StopIteration) as problem:
            return connection.close(refusal(400, "invalid_request_error", repr(problem)))
        say("asked", answer)
        for image in shown:
            print(f"shown: {image}", flush=True)
        if answer.mishap in ("refusal", *REFUSALS) and self.fails(answer):
            return connection.close(refusal(429 if answer.mishap == "busy" else 500, "server_error", "on order"))
        connection.stream = Stream(answer, connection, self._chunks[COMPLETIONS[path]], bool(asked.get("stream")))
        self._waiting.append(connection.stream)
        return self.advance()

    def fails(self, answer: Answer) -> bool:
        """Whether an answer that has come to its mishap suffers it: a mishap happens once."""
        if answer.mishap in POISON:
            os._exit(1)
        first_time = answer.order not in self._failed
        self._failed.add(answer.order)
        return first_time

    def advance(self) -> None:
        """Brings every stream to where the clock is, and comes back when there is more to do."""
        now = self._clock()
        if now >= self._look_at:
            self._look(now)
        step = self._steps.made(now)
        over = [stream for stream in self._active if stream.advance(step, self.fails)]
        self._active.difference_update(over)
        while self._waiting and len(self._active) < self._options.slots and self._steps.pace:
            # Its first token comes at once, as if its prompt cost nothing; the others with the steps of all.
            stream = self._waiting.popleft()
            if not stream.begin(step, self.fails):
                self._active.add(stream)
        if self._timer:
            self._timer.cancel()
        due = min(self._steps.at(step + 1) if self._active else math.inf, self._look_at)
        self._timer = asyncio.get_running_loop().call_later(max(0.0, due - now), self.advance)

    def forget(self, stream: "Stream") -> None:
        """Nobody listens to it any more."""
        if stream in self._waiting:
            self._waiting.remove(stream)
        elif stream in self._active:
            self._active.remove(stream)
            self.advance()  # somebody may wait for the slot

    def _look(self, now: float) -> None:
        pace = read_pace(self._options.pace_file)
        if (wanted := self._options.pace if pace is None else pace) != self._steps.pace:
            self._steps.change(wanted, now)
        self._look_at = now + LOOK_S


class Stream:
    """One answer on its way, in pieces or (`streams` is false) in one."""

    def __init__(self, answer: Answer, connection: "Connection", chunks: Chunks, streams: bool) -> None:
        self._answer = answer
        self._connection = connection
        self._chunks = chunks
        self._streams = streams
        self._started = 0
        self._said = 0
        self._mishap = answer.mishap if answer.mishap in (*MISHAPS, *POISON) else ""

    def begin(self, step: int, fails: Callable[[Answer], bool]) -> bool:
        self._started = step - 1
        if self._streams:
            self._connection.write(self._chunks.head)
        return self.advance(step, fails)

    def advance(self, step: int, fails: Callable[[Answer], bool]) -> bool:
        """Says what is due at that step; returns whether it is over. `fails`: whether a mishap that is due happens."""
        answer = self._answer
        due = min(step - self._started, len(answer.words))
        if self._mishap and due > answer.fails_at:
            self._say(answer.fails_at)
            if fails(answer):
                self._connection.close(misfortune(self._mishap, self._streams, self._chunks))
                return True
            self._mishap = ""
        self._say(due)
        if due < len(answer.words):
            return False
        self._connection.close(self._chunks.end(answer) if self._streams else self._chunks.whole(answer))
        say("answered", answer)
        return True

    def _say(self, words: int) -> None:
        if self._streams and words > self._said:
            self._connection.write(self._chunks.of(self._answer.words[self._said : words]))
        self._said = words


class Connection(asyncio.Protocol):
    """One request and its response."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._received = b""
        self._asked = False
        self.stream: Stream | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if blank and not self._asked and len(body) >= (int(length[1]) if length else 0):
            self._asked = True
            self._engine.answer(head.split(b" ", 2)[1].decode("latin-1"), body, self)

    def connection_lost(self, error: Exception | None) -> None:
        if self.stream:
            self._engine.forget(self.stream)

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def close(self, data: bytes) -> None:
        """Writes the last bytes."""
        self._transport.write(data)
        self._transport.close()


def misfortune(mishap: str, streams: bool, chunks: Chunks) -> bytes:
    """The last bytes of an answer that goes wrong. `cut`: none."""
    error = {"error": {"code": 500, "message": "on order", "type": "server_error"}}
    broken = '{"choices": [{"delta": '
    if not streams:
        bare = Answer("", "", ["1"], "", 0)
        ways = {"garbage": plain(200, broken), "error": plain(200, error), "no_end": chunks.whole(bare)}
        return ways.get(mishap, b"")
    return {"garbage": event(broken) + END, "error": event(error) + DONE, "no_end": DONE}.get(mishap, b"")


def say(what: str, answer: Answer) -> None:
    if answer.order:
        print(f"{what}: {answer.order}", flush=True)


async def run(options: Options) -> None:
    """Until it is killed."""
    server = await Engine(options).serve()
    await server.serve_forever()
