"""OpenAI's own Python client, unmodified, against the application: plain, streams, failures, whoever goes away."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from decimal import Decimal
from typing import Any

import httpx
import openai
import pytest
from openai import APIStatusError, AsyncOpenAI, OpenAI

from foreverus.access.preferences import Preferences
from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import BackendName, Delta, Finished, Prompt, ToolCallPiece
from foreverus.choice.refusals import UNAVAILABLE_S
from foreverus.costs.usage.records import UsageKind, UsedService
from foreverus.errors import (
    BackendUnavailable,
    EngineBusy,
    EngineFailed,
    GpuFull,
    ImagesNotFetched,
    ModelLoading,
    PromptRejected,
)
from foreverus.sessions.gpu_state import GpuState
from tests.unit.openai_api.world import MODEL, MONTH, Paused, World

PATIENCE_S = 60.0
HELLO: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
ADD: Any = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def base_url(world: World) -> Iterator[str]:
    with world.serving() as address:
        yield address


@pytest.fixture
def client(base_url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=base_url, api_key="user-1/key-1", max_retries=0) as made:
        yield made


def test_plain_answer(client: OpenAI, world: World) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=16, temperature=0.5)
    assert whole.choices[0].message.content == "You said: Hi" and whole.choices[0].finish_reason == "stop"
    assert whole.object == "chat.completion" and whole.id.startswith("chatcmpl-") and whole.choices[0].logprobs is None
    assert whole.model == f"{MODEL}@bedrock", "who asks for any can see which one it was"
    assert whole.usage and (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (3, 3)


def test_streamed_answer_is_the_same_in_pieces(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(one.choices[0].delta.content or "" for one in chunks if one.choices) == "You said: Hi"
    assert chunks[0].choices[0].delta.role == "assistant" and chunks[0].object == "chat.completion.chunk"
    assert [one.choices[0].finish_reason for one in chunks if one.choices][-2:] == [None, "stop"]
    assert len({one.id for one in chunks}) == 1
    assert chunks[-1].choices == [] and chunks[-1].usage and chunks[-1].usage.total_tokens == 6
    assert all(one.usage is None for one in chunks[:-1])


def test_text_completion_plain_and_streamed(client: OpenAI) -> None:
    whole = client.completions.create(model=MODEL, prompt="Once", max_tokens=5)
    assert whole.choices[0].text == "You said: Once" and whole.object == "text_completion"
    chunks = list(client.completions.create(model=MODEL, prompt=["Once"], stream=True))
    assert "".join(one.choices[0].text for one in chunks) == "You said: Once"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_async_client(base_url: str) -> None:
    async def ask() -> tuple[str, str]:
        async with AsyncOpenAI(base_url=base_url, api_key="user-1", max_retries=0) as client:
            whole = await client.chat.completions.create(model=MODEL, messages=HELLO)
            stream = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
            pieces = [one.choices[0].delta.content or "" async for one in stream]
            return whole.choices[0].message.content or "", "".join(pieces)

    assert asyncio.run(ask()) == ("You said: Hi", "You said: Hi")


def test_what_was_used_is_counted_before_the_last_word(client: OpenAI, world: World) -> None:
    for streams in (False, True):
        answer: Any = client.chat.completions.create(model=MODEL, messages=HELLO, stream=streams)
        list(answer)
    used = world.used().parts[UsedService.BEDROCK, UsageKind.API]
    assert (used.messages, used.prompt_tokens, used.completion_tokens) == (2, 6, 6)
    usd = Decimal("3") * (Decimal("0.15") + Decimal("0.20")) / 1_000_000
    assert used.usd == 2 * usd and sorted(world.purse.ledger.entries) and not world.purse.reservations
    assert {name.partition("/")[0] for month, name in world.purse.ledger.entries if month == MONTH} == {"api"}
    assert world.purse.month(MONTH).committed == 2 * usd


def test_first_chunk_arrives_while_the_model_is_still_writing() -> None:
    paused = Paused(["One", " two"])
    world = World(bedrock=paused)
    with world.serving() as base_url, OpenAI(base_url=base_url, api_key="user-1") as client:
        paused.may[0].set()
        stream = iter(client.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
        said = [next(stream).choices[0].delta.content, next(stream).choices[0].delta.content]
        assert said == ["", "One"] and not paused.may[1].is_set()
        for may in paused.may:
            may.set()
        assert "".join(one.choices[0].delta.content or "" for one in stream) == " two"


def test_client_that_goes_away_stops_the_work_and_what_was_used_is_counted() -> None:
    for streams in (True, False):
        paused = Paused(["One two three four five six"])
        world = World(bedrock=paused)
        with world.serving() as base_url:
            body = {"model": MODEL, "messages": HELLO, "stream": streams}
            paused.may[0].set()
            with httpx.Client(headers={"Authorization": "Bearer user-1/key-1"}) as client:
                if streams:
                    with client.stream("POST", f"{base_url}/chat/completions", json=body, timeout=None) as response:
                        assert next(response.iter_raw())
                else:
                    with pytest.raises(httpx.ReadTimeout):
                        client.post(f"{base_url}/chat/completions", json=body, timeout=0.3)
            assert paused.ended.wait(PATIENCE_S), "the model still writes, for nobody"
        used = world.used().parts[UsedService.BEDROCK, UsageKind.API]
        assert used.completion_tokens == 9 and used.prompt_tokens > 0 and used.messages == 1
        assert not world.purse.reservations and world.purse.ledger.spent(MONTH) > 0
        assert not world.counts.read("user-1", "REQUESTS").held  # type: ignore[arg-type]
        key = world.counts.read("user-1", "REQUESTS", "key-1")  # type: ignore[arg-type]
        assert key.used == used.prompt_tokens + used.completion_tokens or not streams, "of a key's day too"


def test_failure_in_the_middle_is_an_error_event_and_never_done() -> None:
    engine = MemoryEngine()
    world = World(bedrock=engine)
    with world.serving() as base_url:
        engine.fail_next(EngineFailed("gone"), after_tokens=1)
        with OpenAI(base_url=base_url, api_key="user-1", max_retries=0) as client:
            stream = client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
            with pytest.raises(openai.APIError, match="broke off"):
                list(stream)
        engine.fail_next(EngineFailed("gone"), after_tokens=1)
        body = {"model": MODEL, "messages": HELLO, "stream": True}
        raw = httpx.post(f"{base_url}/chat/completions", json=body, headers={"Authorization": "Bearer user-1"})
        assert raw.status_code == 200 and "[DONE]" not in raw.text
        last = raw.text.strip().split("\n\n")[-1]
        assert last.startswith("event: error\ndata: ") and '"code": "backend_failed"' in last.replace('":"', '": "')
    assert world.purse.ledger.spent(MONTH) > 0, "what was written is paid for"
    assert not world.purse.reservations


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("error", "raised", "code", "is_paid"),
    [
        (PromptRejected("The prompt is longer than …", "context_length_exceeded"), openai.BadRequestError, None, False),
        (EngineBusy("throttled"), openai.RateLimitError, "backend_busy", False),
        (EngineFailed("no answer"), openai.InternalServerError, "backend_failed", True),
        (ImagesNotFetched("not just now"), openai.InternalServerError, "images_not_fetched", False),
        (BackendUnavailable("no access"), openai.InternalServerError, "backend_unavailable", False),
        (ValueError("a secret of ours"), openai.InternalServerError, None, True),
    ],
)
def test_failure_before_the_first_word_is_a_status(
    error: Exception, raised: type[openai.APIStatusError], code: str | None, is_paid: bool, streams: bool
) -> None:
    engine = MemoryEngine()
    world = World(bedrock=engine)
    engine.fail_next(error)
    with world.serving() as base_url, OpenAI(base_url=base_url, api_key="user-1", max_retries=0) as client:
        with pytest.raises(raised) as caught:
            client.chat.completions.create(model=MODEL, messages=HELLO, stream=streams)
        assert code is None or caught.value.code == code
        assert "secret" not in str(caught.value)
        assert (world.refusals.left_s() > 0) == isinstance(error, EngineBusy | BackendUnavailable)
        world.clock.forward(UNAVAILABLE_S)
        assert client.chat.completions.create(model=MODEL, messages=HELLO).choices, "the next one is answered"
    assert not world.purse.reservations
    entries = len(world.purse.ledger.entries)
    assert entries == (2 if is_paid else 1)


def test_throttled_request_is_tried_again_by_the_client_itself() -> None:
    engine = MemoryEngine()
    engine.fail_next(EngineFailed("once"))
    world = World(bedrock=engine)
    with world.serving() as base_url, OpenAI(base_url=base_url, api_key="user-1", max_retries=2) as client:
        assert client.chat.completions.create(model=MODEL, messages=HELLO).choices[0].message.content == "You said: Hi"


def test_month_without_money_is_402_before_anything_is_asked() -> None:
    engine = MemoryEngine()
    world = World(bedrock=engine, cap_usd=0.000001)
    with (
        world.serving() as base_url,
        OpenAI(base_url=base_url, api_key="user-1", max_retries=0) as client,
        pytest.raises(openai.APIStatusError) as caught,
    ):
        client.chat.completions.create(model=MODEL, messages=HELLO)
    assert caught.value.status_code == 402 and caught.value.code == "spend_cap_reached"
    assert not engine.prompts and not world.purse.reservations and not world.used().tokens


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"seed": 7, "temperature": 0.9}, "seed"),
        ({"temperature": 1.5}, "temperature"),
        ({"presence_penalty": 1}, "presence_penalty"),
        ({"logprobs": True}, "logprobs"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": [ADD]}, "tools"),
    ],
)
def test_what_bedrock_cannot_do_is_the_gpus_and_who_insists_is_told(asked: dict[str, Any], param: str) -> None:
    world = World()
    with world.serving() as base_url, OpenAI(base_url=base_url, api_key="user-1", max_retries=0) as client:
        whole = client.chat.completions.create(model=MODEL, messages=HELLO, **asked)
        assert whole.model == f"{MODEL}@gpu"
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model=f"{MODEL}@bedrock", messages=HELLO, **asked)
    assert caught.value.param == param and f"{MODEL}@gpu" in caught.value.message
    passed_on = {name: value for name, value in asked.items() if name != "temperature"}
    assert world.gpu.prompts[0].options == passed_on  # type: ignore[attr-defined]


def test_tool_calls_and_logprobs_reach_the_client_in_both_ways() -> None:
    content = {"token": "x", "logprob": -0.1, "bytes": [120], "top_logprobs": []}
    deltas = [
        Delta("", (ToolCallPiece(0, "call_1", "add", '{"a":'),), {"content": [content]}),
        Delta("", (ToolCallPiece(0, arguments=" 1}"),), {"content": [content]}),
    ]
    world = World(gpu=MemoryEngine(lambda prompt: deltas))
    with world.serving() as base_url, OpenAI(base_url=base_url, api_key="user-1", max_retries=0) as client:
        asked: dict[str, Any] = {"model": MODEL, "messages": HELLO, "tools": [ADD], "logprobs": True}
        whole = client.chat.completions.create(**asked).choices[0]
        (call,) = whole.message.tool_calls or []
        assert call.type == "function" and (call.id, call.function.arguments) == ("call_1", '{"a": 1}')
        assert whole.message.content is None and whole.finish_reason == "tool_calls"
        assert whole.logprobs and len(whole.logprobs.content or []) == 2
        with client.chat.completions.stream(**asked) as stream:
            final = stream.get_final_completion().choices[0]
        (again,) = final.message.tool_calls or []
        assert (again.id, again.function.name, again.function.arguments) == ("call_1", "add", '{"a": 1}')
        assert final.finish_reason == "tool_calls" and final.logprobs and len(final.logprobs.content or []) == 2


@pytest.mark.parametrize(
    ("model", "code"),
    [("gpt-5", "model_not_found"), (f"{MODEL}@cpu", "model_not_found"), (f"{MODEL}@", "model_not_found")],
)
def test_model_that_is_not_there(client: OpenAI, model: str, code: str) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model=model, messages=HELLO)
    assert caught.value.code == code and caught.value.param == "model" and f"{MODEL}@gpu" in caught.value.message


def test_stack_without_bedrock_answers_on_the_gpu() -> None:
    world = World(has_bedrock=False)
    with world.serving() as base_url, OpenAI(base_url=base_url, api_key="user-1", max_retries=0) as client:
        assert client.chat.completions.create(model=MODEL, messages=HELLO).model == f"{MODEL}@gpu"
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model=f"{MODEL}@bedrock", messages=HELLO)


HEALTHY = GpuState(slots=8, waiting=0, is_booting=False, boot_seconds=200.0)


def test_gpu_that_is_on_answers_and_so_does_bedrock_for_who_prefers_it_or_insists() -> None:
    world = World(gpus=HEALTHY)
    with world.serving() as base_url, OpenAI(base_url=base_url, api_key="user-1", max_retries=0) as client:

        def answered_by(model: str, **asked: Any) -> str:
            return client.chat.completions.create(model=model, messages=HELLO, **asked).model.partition("@")[2]

        assert answered_by(MODEL) == "gpu" and answered_by(f"{MODEL}@bedrock") == "bedrock"
        world.prefers = Preferences(backend=BackendName.BEDROCK)
    with world.serving() as base_url, OpenAI(base_url=base_url, api_key="user-1", max_retries=0) as client:
        assert answered_by(MODEL) == "bedrock" and answered_by(f"{MODEL}@gpu") == "gpu"
        assert answered_by(MODEL, logprobs=True) == "gpu", "a preference is no order"


GONE = [
    GpuFull("All 8 slots of the GPU are taken. Try again in 5 seconds.", 5),
    ModelLoading("The GPU was switched off, or lost, before it came to this request.", 1),
]


class Filled(MemoryEngine):
    """A GPU that filled up, or went, since it was looked at."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        self.prompts.append(prompt)
        raise self.error
        yield


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("error", GONE, ids=lambda one: type(one).__name__)
def test_who_named_no_backend_is_answered_on_bedrock_where_the_gpu_has_just_filled_up(
    error: Exception, stream: bool
) -> None:
    gpu = Filled(error)
    world = World(gpus=HEALTHY, gpu=gpu)
    with world.serving() as base_url, OpenAI(base_url=base_url, api_key="user-1", max_retries=0) as client:
        asked: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
        if stream:
            chunks = list(client.chat.completions.create(**asked, stream=True))
            said, model = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices), chunks[0].model
        else:
            whole = client.chat.completions.create(**asked)
            said, model = whole.choices[0].message.content, whole.model
        assert said == "You said: Hi" and model == f"{MODEL}@bedrock" and len(gpu.prompts) == 1
        with pytest.raises(APIStatusError) as caught:
            client.chat.completions.create(**{**asked, "model": f"{MODEL}@gpu"})
        assert caught.value.status_code in (429, 503), "who insists is told"


