"""`python -m local.faults.engine`: an engine that counts, so that every repeated or missing word of an answer shows.

It speaks as much of OpenAI's HTTP API as the worker and Bedrock use, starts in 60 ms and needs 15 MB. Asked to `count
to 40` it says `1 2 3 … 40`, as a stream or in one piece; a last message of the assistant is a prefill, and it goes on
from there. `count to 40, then at 7: garbage` misbehaves at that number: once, in one of the ways in `MISHAPS` (what a
stream can suffer) or `REFUSALS`; or each time it is asked, as `POISON` says. It logs what it was `asked:`, and what it
has `answered:` to the end.
"""

import argparse
import asyncio
import json
import os
import re
import time
from typing import Any

LOAD_S = 0.5  # 503 for so long, as while weights are read
WORD_S = 0.025
MISHAPS = ("garbage", "cut", "error", "no_end", "refusal")
REFUSALS = ("busy",)  # 429, of whole answers
POISON = ("crash",)  # the engine dies of it
_ORDER = re.compile(r"count to (\d+)(?:, then at (\d+): (\w+))?")


class Engine:
    def __init__(self, model: str) -> None:
        self.model = model
        self.ready_at = time.monotonic() + LOAD_S
        self.done: set[str] = set()  # orders whose mishap has happened

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1])) if length else b""
            await self.answer(head.split(" ")[1], body, reader, writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, path: str, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if time.monotonic() < self.ready_at:
            return plain(writer, 503, {"error": {"message": "Loading model"}})
        if path == "/health":
            return plain(writer, 200, {"status": "ok"})
        if path == "/v1/models":
            return plain(writer, 200, {"object": "list", "data": [{"id": self.model, "owned_by": "llamacpp"}]})
        return await self.complete(json.loads(body), reader, writer)

    async def complete(self, body: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        messages = body.get("messages") or [{"role": "user", "content": body["prompt"]}]
        said = messages[-1]["content"] if messages[-1]["role"] == "assistant" else ""
        asked = next(one["content"] for one in reversed(messages) if one["role"] == "user")
        print(f"asked: {asked}", flush=True)
        order = _ORDER.search(asked)
        last, at, mishap = (int(order[1]), int(order[2] or 0), order[3]) if order else (1, 0, None)
        first = int(said.split()[-1]) + 1 if said.strip() else 1
        if mishap in ("refusal", *REFUSALS) and self.first_time(asked):
            return plain(writer, 429 if mishap == "busy" else 500, {"error": {"message": "on order"}})
        streams = body.get("stream")
        if streams:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for number in range(first, last + 1):
            if number == at and mishap in POISON:
                os._exit(1)
            if number == at and mishap and self.first_time(asked):
                return self.misbehave(mishap, writer) if streams else self.answer_badly(mishap, writer)
            if streams:
                send(writer, {"choices": [{"delta": {"content": str(number) if number == 1 else f" {number}"}}]})
                await writer.drain()
            await asyncio.sleep(WORD_S)
            if reader.at_eof():
                return None  # nobody listens
        usage = {"prompt_tokens": 10, "completion_tokens": max(0, last - first + 1)}
        if streams:
            send(writer, {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage})
            writer.write(b"data: [DONE]\n\n")
        else:
            text = said + " ".join(str(number) for number in range(first, last + 1))
            plain(writer, 200, {"choices": [whole("messages" in body, text)], "usage": usage})
        await writer.drain()
        print(f"answered: {asked}", flush=True)

    def first_time(self, order: str) -> bool:
        if order in self.done:
            return False
        self.done.add(order)
        return True

    def misbehave(self, mishap: str, writer: asyncio.StreamWriter) -> None:
        if mishap == "garbage":
            writer.write(b'data: {"choices": [{"delta": \n\n')
        elif mishap == "error":
            send(writer, {"error": {"message": "on order"}})
            writer.write(b"data: [DONE]\n\n")
        elif mishap == "no_end":  # [DONE] without a finish_reason
            writer.write(b"data: [DONE]\n\n")

    def answer_badly(self, mishap: str, writer: asyncio.StreamWriter) -> None:
        """The same mishaps in one piece; `cut` is no answer at all."""
        if mishap == "garbage":
            plain(writer, 200, '{"choices": [')
        elif mishap == "error":
            plain(writer, 200, {"error": {"message": "on order"}})
        elif mishap == "no_end":
            plain(writer, 200, {"choices": [{**whole(True, "1"), "finish_reason": None}]})


def whole(is_chat: bool, text: str) -> dict[str, Any]:
    said = {"message": {"role": "assistant", "content": text}} if is_chat else {"text": text}
    return {"index": 0, "finish_reason": "stop", **said}


def send(writer: asyncio.StreamWriter, event: dict[str, Any]) -> None:
    writer.write(f"data: {json.dumps(event)}\n\n".encode())


def plain(writer: asyncio.StreamWriter, status: int, answer: dict[str, Any] | str) -> None:
    body = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
    writer.write(
        f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )
    writer.write(body)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model-id", default="counting")
    for ignored in ("--nice", "--slots", "--context", "--threads"):
        parser.add_argument(ignored)
    options = parser.parse_args()
    server = await asyncio.start_server(Engine(options.model_id).serve, "127.0.0.1", options.port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
