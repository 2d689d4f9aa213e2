"""The engine's HTTP API in both dialects, against a real server on loopback."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from foreverus.backends.openai_http import OpenAiEngine
from foreverus.backends.port import Finished, Health, Message, Prompt
from foreverus.errors import EngineBusy, EngineFailed, PromptRejected
from tests.unit.backends.server import HELLO, LLAMA_CPP, USAGE, VLLM, Reply, Script, chunk, collect, engine
from tests.unit.conftest import HANGS_S

CHAT = "/v1/chat/completions"


def asynchronous(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    def run_it(**kwargs: Any) -> None:
        asyncio.run(test(**kwargs))

    run_it.__name__ = test.__name__
    run_it.__signature__ = __import__("inspect").signature(test)  # type: ignore[attr-defined]
    return run_it


async def fails(reply: Reply, prompt: Prompt = HELLO, silence_s: float = HANGS_S) -> BaseException:
    async with engine(Script({CHAT: [reply]}), silence_s) as client:
        with pytest.raises(Exception) as caught:
            await collect(client, prompt)
    return caught.value


@pytest.mark.parametrize("events", [LLAMA_CPP, VLLM], ids=["llama.cpp", "vllm"])
@asynchronous
async def test_both_dialects_give_the_same_answer(events: list[str]) -> None:
    script = Script({CHAT: [Reply(events=events)]})
    async with engine(script) as client:
        assert await collect(client) == (["Hi", " there"], Finished("stop", 7, 2))
    assert script.requests[0]["stream_options"] == {"include_usage": True}
    assert script.requests[0]["max_tokens"] == 16 and script.requests[0]["temperature"] == 0.5
    assert "connection: close" in script.headers[0], "llama.cpp closes kept-alive connections silently"


@asynchronous
async def test_failed_stream_that_ends_in_done_is_a_failure() -> None:
    error = json.dumps({"error": {"message": "Request was aborted", "type": "InternalServerError", "code": 500}})
    failed = await fails(Reply(events=[*VLLM[:2], error, "[DONE]"]))
    assert isinstance(failed, EngineFailed) and "aborted" in str(failed)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(events=[*VLLM[:2], "[DONE]"]),
        Reply(events=LLAMA_CPP[:-1]),
        Reply(events=LLAMA_CPP[:2], break_off=True),
        Reply(events=["{not json"]),
        Reply(events=["[1, 2]"]),
        Reply(events=[json.dumps({"choices": [{"delta": {"content": "a"}, "finish_reason": None}]})]),
        Reply(raw=b"<html>502 Bad Gateway</html>\n"),
        Reply(raw=b"data: " + b"x" * (1 << 20) + b"y"),
        Reply(raw=b'data: {"choices": ['),
        Reply(events=[]),
        Reply(500, b'{"error": {"message": "internal"}}'),
        Reply(404, b'{"error": {"message": "The model `m` does not exist.", "code": 404}}'),
        Reply(502, b"<html>"),
    ],
    ids=[
        "no finish_reason",
        "no [DONE]",
        "connection broken",
        "not JSON",
        "not an object",
        "ends early",
        "HTML",
        "endless line",
        "ends inside an event",
        "empty stream",
        "500",
        "wrong model",
        "a proxy's error",
    ],
)
@asynchronous
async def test_what_is_not_a_whole_answer_is_a_failure(reply: Reply) -> None:
    assert isinstance(await fails(reply), EngineFailed)


@pytest.mark.parametrize(
    "error",
    [
        {
            "error": {
                "code": 400,
                "message": "request (6031 tokens) exceeds the available context size (2048 tokens), try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 6031,
                "n_ctx": 2048,
            }
        },
        {
            "error": {
                "message": "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            }
        },
        {
            "object": "error",
            "message": "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
            "type": "BadRequestError",
            "code": 400,
        },
        {"error": {"message": "Too long.", "type": "invalid_request_error", "code": "context_length_exceeded"}},
    ],
    ids=["llama.cpp", "vllm", "vllm before 0.10", "openai"],
)
@asynchronous
async def test_prompt_longer_than_the_context_is_rejected_with_a_reason(error: dict[str, Any]) -> None:
    rejected = await fails(Reply(400, json.dumps(error).encode()))
    assert isinstance(rejected, PromptRejected) and rejected.reason == "context_length_exceeded"


@asynchronous
async def test_other_bad_request_is_rejected_without_that_reason() -> None:
    message = {"error": {"message": "Conversation roles must alternate", "code": 400}}
    rejected = await fails(Reply(400, json.dumps(message).encode()))
    assert isinstance(rejected, PromptRejected) and rejected.reason == "prompt_rejected"


@pytest.mark.parametrize("status", [429, 503])
@asynchronous
async def test_engine_without_room_is_busy(status: int) -> None:
    assert isinstance(await fails(Reply(status, b'{"error": {"message": "Loading model"}}')), EngineBusy)


@asynchronous
async def test_engine_that_is_gone_has_failed() -> None:
    client = OpenAiEngine("http://127.0.0.1:9", "m")  # the discard port: nobody listens
    with pytest.raises(EngineFailed):
        await collect(client)
    with pytest.raises(EngineFailed):
        await client.identify()
    assert await client.health() is Health.UNREACHABLE
    await client.aclose()


@asynchronous
async def test_hung_engine_that_still_pings_has_failed() -> None:
    assert isinstance(await fails(Reply(events=VLLM[:2], hang=True, pings=0.02), silence_s=0.1), EngineFailed)
    assert isinstance(await fails(Reply(events=VLLM[:2], hang=True), silence_s=0.1), EngineFailed)


@asynchronous
async def test_events_cut_anywhere_are_put_together() -> None:
    raw = "".join(f"data: {event}\r\n\r\n" for event in [*LLAMA_CPP[:2], chunk(" não é"), *LLAMA_CPP[3:]]).encode()
    from foreverus.backends.sse import ChatStream

    for size in (1, 2, 7, 64):
        parser, texts = ChatStream(), []
        for start in range(0, len(raw), size):
            texts += [delta.text for delta in parser.feed(raw[start : start + size])]
        assert "".join(texts) == "Hi não é"
        assert parser.close() == Finished("stop", 7, 2)
        await asyncio.sleep(0)


@asynchronous
async def test_health_is_read_from_the_status_alone() -> None:
    script = Script({"/health": [Reply(503, b'{"error": {"message": "Loading model"}}'), Reply(200, b""), Reply(500)]})
    async with engine(script) as client:
        assert [await client.health() for _ in range(3)] == [Health.LOADING, Health.GOOD, Health.BAD]


@pytest.mark.parametrize("owner, extra", [("vllm", True), ("llamacpp", False)])
@asynchronous
async def test_partial_answer_is_continued_in_each_dialect(owner: str, extra: bool) -> None:
    models = json.dumps({"object": "list", "data": [{"id": "mistral", "owned_by": owner}]}).encode()
    script = Script({"/v1/models": [Reply(body=models)], CHAT: [Reply(events=VLLM)]})
    async with engine(script) as client:
        await client.identify()
        await collect(client, Prompt((*HELLO.messages, Message("assistant", "Hel"))))
        await collect(client)
    continued, asked = script.requests
    assert continued["messages"][-1] == {"role": "assistant", "content": "Hel"}
    assert (continued.get("continue_final_message"), continued.get("add_generation_prompt")) == (
        (True, False) if extra else (None, None)
    )
    assert "continue_final_message" not in asked


@asynchronous
async def test_engine_that_lists_no_models_cannot_be_identified() -> None:
    for reply in (Reply(500), Reply(body=b"[]"), Reply(body=b"<html>")):
        async with engine(Script({"/v1/models": [reply]})) as client:
            with pytest.raises(EngineFailed):
                await client.identify()


TOOLS: Any = {"tools": [{"type": "function", "function": {"name": "add"}}], "top_p": 0.5}


@asynchronous
async def test_tokens_are_counted_in_either_dialect() -> None:
    models = Reply(body=json.dumps({"data": [{"owned_by": "vllm"}]}).encode())
    script = Script(
        {"/tokenize": [Reply(body=b'{"count": 41, "max_model_len": 99, "tokens": []}')], "/v1/models": [models]}
    )
    async with engine(script) as client:
        await client.identify()
        assert await client.count_tokens(Prompt(HELLO.messages, 5, 0.1, options=TOOLS)) == 41
    assert script.requests[-1] == {
        "model": client.model,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "tools": TOOLS["tools"],
    }
    written = Reply(body=json.dumps({"prompt": "<s>[INST] Hello[/INST]"}).encode())
    script = Script({"/apply-template": [written], "/tokenize": [Reply(body=b'{"tokens": [1, 3, 22557, 4]}')]})
    async with engine(script) as client:
        assert await client.count_tokens(HELLO) == 4
        assert await client.count_tokens(Prompt((), text="Hello")) == 4
    assert [one.get("content") for one in script.requests] == [None, "<s>[INST] Hello[/INST]", "Hello"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404),
        Reply(500),
        Reply(503),
        Reply(400),
        Reply(body=b"[]"),
        Reply(body=b"<html>"),
        Reply(body=b'{"tokens": 5}'),
    ],
)
@asynchronous
async def test_an_engine_that_does_not_count_says_nothing(reply: Reply) -> None:
    async with engine(Script({"/apply-template": [reply], "/tokenize": [reply]})) as client:
        assert await client.count_tokens(HELLO) is None
        assert await client.count_tokens(Prompt((), text="\ud83d")) is None


@asynchronous
async def test_reader_that_leaves_closes_the_stream() -> None:
    async with engine(Script({CHAT: [Reply(events=VLLM[:2], hang=True)]})) as client:
        events = client.stream(HELLO)
        assert await anext(events)
        await events.aclose()


def test_usage_that_is_missing_is_counted_by_deltas() -> None:
    from foreverus.backends.sse import ChatStream

    parser = ChatStream()
    for event in LLAMA_CPP:
        if event != USAGE:
            list(parser.feed(f"data: {event}\n\n".encode()))
    assert parser.close() == Finished("stop", 0, 2)
