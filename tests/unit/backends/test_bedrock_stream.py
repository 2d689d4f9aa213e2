"""ConverseStream behind the port: boto3's real client reads AWS's frames from loopback, whole and broken."""

import asyncio
import threading
from contextlib import aclosing

import pytest

from foreverus.backends.bedrock import SILENCE_TIMEOUT_S, BedrockBackend, config
from foreverus.backends.port import Delta, Finished
from foreverus.errors import BackendUnavailable, EngineBusy, EngineFailed, PromptRejected
from tests.unit.backends.event_stream import (
    BEGIN,
    BLOCK_END,
    USED,
    Scripted,
    bedrock,
    delta,
    event,
    exception,
    stop,
    whole,
)
from tests.unit.backends.server import HELLO
from tests.unit.backends.test_openai_http import asynchronous


async def read(backend: BedrockBackend) -> list[Delta | Finished]:
    return [one async for one in backend.stream(HELLO)]


@asynchronous
async def test_events_become_deltas_and_one_end() -> None:
    script = Scripted(whole("Olá", "", " 🙂"))
    with bedrock(script) as backend:
        assert await read(backend) == [Delta("Olá"), Delta(" 🙂"), Finished("stop", 7, 2)]
    assert script.asked == [
        {
            "messages": [{"role": "user", "content": [{"text": "Be brief.\n\nHello"}]}],
            "inferenceConfig": {"maxTokens": 16, "temperature": 0.5},
        }
    ]


@pytest.mark.parametrize(
    "said, meant",
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
    ],
)
@asynchronous
async def test_a_streams_end_has_its_reason_and_what_is_charged(said: str, meant: str) -> None:
    with bedrock(Scripted(whole("Hi", reason=said))) as backend:
        assert await read(backend) == [Delta("Hi"), Finished(meant, 7, 2)]


@asynchronous
async def test_a_delta_is_there_while_the_model_still_writes() -> None:
    script = Scripted(whole("Hi", " there"), holds_at=2)
    with bedrock(script) as backend:
        async with aclosing(backend.stream(HELLO)) as events:
            assert await anext(events) == Delta("Hi")  # the rest is not written yet
            script.go_on.set()
            assert [one async for one in events] == [Delta(" there"), Finished("stop", 7, 2)]


BROKEN = {
    "throttled at once": ([exception("throttlingException")], EngineBusy),
    "throttled in the middle": ([BEGIN, delta("Hi"), exception("throttlingException")], EngineBusy),
    "unavailable in the middle": ([BEGIN, delta("Hi"), exception("serviceUnavailableException")], EngineBusy),
    "the model's error": ([BEGIN, delta("Hi"), exception("modelStreamErrorException")], EngineFailed),
    "the service's error": ([BEGIN, delta("Hi"), exception("internalServerException")], EngineFailed),
    "an error that nobody knows": ([BEGIN, delta("Hi"), exception("novelException")], EngineFailed),
    "a request that is none": ([exception("validationException")], PromptRejected),
    "no end": ([BEGIN, delta("Hi")], EngineFailed),
    "no metadata": ([BEGIN, delta("Hi"), BLOCK_END, stop()], EngineFailed),
    "metadata alone": ([USED], EngineFailed),
    "an end that nobody knows": (whole("Hi", reason="tool_use"), EngineFailed),
    "nothing": ([], EngineFailed),
    "half an event": ([BEGIN, delta("Hi")[:20]], EngineFailed),
    "a wrong checksum": ([BEGIN, delta("Hi")[:-1] + b"x", *whole("")], EngineFailed),
    "usage without numbers": ([*whole("Hi")[:-1], event("metadata", usage={"inputTokens": 7})], EngineFailed),
}


@pytest.mark.parametrize("breaks", [False, True], ids=["ends", "is cut"])
@pytest.mark.parametrize("case", BROKEN)
@asynchronous
async def test_anything_less_than_a_whole_answer_is_a_typed_error(case: str, breaks: bool) -> None:
    pieces, kind = BROKEN[case]
    with bedrock(Scripted(pieces, breaks=breaks)) as backend, pytest.raises(kind) as raised:
        await read(backend)
    assert type(raised.value) is kind


@asynchronous
async def test_a_connection_that_breaks_after_the_last_event_breaks_nothing_of_the_answer() -> None:
    """But whether it is whole, only its end says: the stream is read to there."""
    with bedrock(Scripted(whole("Hi"), breaks=True)) as backend, pytest.raises(EngineFailed):
        await read(backend)


@pytest.mark.parametrize(
    "status, refusal, kind",
    [
        (429, "ThrottlingException", EngineBusy),
        (503, "ServiceUnavailableException", EngineBusy),
        (403, "AccessDeniedException", BackendUnavailable),
        (404, "ResourceNotFoundException", BackendUnavailable),
        (400, "ValidationException", PromptRejected),
        (424, "ModelErrorException", EngineFailed),
        (500, "InternalServerException", EngineFailed),
    ],
)
@asynchronous
async def test_a_call_that_is_refused_is_refused_as_converse_is(status: int, refusal: str, kind: type) -> None:
    with bedrock(Scripted(status=status, refusal=refusal)) as backend, pytest.raises(kind) as raised:
        await read(backend)
    assert type(raised.value) is kind


@asynchronous
async def test_a_stream_that_nobody_listens_to_is_read_no_further() -> None:
    script = Scripted([BEGIN, delta("Hi"), *map(delta, "abc"), stop(), USED], holds_at=2)
    with bedrock(script) as backend:
        async with aclosing(backend.stream(HELLO)) as events:
            await anext(events)
        script.go_on.set()
        await asyncio.to_thread(backend._threads.shutdown, True)  # the thread has ended
        assert not [one for one in backend._threads._threads if one.is_alive()]


@asynchronous
async def test_nothing_is_asked_for_who_has_gone_before_a_thread_was_free() -> None:
    script, free = Scripted(whole("Hi")), threading.Event()
    with bedrock(script) as backend:  # two threads
        for _ in range(2):
            backend._threads.submit(free.wait)
        gone = asyncio.create_task(read(backend))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait([gone])
        free.set()
        assert await read(backend) == [Delta("Hi"), Finished("stop", 7, 2)]
        await asyncio.to_thread(backend._threads.shutdown, True)
    assert len(script.asked) == 1


@asynchronous
async def test_as_many_streams_are_in_flight_as_were_allowed() -> None:
    with bedrock(Scripted(whole("Hi"))) as backend:  # two threads
        answers = await asyncio.gather(*(read(backend) for _ in range(6)))
    assert answers == [[Delta("Hi"), Finished("stop", 7, 2)]] * 6


def test_who_streams_waits_for_the_next_event_and_not_for_the_whole_answer() -> None:
    assert config(4, SILENCE_TIMEOUT_S).read_timeout == 60
