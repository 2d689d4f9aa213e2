"""The laptop's real engine, llama.cpp with SmolLM2, behind our port."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from foreverus.backends.openai_http import OpenAiEngine
from foreverus.backends.port import Delta, Finished, Health, Message, Prompt
from foreverus.errors import EngineFailed, PromptRejected
from local.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
ASKED = Prompt(
    (Message("system", "You are a helpful assistant."), Message("user", "Describe Paris in one sentence.")), 24, 0.0
)


@pytest.fixture
def process() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    # One thread: two wait for each other by spinning, and where the other core is taken that costs ten times as much.
    options = ["--slots", "2", "--context", "512", "--threads", "1"]
    command = [sys.executable, "-m", "local.engine", "--port", str(port), *options]
    started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield started, f"http://127.0.0.1:{port}"
    finally:
        started.kill()
        started.wait()


async def read(engine: OpenAiEngine, prompt: Prompt) -> tuple[list[str], Finished]:
    events = [event async for event in engine.stream(prompt)]
    finished = events.pop()
    assert isinstance(finished, Finished)
    return [event.text for event in events if isinstance(event, Delta)], finished


def test_real_engine_answers_continues_refuses_and_dies(process: tuple[subprocess.Popen[bytes], str]) -> None:
    server, url = process

    async def go() -> None:
        engine = OpenAiEngine(url, "any name will do")
        assert await engine.health() in (Health.UNREACHABLE, Health.LOADING, Health.GOOD)
        while await engine.health() is not Health.GOOD:
            assert server.poll() is None, "the engine ended"
            await asyncio.sleep(0.05)
        await engine.identify()
        assert not engine.is_vllm
        whole, finished = await read(engine, ASKED)
        assert finished.completion_tokens > 8 and finished.prompt_tokens > 10
        assert await engine.count_tokens(ASKED) == finished.prompt_tokens, "it counts as it answers"

        begun = "".join(whole[:6])
        rest, _ = await read(engine, Prompt((*ASKED.messages, Message("assistant", begun)), 18, 0.0))
        assert begun + "".join(rest) == "".join(whole), "a continued answer is the same answer"

        at_once = await engine.complete(ASKED)
        assert at_once.text == "".join(whole), "a whole answer is the same answer"
        assert (at_once.prompt_tokens, at_once.completion_tokens) == (
            finished.prompt_tokens,
            finished.completion_tokens,
        )
        rest_at_once = await engine.complete(Prompt((*ASKED.messages, Message("assistant", begun)), 18, 0.0))
        assert begun + rest_at_once.text == at_once.text
        for _ in range(3):  # after a stream and after a whole answer: no connection is used twice
            text = await engine.complete(Prompt((), 6, 0.0, "The capital of France is", {"seed": 1, "top_p": 0.9}))
        assert text.text and text.completion_tokens == 6 and text.finish_reason == "length"
        assert "".join((await read(engine, Prompt((), 6, 0.0, "The capital of France is")))[0]) == text.text
        as_json = await engine.complete(
            Prompt(ASKED.messages, 24, 0.0, None, {"response_format": {"type": "json_object"}})
        )
        assert as_json.text.lstrip().startswith("{")

        with pytest.raises(PromptRejected) as rejected:
            await engine.complete(Prompt(ASKED.messages, 4, 0.0, None, {"response_format": {"type": "poem"}}))
        with pytest.raises(PromptRejected) as rejected:
            await engine.complete(Prompt((*ASKED.messages[:1], Message("user", "long " * 600)), 24, 0.0))
        assert rejected.value.reason == "context_length_exceeded"
        with pytest.raises(PromptRejected) as rejected:
            await read(engine, Prompt((*ASKED.messages[:1], Message("user", "long " * 600)), 24, 0.0))
        assert rejected.value.reason == "context_length_exceeded"

        with pytest.raises(EngineFailed):
            async for _ in engine.stream(Prompt(ASKED.messages, 400, 0.0, None, {"ignore_eos": True})):
                server.kill()  # seconds before its last token, which it cannot choose to come sooner
        server.wait()
        assert await engine.health() is Health.UNREACHABLE
        await engine.aclose()

    asyncio.run(go())
