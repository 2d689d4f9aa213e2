"""`complete`: a whole answer in one response, against a real server on loopback, and its twin in memory."""

import asyncio
import json
from typing import Any

import pytest

from foreverus.backends.memory import MemoryEngine
from foreverus.backends.openai_http import OpenAiEngine
from foreverus.backends.port import Completion, Message, Prompt
from foreverus.errors import EngineBusy, EngineFailed, PromptRejected
from tests.unit.backends.server import HELLO, LLAMA_CPP, Reply, Script, collect, engine
from tests.unit.backends.test_openai_http import CHAT, asynchronous
from tests.unit.conftest import HANGS_S

TEXT = "/v1/completions"
USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}


def chat(content: Any = "Hi there", finish: Any = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    return {"object": "chat.completion", "choices": [choice], "usage": USAGE, **more}


def reply(body: Any, status: int = 200) -> Reply:
    return Reply(status, body if isinstance(body, bytes) else json.dumps(body).encode())


async def asked(answer: Reply, prompt: Prompt = HELLO, path: str = CHAT) -> tuple[Completion, dict[str, Any]]:
    script = Script({path: [answer]})
    async with engine(script, answer_s=0.2 if answer.hang else HANGS_S) as client:
        completion = await client.complete(prompt)
    assert "connection: close" in script.headers[0]
    return completion, script.requests[0]


@asynchronous
async def test_whole_answer_comes_in_one_response() -> None:
    completion, request = await asked(reply(chat("Olá — 你好")))
    assert completion == Completion("Olá — 你好", "stop", 7, 2)
    assert request == {
        "model": "mistral",
        "stream": False,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "max_tokens": 16,
        "temperature": 0.5,
    }


@asynchronous
async def test_chunked_response_is_a_whole_answer_too() -> None:
    completion, _ = await asked(Reply(raw=json.dumps(chat(finish="length")).encode()))
    assert completion == Completion("Hi there", "length", 7, 2)


@asynchronous
async def test_other_sampling_parameters_are_passed_on_and_cannot_change_the_request_itself() -> None:
    options = {
        "top_p": 0.9,
        "stop": ["\n"],
        "seed": 7,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "user": "ana",
    }
    options |= {"response_format": {"type": "json_object"}}
    prompt = Prompt(HELLO.messages, 16, 0.5, None, {**options, "stream": True, "model": "another"})
    _, request = await asked(reply(chat()), prompt)
    assert {name: request[name] for name in options} == options
    assert request["stream"] is False and request["model"] == "mistral"
    script = Script({CHAT: [Reply(events=LLAMA_CPP)]})
    async with engine(script) as client:
        await collect(client, prompt)
    assert {name: script.requests[0][name] for name in options} == options and script.requests[0]["stream"] is True


@asynchronous
async def test_text_completion_goes_on_after_the_text() -> None:
    body = {"object": "text_completion", "choices": [{"text": " Paris", "finish_reason": "stop"}], "usage": USAGE}
    completion, request = await asked(reply(body), Prompt((), None, 0.0, "The capital is"), TEXT)
    assert completion == Completion(" Paris", "stop", 7, 2)
    assert request == {
        "model": "mistral",
        "stream": False,
        "prompt": "The capital is",
        "max_tokens": 16,
        "temperature": 0.0,
    }
    events = [
        json.dumps({"choices": [{"text": text, "finish_reason": end}]}) for text, end in (("Pa", None), ("ris", "stop"))
    ]
    script = Script({TEXT: [Reply(events=[*events, json.dumps({"choices": [], "usage": USAGE}), "[DONE]"])]})
    async with engine(script) as client:
        texts, finished = await collect(client, Prompt((), 5, None, ""))
    assert texts == ["Pa", "ris"] and finished.completion_tokens == 2
    assert script.requests[0]["prompt"] == "" and script.requests[0]["max_tokens"] == 5


@pytest.mark.parametrize("owner, answer", [("vllm", "lo lo"), ("llamacpp", "Hello lo")])
@asynchronous
async def test_continued_answer_never_holds_the_text_that_was_there(owner: str, answer: str) -> None:
    models = reply({"object": "list", "data": [{"id": "mistral", "owned_by": owner}]})
    script = Script({"/v1/models": [models], CHAT: [reply(chat(answer))]})
    async with engine(script) as client:
        await client.identify()
        completion = await client.complete(Prompt((*HELLO.messages, Message("assistant", "Hel"))))
    assert completion.text == "lo lo"
    assert ("continue_final_message" in script.requests[0]) is (owner == "vllm")


@asynchronous
async def test_empty_answer_and_missing_usage_are_still_an_answer() -> None:
    body = chat(None)
    del body["usage"]
    assert (await asked(reply(body)))[0] == Completion("", "stop", 0, 0)


@pytest.mark.parametrize(
    "answer",
    [
        reply(b""),
        reply(b"<html>"),
        reply([1]),
        reply({"choices": []}),
        reply(chat(["part"])),
        reply(chat(finish=None)),
        reply(chat(finish="abort")),
        reply({"error": {"message": "out of memory", "code": 500}}),
        reply(chat(usage={"prompt_tokens": "many"})),
        reply({"error": {"message": "The model does not exist", "code": 404}}, 404),
        reply(b"internal", 500),
        Reply(raw=json.dumps(chat()).encode(), break_off=True),
        Reply(raw=b'{"choices": ', hang=True),
    ],
    ids=[
        "nothing", "HTML", "a list", "no choice", "content of another kind", "no finish_reason", "aborted",
        "an error with 200", "usage that is no number", "wrong model", "500", "connection broken", "hangs",
    ],
)  # fmt: skip
@asynchronous
async def test_what_is_not_a_whole_answer_is_a_failure(answer: Reply) -> None:
    with pytest.raises(EngineFailed):
        await asked(answer)


@asynchronous
async def test_refusals_are_the_streams() -> None:
    too_long = {"error": {"message": "Too long", "type": "exceed_context_size_error", "code": 400}}
    with pytest.raises(PromptRejected) as rejected:
        await asked(reply(too_long, 400))
    assert rejected.value.reason == "context_length_exceeded"
    with pytest.raises(EngineBusy):
        await asked(reply({"error": {"message": "Loading model"}}, 503))


@pytest.mark.parametrize("bad", [Prompt((Message("user", "\ud800"),)), Prompt((), text="a", temperature=float("nan"))])
@asynchronous
async def test_prompt_that_has_no_bytes_is_rejected_before_the_engine_sees_it(bad: Prompt) -> None:
    client = OpenAiEngine("http://127.0.0.1:9", "m")
    with pytest.raises(PromptRejected):
        await client.complete(bad)
    with pytest.raises(PromptRejected):
        await collect(client, bad)
    await client.aclose()


@asynchronous
async def test_engine_that_is_gone_or_closes_without_a_byte_has_failed() -> None:
    client = OpenAiEngine("http://127.0.0.1:9", "m")
    with pytest.raises(EngineFailed):
        await client.complete(HELLO)
    await client.aclose()

    async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(slam, "127.0.0.1", 0)
    client = OpenAiEngine(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "m")
    with pytest.raises(EngineFailed):
        await client.complete(HELLO)
    await client.aclose()
    server.close()
    await server.wait_closed()


@asynchronous
async def test_256_answers_side_by_side_keep_to_themselves() -> None:
    async with engine(Script({CHAT: [reply(chat(str(n))) for n in range(256)]})) as client:
        answers = await asyncio.gather(*(client.complete(HELLO) for _ in range(256)))
    assert sorted(int(answer.text) for answer in answers) == list(range(256))


@asynchronous
async def test_memory_engine_answers_whole_and_fails_when_told() -> None:
    memory = MemoryEngine()
    assert await memory.complete(HELLO) == Completion("You said: Hello", "stop", 3, 3)
    assert (await memory.complete(Prompt((), 2, None, "Once upon"))).finish_reason == "length"
    memory.fail_next(EngineFailed("gone"), after_tokens=1)
    with pytest.raises(EngineFailed):
        await memory.complete(HELLO)
    assert (await memory.complete(Prompt((*HELLO.messages, Message("assistant", "You said: "))))).text == "Hello"
    assert memory.running == 0


# As vLLM 0.28 says it (vllm/renderers/params.py), its error in an object of OpenAI's form.
TOO_MUCH = [
    ("max_tokens=10000cannot be greater than max_model_len=max_total_tokens=8192. Request fewer.", "max_tokens"),
    ("You passed 300 input tokens and requested 8000 output tokens. However, the model's context …", "input_tokens"),
    ("A sentence of the next version.", "max_completion_tokens"),
]


def refused(message: str, param: str | None) -> Reply:
    error = {"message": message, "type": "BadRequestError", "param": param, "code": 400}
    return Reply(400, json.dumps({"error": error}).encode())


@pytest.mark.parametrize(("message", "param"), TOO_MUCH)
@asynchronous
async def test_limit_that_does_not_fit_is_cut_to_what_fits(message: str, param: str) -> None:
    long = Prompt((Message("user", "Hello"),), 10_000)
    script = Script({CHAT: [refused(message, param), reply(chat(finish="length"))]})
    async with engine(script) as client:
        assert (await client.complete(long)).finish_reason == "length"
    assert [one["max_tokens"] for one in script.requests] == [10_000, None]
    script = Script({CHAT: [refused(message, param), Reply(events=LLAMA_CPP)]})
    async with engine(script) as client:
        assert (await collect(client, long))[0] == ["Hi", " there"]
    assert [one["max_tokens"] for one in script.requests] == [10_000, None]
    assert script.requests[1]["stream"] is True


@asynchronous
async def test_limit_of_a_text_is_cut_to_what_fits_and_not_to_openais_default() -> None:
    body = {"choices": [{"text": " Paris", "finish_reason": "length"}], "usage": USAGE}
    script = Script({TEXT: [refused(*TOO_MUCH[1]), reply(body)]})
    async with engine(script) as client:
        await client.complete(Prompt((), 10_000, text="The capital is"))
    assert script.requests[1]["max_tokens"] is None


@asynchronous
async def test_prompt_that_is_too_long_without_a_limit_too_is_told_as_that() -> None:
    script = Script({CHAT: [refused(*TOO_MUCH[1])]})
    async with engine(script) as client:
        with pytest.raises(PromptRejected, match="The prompt is longer") as rejected:
            await client.complete(Prompt((Message("user", "Hello"),), 10_000))
        with pytest.raises(PromptRejected, match="The prompt is longer"):
            await collect(client, Prompt((Message("user", "Hello"),), 10_000))
    assert rejected.value.reason == "context_length_exceeded" and len(script.requests) == 4


@asynchronous
async def test_other_refusals_are_not_asked_again() -> None:
    script = Script({CHAT: [refused("top_p must be in (0, 1], got 0.0.", "top_p")]})
    async with engine(script) as client:
        with pytest.raises(PromptRejected, match="top_p must be in"):
            await client.complete(Prompt((Message("user", "Hello"),), 10_000))
    assert len(script.requests) == 1
