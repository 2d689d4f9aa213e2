"""How often a stream is written to the client, counted: each write passes API Gateway and the adapter by itself."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from foreverus.backends.port import Completion, Delta, Finished, Prompt
from foreverus.errors import EngineFailed
from foreverus.openai_api.application import application
from tests.unit.openai_api.world import MODEL, InPlaceOfTheAdapter, World

BODY = {
    "model": f"{MODEL}@bedrock",
    "messages": [{"role": "user", "content": "Count."}],
    "stream": True,
    "stream_options": {"include_usage": True},
}


class Bursts:
    """Each burst's words come at once, and the next burst when all of the one before was written to the client."""

    def __init__(self, bursts: Sequence[Sequence[str]], error: Exception | None = None):
        self.bursts, self.error = bursts, error
        self.written = asyncio.Event()

    async def complete(self, prompt: Prompt) -> Completion:
        raise AssertionError("it is streamed")

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        for burst in self.bursts:
            for word in burst:
                yield Delta(word)
            await self.written.wait()
            self.written.clear()
        if self.error:
            raise self.error
        yield Finished("stop", 5, sum(map(len, self.bursts)))


def sent_of(backend: Bursts) -> list[str]:
    """The text of each write, in order; the last, empty one ends the response."""
    writes: list[str] = []
    said = ""

    async def ask() -> None:
        coming = [{"type": "http.request", "body": json.dumps(BODY).encode()}]

        async def receive() -> dict[str, Any]:
            return coming.pop() if coming else await asyncio.Future()

        async def send(message: dict[str, Any]) -> None:
            nonlocal said
            if message["type"] == "http.response.body":
                writes.append(message["body"].decode())
                said += words_of(writes[-1])
                if said in so_far:
                    backend.written.set()

        headers = [(b"authorization", b"Bearer user-1/key-1")]
        scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers}
        world = World(bedrock=backend)
        app = InPlaceOfTheAdapter(application(world.answering, world.of_voice))
        await app({**scope, "query_string": b"", "scheme": "http", "root_path": ""}, receive, send)

    so_far = {"".join("".join(burst) for burst in backend.bursts[: end + 1]) for end in range(len(backend.bursts))}
    asyncio.run(ask())
    return writes


def chunks_of(text: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: {")]
    return [json.loads(line) for line in lines]


def words_of(text: str) -> str:
    chosen = [one["choices"][0]["delta"] for one in chunks_of(text) if one.get("choices")]
    return "".join(delta.get("content") or "" for delta in chosen)


def test_who_speaks_goes_out_with_the_first_word() -> None:
    first, *_ = sent_of(Bursts([["One"]]))
    role, _ = chunks_of(first)
    assert role["choices"][0]["delta"]["role"] == "assistant" and words_of(first) == "One"


@pytest.mark.parametrize("count", [1, 2, 50])
def test_a_word_that_comes_alone_goes_out_alone(count: int) -> None:
    writes = sent_of(Bursts([[f" {number}"] for number in range(count)]))
    assert [words_of(one) for one in writes[:count]] == [f" {number}" for number in range(count)]


@pytest.mark.parametrize("size", [2, 100])
def test_what_came_meanwhile_goes_out_together_and_each_word_is_a_chunk(size: int) -> None:
    words = [f" {number}" for number in range(size)]
    writes = sent_of(Bursts([["One"], words]))
    assert len(writes) <= 5, "two bursts, the end, and the response's own: not one for each word"
    assert words_of("".join(writes)) == "One" + "".join(words)
    spoken = [one for one in chunks_of("".join(writes)) if one.get("choices")]
    assert len(spoken) == 1 + 1 + size + 1, "who speaks, each word, the reason of the end"
    assert writes[-1] == "" and writes[-2].endswith("data: [DONE]\n\n")


def test_words_before_a_failure_are_not_lost_by_it() -> None:
    whole = "".join(sent_of(Bursts([["One", " two"]], EngineFailed("gone"))))
    assert words_of(whole) == "One two"
    assert "event: error\n" in whole and "[DONE]" not in whole
