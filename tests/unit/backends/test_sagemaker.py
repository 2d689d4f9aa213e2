"""A SageMaker endpoint behind the port: boto3's real client reads AWS's frames from loopback, cut anywhere."""

import asyncio
import doctest
import itertools
import json
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from foreverus.backends import sagemaker as module
from foreverus.backends.payload import PayloadStream
from foreverus.backends.port import Completion, Delta, Finished, Message, Prompt
from foreverus.backends.sagemaker import SageMakerBackend, refusal
from foreverus.errors import (
    BackendUnavailable,
    EngineBusy,
    EngineFailed,
    EngineStarting,
    ForeverUsError,
    PromptRejected,
)
from tests import aws_models
from tests.unit.backends.event_stream import Scripted, exception, part, sagemaker
from tests.unit.backends.server import HELLO, VLLM, chunk
from tests.unit.backends.test_openai_http import asynchronous

NO_CAPACITY = (
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress (if "
    "configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API."
)
EVENTS = "".join(f"data: {one}\n\n" for one in VLLM).encode()
# As DJL's LMI has them: no [DONE], no usage, and its engine's own word for the end.
LINES = b"".join(f"{one}\n".encode() for one in (chunk("Hi", "assistant"), chunk(" there", finish="eos_token")))
WHOLE = [Delta("Hi"), Delta(" there"), Finished("stop", 7, 2)]


async def read(backend: SageMakerBackend, prompt: Prompt = HELLO) -> list[Delta | Finished]:
    return [one async for one in backend.stream(prompt)]


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(module) == doctest.TestResults(0, 2)


@asynchronous
async def test_a_prompt_becomes_one_request_of_openais_and_its_parts_become_deltas() -> None:
    script = Scripted([part(EVENTS[:40]), part(EVENTS[40:])])
    with sagemaker(script, "mistral-7b") as backend:
        assert await read(backend) == WHOLE
        assert await backend.complete(HELLO) == Completion("Hi there", "stop", 7, 2)
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    asked = {"messages": said, "max_tokens": 16, "temperature": 0.5, "stream": True}
    assert script.asked == [asked | {"stream_options": {"include_usage": True}}] * 2
    assert script.paths == ["/endpoints/mistral/invocations-response-stream"] * 2
    assert script.headers[0]["x-amzn-sagemaker-inference-component"] == "mistral-7b"
    assert script.headers[0]["content-type"] == "application/json"


@asynchronous
async def test_an_endpoint_without_components_is_named_none() -> None:
    script = Scripted([part(EVENTS)])
    with sagemaker(script) as backend:
        await read(backend, Prompt((), 8, text="Once"))
    assert "x-amzn-sagemaker-inference-component" not in script.headers[0]
    assert script.asked[0]["prompt"] == "Once" and "messages" not in script.asked[0]


@asynchronous
async def test_an_answer_that_is_begun_is_continued() -> None:
    script = Scripted([part(EVENTS)])
    begun = Prompt((Message("user", "Say hi"), Message("assistant", "Well,")))
    with sagemaker(script) as backend:
        await read(backend, begun)
    assert script.asked[0]["continue_final_message"] is True and script.asked[0]["add_generation_prompt"] is False


def cut(content: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[begin:end] for begin, end in itertools.pairwise(edges)]


def heard(parts: Sequence[bytes]) -> tuple[str, Finished]:
    stream = PayloadStream()
    deltas = [delta for one in parts for delta in stream.feed(one)] + list(stream.end())
    return "".join(one.text for one in deltas), stream.close()


words = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), min_size=1, max_size=6)
# One escapes what is not ASCII, the other sends it as it is: both are cut in the middle of characters.
written = st.booleans()


@given(words, st.lists(st.integers(0, 10_000), max_size=12), written)
def test_parts_that_are_cut_anywhere_are_the_same_answer(said: list[str], places: list[int], ascii_: bool) -> None:
    chunks = [json.dumps(json.loads(chunk(word)), ensure_ascii=ascii_) for word in said]
    last = [chunk(finish="length"), json.dumps({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 9}})]
    events = "".join(f"data: {one}\r\n\r\n" for one in (*chunks, *last, "[DONE]")).encode()
    lines = "".join(f"{one}\n" for one in (*chunks, *last)).encode()
    for content in (events, lines, lines.rstrip(b"\n"), b"\n" + lines):
        assert heard(cut(content, places)) == ("".join(said), Finished("length", 5, 9))


