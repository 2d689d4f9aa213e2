"""The engine's HTTP API against the project's own client, over loopback, with a model that writes the alphabet."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest

from bench.gpu.server import Server
from foreverus.backends.openai_http import OpenAiEngine
from foreverus.backends.port import Delta, Finished, Health, Message, Prompt
from foreverus.errors import EngineFailed, PromptRejected
from tests.unit.bench.letters import Letters

HELLO = (Message("system", "s"), Message("user", "u"))


def with_engine(test: Callable[[OpenAiEngine, Server], Awaitable[None]], writer: Letters | None) -> None:
    async def main() -> None:
        server = Server("letters")
        server.writer = writer
        async with await server.serve(0) as listening:
            port = listening.sockets[0].getsockname()[1]
            engine = OpenAiEngine(f"http://127.0.0.1:{port}", "letters")
            try:
                await test(engine, server)
            finally:
                await engine.aclose()

    asyncio.run(main())


def test_it_is_loading_until_the_model_is_there() -> None:
    async def test(engine: OpenAiEngine, server: Server) -> None:
        assert await engine.health() is Health.LOADING
        server.writer = Letters()
        assert await engine.health() is Health.GOOD
        await engine.identify()

    with_engine(test, None)


def test_a_whole_answer_has_the_tokens_that_were_asked_for() -> None:
    async def test(engine: OpenAiEngine, _: Server) -> None:
        answer = await engine.complete(Prompt(HELLO, 5, 0.0))
        assert (answer.text, answer.finish_reason, answer.completion_tokens) == ("abcde", "length", 5)
        assert answer.prompt_tokens == len("[INST] s [/INST][INST] u [/INST]")
        text = await engine.complete(Prompt((), 3, 0.0, text="once"))
        assert (text.text, text.prompt_tokens) == ("abc", 4)

    with_engine(test, Letters())


def test_a_stream_is_the_same_answer_in_pieces() -> None:
    async def test(engine: OpenAiEngine, _: Server) -> None:
        async with aclosing(engine.stream(Prompt(HELLO, 7, 0.0))) as events:
            pieces = [event async for event in events]
        assert "".join(piece.text for piece in pieces if isinstance(piece, Delta)) == "abcçã"
        assert pieces[-1] == Finished("length", len("[INST] s [/INST][INST] u [/INST]"), 7)

    with_engine(test, Letters(answer="abcçãe"))


def test_an_answer_that_ends_by_itself_says_stop() -> None:
    async def test(engine: OpenAiEngine, _: Server) -> None:
        assert (await engine.complete(Prompt(HELLO, 9, 0.0))).finish_reason == "stop"

    with_engine(test, Letters(answer="yes"))


def test_what_it_cannot_answer_is_refused_with_a_reason() -> None:
    async def test(engine: OpenAiEngine, _: Server) -> None:
        with pytest.raises(PromptRejected) as too_long:
            await engine.complete(Prompt((Message("user", "x" * 64),), 5, 0.0))
        assert too_long.value.reason == "context_length_exceeded"
        with pytest.raises(PromptRejected, match="temperature"):
            await engine.complete(Prompt(HELLO, 5, 0.7))
        with pytest.raises(PromptRejected, match="presence_penalty"):
            await engine.complete(Prompt(HELLO, 5, 0.0, options={"presence_penalty": 1}))
        engine.model = "another"
        with pytest.raises(EngineFailed, match="404"):
            await engine.complete(Prompt(HELLO, 5, 0.0))

    with_engine(test, Letters())


def test_an_answer_that_nobody_waits_for_is_not_written_on() -> None:
    writer = Letters(answer="a" * 30, seconds_per_token=60.0)

    async def test(engine: OpenAiEngine, _: Server) -> None:
        asking = asyncio.create_task(engine.complete(Prompt(HELLO, 30, 0.0)))
        while not writer.running:
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        while writer.running:
            await asyncio.sleep(0)
        assert writer.ended_early == 1

    with_engine(test, writer)
