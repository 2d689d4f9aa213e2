"""Bedrock behind the port, with boto3's real client and botocore's own model of Converse."""

import asyncio
import threading
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, ReadTimeoutError
from botocore.stub import Stubber

from foreverus.backends.bedrock import BedrockBackend, config
from foreverus.backends.port import Completion, Prompt
from foreverus.errors import BackendUnavailable, EngineBusy, EngineFailed, PromptRejected
from tests import aws_models
from tests.unit.backends.server import HELLO
from tests.unit.backends.test_converse import response
from tests.unit.backends.test_openai_http import asynchronous
from tests.unit.conftest import HANGS_S

MODEL = "mistral.mistral-7b-instruct-v0:2"


def backend(client: Any = None, calls_at_once: int = 2) -> BedrockBackend:
    client = client or boto3.client(
        "bedrock-runtime", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    return BedrockBackend(client, MODEL, calls_at_once)


class Raising:
    """A client whose connection fails."""

    def __init__(self, error: BaseException):
        self.error = error

    def converse(self, **request: Any) -> Any:
        raise self.error


@asynchronous
async def test_prompt_becomes_one_converse_call() -> None:
    bedrock = backend()
    with Stubber(bedrock._client) as stub:
        asked = {
            "modelId": MODEL,
            "messages": [{"role": "user", "content": [{"text": "Be brief.\n\nHello"}]}],
            "inferenceConfig": {"maxTokens": 16, "temperature": 0.5},
        }
        stub.add_response("converse", {**response(), "metrics": {"latencyMs": 3}}, asked)
        assert await bedrock.complete(HELLO) == Completion("Hi", "stop", 5, 2)
        stub.assert_no_pending_responses()
    bedrock.close()


@pytest.mark.parametrize(
    "code, status, kind",
    [
        ("ThrottlingException", 429, EngineBusy),
        ("AccessDeniedException", 403, BackendUnavailable),
        ("ValidationException", 400, PromptRejected),
        ("ModelErrorException", 424, EngineFailed),
        ("InternalServerException", 500, EngineFailed),
    ],
)
@asynchronous
async def test_errors_of_the_service_are_translated(code: str, status: int, kind: type[Exception]) -> None:
    bedrock = backend()
    with Stubber(bedrock._client) as stub:
        stub.add_client_error("converse", code, "no", status)
        with pytest.raises(kind) as raised:
            await bedrock.complete(HELLO)
    assert type(raised.value) is kind and code in str(raised.value)
    assert raised.value.__cause__ is not None
    bedrock.close()


@pytest.mark.parametrize(
    "error, kind",
    [
        (EndpointConnectionError(endpoint_url="https://bedrock"), EngineFailed),
        (ReadTimeoutError(endpoint_url="https://bedrock"), EngineFailed),
        (NoCredentialsError(), BackendUnavailable),
    ],
)
@asynchronous
async def test_errors_of_the_way_are_translated(error: BaseException, kind: type[Exception]) -> None:
    bedrock = backend(Raising(error))
    with pytest.raises(kind):
        await bedrock.complete(HELLO)
    bedrock.close()


@asynchronous
async def test_request_that_converse_has_no_shape_for_is_rejected() -> None:
    bedrock = backend()
    with pytest.raises(PromptRejected, match="topP"):
        await bedrock.complete(Prompt(HELLO.messages, options={"top_p": "high"}))
    assert len(aws_models.wrong) == 1 and "topP" in aws_models.wrong.pop()
    bedrock.close()


@asynchronous
async def test_as_many_calls_are_in_flight_as_were_allowed() -> None:
    all_in = threading.Barrier(3, timeout=HANGS_S)  # passes only when three calls are in flight at once

    class Slow:
        def converse(self, **request: Any) -> Any:
            all_in.wait()
            return response()

    bedrock = backend(Slow(), calls_at_once=3)
    answers = await asyncio.gather(*(bedrock.complete(HELLO) for _ in range(6)))
    assert len(answers) == 6
    bedrock.close()


def test_client_makes_one_attempt_and_has_a_connection_for_every_call() -> None:
    made = config(40)
    assert made.retries == {"total_max_attempts": 1} and made.max_pool_connections == 40
    assert made.read_timeout == 300