@given(st.integers(0, len(EVENTS) - len("[DONE]\n\n")), st.lists(st.integers(0, 10_000), max_size=4))
def test_events_that_end_early_are_no_answer(length: int, places: list[int]) -> None:
    with pytest.raises(EngineFailed):
        heard(cut(EVENTS[:length], places))


@given(st.integers(0, len(LINES) - 2), st.lists(st.integers(0, 10_000), max_size=4))
def test_lines_that_end_early_are_no_answer(length: int, places: list[int]) -> None:
    with pytest.raises(EngineFailed):
        heard(cut(LINES[:length], places))


@asynchronous
async def test_djls_lines_are_an_answer_without_a_count_of_its_prompt() -> None:
    with sagemaker(Scripted([part(LINES)])) as backend:
        assert await read(backend) == [Delta("Hi"), Delta(" there"), Finished("stop", 0, 2)]


@asynchronous
async def test_a_delta_is_there_while_the_model_still_writes() -> None:
    place = EVENTS.index(b" there")
    script = Scripted([part(EVENTS[:place]), part(EVENTS[place:])], holds_at=1)
    with sagemaker(script) as backend:
        async with aclosing(backend.stream(HELLO)) as events:
            assert await anext(events) == Delta("Hi")
            script.go_on.set()
            assert [one async for one in events] == WHOLE[1:]


BROKEN = {
    "the model's error": [part(EVENTS[:200]), exception("ModelStreamError")],
    "the service's error": [part(EVENTS[:200]), exception("InternalStreamFailure")],
    "an error that nobody knows": [part(EVENTS[:200]), exception("NovelFailure")],
    "an error of the engine's": [part(b'data: {"error": {"message": "lost"}}\n\ndata: [DONE]\n\n')],
    "an error in a line": [part(b'{"error": {"message": "lost"}}\n')],
    "no end": [part(EVENTS[:-20])],
    "no finish reason": [part(f"data: {chunk('Hi')}\n\ndata: [DONE]\n\n".encode())],
    "a page": [part(b"<html>")],
    "a line without an end": [part(b'{"a": "' + b"x" * (1 << 21))],
    "nothing": [],
    "half a frame": [part(EVENTS)[:30]],
    "a wrong checksum": [part(EVENTS)[:-1] + b"x"],
}


@pytest.mark.parametrize("breaks", [False, True], ids=["ends", "is cut"])
@pytest.mark.parametrize("case", BROKEN)
@asynchronous
async def test_anything_less_than_a_whole_answer_is_a_typed_error(case: str, breaks: bool) -> None:
    with sagemaker(Scripted(BROKEN[case], breaks=breaks)) as backend, pytest.raises(EngineFailed) as raised:
        await read(backend)
    assert type(raised.value) is EngineFailed


