"""The laptop's Bedrock: a real model behind Converse, or an error; never a text that nobody wrote."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from foreverus.backends.bedrock import BedrockBackend
from foreverus.backends.port import Completion, Message, Prompt
from foreverus.errors import BackendUnavailable, EngineBusy, PromptRejected
from local.bedrock import Model
from local.cloud import Cloud
from local.emulator import REGION, Emulator
from local.ports import Port
from local.processes import LOOPBACK
from tests.cloud import bare_emulator, is_running, policy, unique

MODEL = "mistral.mistral-7b-instruct-v0:2"
ASKED = Prompt(
    (Message("system", "You are a helpful assistant."), Message("user", "What is the capital of France?")), 16, 0.0
)
HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}


def ask(client: Any, prompt: Prompt = ASKED) -> Completion:
    backend = BedrockBackend(client, MODEL, 2)
    try:
        return asyncio.run(backend.complete(prompt))
    finally:
        backend.close()


def code_of(client: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        client.converse(modelId=MODEL, **request)
    return str(refused.value.response["Error"]["Code"])


def keys(emulator: Emulator, *statements: dict[str, Any]) -> Any:
    """A Bedrock client of a new user with this policy."""
    iam, name = emulator.client("iam"), unique("bedrock-user")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="theirs", PolicyDocument=policy(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return emulator.client(
        "bedrock-runtime", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )


@pytest.mark.cloud
def test_real_model_answers_through_converse(cloud: Cloud) -> None:
    client = cloud.emulator.client("bedrock-runtime")
    answer = ask(client)
    assert "Paris" in answer.text and answer == ask(client), "the same model, at temperature 0, says the same"
    assert answer.prompt_tokens > 10 and 0 < answer.completion_tokens <= 16
    cut = ask(client, Prompt(ASKED.messages, 2, 0.0))
    assert (cut.finish_reason, cut.completion_tokens) == ("length", 2)
    stopped = ask(client, Prompt(ASKED.messages, 16, 0.0, None, {"stop": ["Paris"], "top_p": 0.9, "seed": 1}))
    assert stopped.finish_reason == "stop" and "Paris" not in stopped.text
    assert ask(client, Prompt((), None, 0.0, "The capital of France is")).completion_tokens <= 16


@pytest.mark.cloud
def test_prompt_that_is_too_long_is_rejected_with_its_reason(cloud: Cloud) -> None:
    with pytest.raises(PromptRejected) as rejected:
        ask(cloud.emulator.client("bedrock-runtime"), Prompt((Message("user", "long " * 3000),), 16))
    assert rejected.value.reason == "context_length_exceeded"


@pytest.mark.cloud
def test_without_a_model_there_is_an_error_and_no_made_up_text(emulator: Emulator) -> None:
    client = emulator.client("bedrock-runtime")
    assert code_of(client, **HELLO) == "ServiceUnavailableException"
    with pytest.raises(EngineBusy):
        ask(client)
    with pytest.raises(ClientError):
        client.invoke_model(modelId=MODEL, body=json.dumps({"prompt": "Hello"}))
    completions = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
    assert httpx.post(f"{emulator.url}/v1/chat/completions", json=completions, timeout=300).is_error


@pytest.mark.cloud
@pytest.mark.parametrize(
    "request_",
    [
        {**HELLO, "system": [{"text": "Be brief."}]},
        {"messages": []},
        {"messages": HELLO["messages"] * 2},
        {"messages": [*HELLO["messages"], {"role": "assistant", "content": [{"text": "Hi"}]}]},
        {"messages": [{"role": "user", "content": [{"text": " "}]}]},
    ],
    ids=["a system message", "nothing", "two turns of one", "the assistant last", "blank"],
)
def test_mistral_7b_refuses_what_it_refuses_on_aws(emulator: Emulator, request_: dict[str, Any]) -> None:
    assert code_of(emulator.client("bedrock-runtime"), **request_) == "ValidationException"


@pytest.mark.cloud
def test_converse_needs_the_permission_to_invoke_this_model(emulator: Emulator) -> None:
    arn = f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"
    allowed = keys(emulator, {"Action": "bedrock:InvokeModel", "Resource": arn})
    assert code_of(allowed, **HELLO) == "ServiceUnavailableException", "it came as far as the model"
    for statement in (
        {"Action": "bedrock:InvokeModel", "Resource": arn.replace("7b", "8b")},
        {"Action": "bedrock:Converse", "Resource": "*"},
    ):
        with pytest.raises(BackendUnavailable, match="AccessDenied"):
            ask(keys(emulator, statement))


@pytest.mark.cloud
def test_patch_is_needed_while_the_emulator_asks_for_another_permission_and_takes_any_turns(
    unpatched: Emulator,
) -> None:
    arn = f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"
    as_on_aws = keys(unpatched, {"Action": "bedrock:InvokeModel", "Resource": arn})
    assert code_of(as_on_aws, **HELLO).startswith("AccessDenied")
    answer = unpatched.client("bedrock-runtime").converse(modelId=MODEL, system=[{"text": "Be brief."}], **HELLO)
    assert answer["stopReason"] == "end_turn"


@pytest.fixture
def without_its_model() -> Iterator[Emulator]:
    """The emulator as it is, told of a model that is not there."""
    with bare_emulator({"MINISTACK_BEDROCK_PROXY_URL": f"http://{LOOPBACK}:9"}, patched=False) as emulator:
        yield emulator


@pytest.mark.cloud
def test_patch_is_needed_while_the_emulator_makes_up_answers(without_its_model: Emulator) -> None:
    answer = without_its_model.client("bedrock-runtime").converse(modelId=MODEL, **HELLO)
    assert "ministack mock" in answer["output"]["message"]["content"][0]["text"]


async def health(port: int) -> int:
    async with httpx.AsyncClient(trust_env=False, timeout=300) as client:
        return (await client.get(f"http://{LOOPBACK}:{port}/health", headers={"Connection": "close"})).status_code


def test_engine_runs_only_while_somebody_asks(tmp_path: Path) -> None:
    async def play() -> None:
        model = Model(("local.engine", "--pace", "100"), tmp_path / "engine.log", idle_s=0.2)
        server = await asyncio.start_server(model.serve, LOOPBACK, 0)
        resting = asyncio.create_task(model.rest())
        port = server.sockets[0].getsockname()[1]
        try:
            for _ in range(2):  # it comes back
                assert model._child is None
                assert await asyncio.gather(health(port), health(port)) == [200, 200]
                engine = model._child
                assert engine is not None and engine.ended() is None
                while model._child is not None:
                    await asyncio.sleep(0.05)
            await health(port)
            assert model._child is not None and model._child.process is not None
            model._child.process.kill()
            model._child.wait()
            assert await health(port) == 200, "an engine that died is replaced"
        finally:
            resting.cancel()
            server.close()
            model.stop()

    asyncio.run(asyncio.wait_for(play(), 60))


def test_engine_that_cannot_start_is_an_error_and_the_next_request_tries_again(tmp_path: Path) -> None:
    async def play() -> None:
        model = Model(("local.nothing",), tmp_path / "engine.log", idle_s=60)
        server = await asyncio.start_server(model.serve, LOOPBACK, 0)
        for _ in range(2):
            with pytest.raises(httpx.RemoteProtocolError):
                await health(server.sockets[0].getsockname()[1])
        server.close()
        model.stop()

    asyncio.run(asyncio.wait_for(play(), 60))


def children(pid: int) -> list[int]:
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return [int(child) for child, parent in (line.split() for line in table.splitlines()) if int(parent) == pid]


def test_it_ends_when_it_is_told_to_and_takes_its_engine_along(tmp_path: Path) -> None:
    held = Port()
    port = held.number
    with held.listener() as listener:
        number = listener.fileno()
        options = ["--socket", str(number), "--log", str(tmp_path / "log"), "--pace", "100"]
        command = [sys.executable, "-m", "local.bedrock", *options]
        process = subprocess.Popen(command, start_new_session=True, pass_fds=[number])
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                assert asyncio.run(health(port)) == 200
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.05)
        (engine,) = children(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert not is_running(engine)
    finally:
        process.kill()
        process.wait()
        held.close()
