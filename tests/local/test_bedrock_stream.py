"""The laptop's ConverseStream: events come as the model writes them. It is a paced engine on a clock that stands."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus.backends.bedrock import BedrockBackend
from foreverus.backends.port import Backend, Delta, Finished, Message, Prompt
from foreverus.errors import BackendUnavailable, EngineBusy, EngineFailed, PromptRejected
from local.emulator import REGION, Emulator
from tests.cloud import bare_emulator
from tests.local.test_bedrock import HELLO, MODEL, keys
from tests.local.test_paced_engine import Scene, scene


def counting(order: str, most: int = 50) -> Prompt:
    return Prompt((Message("user", order),), most)


@asynccontextmanager
async def cloud_of(here: Scene) -> AsyncIterator[Emulator]:
    """A cloud whose Bedrock is that engine."""
    state = Path(tempfile.mkdtemp(prefix="foreverus-test-"))
    emulator = Emulator(state, state / "emulator.log", bedrock=here.url)
    try:
        await asyncio.to_thread(emulator.start)
        await asyncio.to_thread(emulator.wait)
        yield emulator
    finally:
        await asyncio.to_thread(emulator.stop)
        shutil.rmtree(state, ignore_errors=True)


async def words_come_as_they_are_written(backend: Backend, here: Scene) -> None:
    async with aclosing(backend.stream(counting("count to 5"))) as events:
        assert await anext(events) == Delta("1")  # the engine's clock stands: no more is written
        here.pass_time(0.1)
        assert await anext(events) == Delta(" 2")
        here.pass_time(10.0)
        assert [one async for one in events] == [*map(Delta, (" 3", " 4", " 5")), Finished("stop", 3, 5)]


async def read(backend: Backend, prompt: Prompt) -> list[Delta | Finished]:
    return [one async for one in backend.stream(prompt)]


@pytest.mark.cloud
def test_a_delta_arrives_while_the_engine_is_still_writing() -> None:
    async def play() -> None:
        async with scene(False) as here, cloud_of(here) as emulator:
            backend = BedrockBackend(emulator.client("bedrock-runtime"), MODEL, 2)
            await words_come_as_they_are_written(backend, here)
            backend.close()

    asyncio.run(asyncio.wait_for(play(), 120))


@pytest.mark.cloud
def test_what_happens_to_the_model_happens_to_the_stream() -> None:
    async def play() -> None:
        async with scene(True, slots=1) as here, cloud_of(here) as emulator:
            backend = BedrockBackend(emulator.client("bedrock-runtime"), MODEL, 2)
            for mishap, kind in (
                ("cut", EngineFailed),
                ("garbage", EngineFailed),
                ("error", EngineFailed),
                ("no_end", EngineFailed),
                ("refusal", EngineFailed),
                ("busy", EngineBusy),
            ):
                asked = counting(f"count to 5, then at 3: {mishap}")
                with pytest.raises(kind):
                    await read(backend, asked)
                whole = await read(backend, asked)  # a mishap happens once, and nobody holds the only slot
                assert whole[-1] == Finished("stop", len(asked.messages[0].content.split()), 5)
            assert (await read(backend, counting("count to 5", 2)))[-1] == Finished("length", 3, 2)
            with pytest.raises(PromptRejected) as rejected:
                await read(backend, counting("long " * 3000))
            assert rejected.value.reason == "context_length_exceeded"
            backend.close()

    asyncio.run(asyncio.wait_for(play(), 120))


@pytest.mark.cloud
def test_when_the_client_goes_the_models_slot_is_free() -> None:
    async def play() -> None:
        async with scene(False, slots=1) as here, cloud_of(here) as emulator:
            client = emulator.client("bedrock-runtime")
            response = await asyncio.to_thread(client.converse_stream, modelId=MODEL, **HELLO)
            await asyncio.to_thread(next, iter(response["stream"]))
            other = here.ask(messages=[{"role": "user", "content": "count to 1"}])
            response["stream"].close()
            assert (await other).status_code == 200

    asyncio.run(asyncio.wait_for(play(), 120))


@pytest.mark.cloud
def test_a_stream_needs_a_permission_of_its_own(emulator: Emulator) -> None:
    arn = f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"

    def ask(*statements: dict[str, Any]) -> None:
        backend = BedrockBackend(keys(emulator, *statements), MODEL, 1)
        try:
            asyncio.run(read(backend, counting("count to 5")))
        finally:
            backend.close()

    with pytest.raises(EngineBusy):  # it came as far as the model, which is not there
        ask({"Action": "bedrock:InvokeModelWithResponseStream", "Resource": arn})
    for action, resource in (
        ("bedrock:InvokeModel", arn),
        ("bedrock:InvokeModelWithResponseStream", arn.replace("7b", "8b")),
        ("bedrock:ConverseStream", "*"),
    ):
        with pytest.raises(BackendUnavailable, match="AccessDenied"):
            ask({"Action": action, "Resource": resource})


@pytest.mark.cloud
@pytest.mark.parametrize(
    "request_",
    [{**HELLO, "system": [{"text": "Be brief."}]}, {"messages": HELLO["messages"] * 2}, {"messages": []}],
    ids=["a system message", "two turns of one", "nothing"],
)
def test_a_stream_takes_what_converse_takes(emulator: Emulator, request_: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refused:
        emulator.client("bedrock-runtime").converse_stream(modelId=MODEL, **request_)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.cloud
def test_patch_is_needed_while_the_emulator_cuts_whole_answers_into_pieces() -> None:
    async def play() -> None:
        async with scene(True) as here:
            with bare_emulator({"MINISTACK_BEDROCK_PROXY_URL": here.url}, patched=False) as bare:
                backend = BedrockBackend(bare.client("bedrock-runtime"), MODEL, 1)
                *deltas, _ = await read(backend, counting("count to 20"))
                texts = [one.text for one in deltas if isinstance(one, Delta)]
                assert "".join(texts).split() == [str(one) for one in range(1, 21)], "the engine wrote it"
                assert len(texts) != 20, "the emulator passes on what the model writes: delete the patch"
                backend.close()

    asyncio.run(asyncio.wait_for(play(), 120))


@pytest.mark.cloud
def test_patch_is_needed_while_the_emulator_asks_for_a_permission_that_aws_does_not_know(unpatched: Emulator) -> None:
    arn = f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"
    as_on_aws = keys(unpatched, {"Action": "bedrock:InvokeModelWithResponseStream", "Resource": arn})
    backend = BedrockBackend(as_on_aws, MODEL, 1)
    with pytest.raises(BackendUnavailable, match="AccessDenied"):
        asyncio.run(read(backend, counting("count to 5")))
    backend.close()