REFUSED: dict[str, tuple[int, str, dict[str, Any], type[ForeverUsError]]] = {
    "no copy is up": (400, "ValidationError", {"Message": NO_CAPACITY}, EngineStarting),
    "no such endpoint": (
        400,
        "ValidationError",
        {"Message": "Endpoint mistral of account 123456789012 not found."},
        BackendUnavailable,
    ),
    "a component is missing": (
        400,
        "ValidationError",
        {"Message": "Inference Component Name header is required for endpoints to which you plan to deploy inference"},
        BackendUnavailable,
    ),
    "too big": (400, "ValidationError", {"Message": "Request payload size exceeds the maximum"}, PromptRejected),
    "throttled": (400, "ThrottlingException", {"message": "Rate exceeded"}, EngineBusy),
    "not ready": (429, "ModelNotReadyException", {"Message": "wait"}, EngineBusy),
    "unavailable": (503, "ServiceUnavailable", {"Message": "wait"}, EngineBusy),
    "a gateway's word": (503, "Whatever", {}, EngineBusy),
    "no permission": (403, "AccessDeniedException", {"Message": "no"}, BackendUnavailable),
    "the service's failure": (500, "InternalFailure", {"Message": "no"}, EngineFailed),
    "a dependency's": (530, "InternalDependencyException", {"Message": "no"}, EngineFailed),
    "the container failed": (
        424,
        "ModelError",
        {"Message": "Received server error (500)", "OriginalStatusCode": 500, "OriginalMessage": "Traceback"},
        EngineFailed,
    ),
    "the container timed out": (
        424,
        "ModelError",
        {"Message": "Received server error (0) from primary", "OriginalStatusCode": 0, "OriginalMessage": ""},
        EngineFailed,
    ),
    "the container is full": (
        424,
        "ModelError",
        {"Message": "Received server error (503)", "OriginalStatusCode": 503, "OriginalMessage": "busy"},
        EngineBusy,
    ),
    "the container takes no such request": (
        424,
        "ModelError",
        {
            "Message": "Received client error (400)",
            "OriginalStatusCode": 400,
            "OriginalMessage": json.dumps({"error": {"message": "no such role", "type": "BadRequestError"}}),
        },
        PromptRejected,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@asynchronous
async def test_a_call_that_is_refused_is_a_typed_error(case: str) -> None:
    status, code, said, kind = REFUSED[case]
    script = Scripted(status=status, refusal=code, said=said)
    with sagemaker(script) as backend, pytest.raises(kind) as raised:
        await read(backend)
    assert type(raised.value) is kind and raised.value.__cause__ is not None
    assert len(script.asked) == 1, "one attempt: who asks knows what else there is to do"


@asynchronous
async def test_a_limit_that_does_not_fit_beside_the_prompt_is_left_out() -> None:
    told = {"error": {"message": "This model's maximum context length is 8192 tokens", "param": "input_tokens"}}
    said = {"Message": "client error", "OriginalStatusCode": 400, "OriginalMessage": json.dumps(told)}
    script = Scripted([part(EVENTS)], status=424, refusal="ModelError", said=said, times=1)
    with sagemaker(script) as backend:
        assert await read(backend) == WHOLE
    assert [one["max_tokens"] for one in script.asked] == [16, None]
    script = Scripted(status=424, refusal="ModelError", said=said)
    with sagemaker(script) as backend, pytest.raises(PromptRejected) as rejected:
        await read(backend)
    assert rejected.value.reason == "context_length_exceeded" and len(script.asked) == 2


@pytest.mark.parametrize(
    "error, kind",
    [
        (EndpointConnectionError(endpoint_url="https://runtime.sagemaker"), EngineFailed),
        (ReadTimeoutError(endpoint_url="https://runtime.sagemaker"), EngineFailed),
        (NoCredentialsError(), BackendUnavailable),
    ],
)
@asynchronous
async def test_errors_of_the_way_are_translated(error: BaseException, kind: type[Exception]) -> None:
    class Raising:
        def invoke_endpoint_with_response_stream(self, **request: Any) -> Any:
            raise error

    backend = SageMakerBackend(Raising(), "mistral", "", 1)
    with pytest.raises(kind):
        await backend.complete(HELLO)
    backend.close()


@asynchronous
async def test_a_name_that_sagemaker_has_no_shape_for_is_the_endpoints_and_not_the_prompts() -> None:
    client = boto3.client(
        "sagemaker-runtime", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    name: Any = 7
    backend = SageMakerBackend(client, name, "", 1)
    with pytest.raises(BackendUnavailable):
        await backend.complete(HELLO)
    assert len(aws_models.wrong) == 1 and "EndpointName" in aws_models.wrong.pop()
    backend.close()


@asynchronous
async def test_text_that_is_none_is_refused_before_anything_is_asked() -> None:
    script = Scripted([part(EVENTS)])
    with sagemaker(script) as backend, pytest.raises(PromptRejected):
        await read(backend, Prompt((Message("user", "\ud800"),)))
    assert script.asked == []


@asynchronous
async def test_a_stream_that_nobody_listens_to_is_read_no_further() -> None:
    place = EVENTS.index(b" there")
    script = Scripted([part(EVENTS[:place]), *[part(b": ping\n")] * 3, part(EVENTS[place:])], holds_at=1)
    with sagemaker(script) as backend:
        async with aclosing(backend.stream(HELLO)) as events:
            await anext(events)
        script.go_on.set()
        await asyncio.to_thread(backend._threads.shutdown, True)  # the thread has ended
        assert not [one for one in backend._threads._threads if one.is_alive()]


def test_an_error_without_a_word_is_a_failure() -> None:
    assert type(refusal({})) is EngineFailed