@pytest.mark.parametrize("more", [{"temperature": 1.5}, {"logit_bias": {"5": 1}}, {"presence_penalty": 0.5}])
def test_what_bedrock_cannot_do_waits_for_the_gpu_that_has_just_filled_up(more: dict[str, Any]) -> None:
    world = World(gpus=HEALTHY, gpu=Filled(GONE[0]))
    with (
        world.serving() as base_url,
        OpenAI(base_url=base_url, api_key="user-1", max_retries=0) as client,
        pytest.raises(APIStatusError) as caught,
    ):
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hi"}], **more)
    assert caught.value.status_code == 429 and caught.value.response.headers["retry-after"] == "5"


def test_throttled_bedrock_is_left_alone_where_a_gpu_is_on() -> None:
    engine = MemoryEngine()
    engine.fail_next(EngineBusy("throttled"))
    world = World(bedrock=engine)
    with world.serving() as base_url, OpenAI(base_url=base_url, api_key="user-1", max_retries=0) as client:
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(model=MODEL, messages=HELLO)
        assert client.chat.completions.create(model=MODEL, messages=HELLO).model == f"{MODEL}@gpu"
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model=f"{MODEL}@bedrock", messages=HELLO)
    assert caught.value.param == "model" and int(caught.value.response.headers["retry-after"]) > 0
