"""OpenAI's chat API on the laptop's cloud: the official client through API Gateway, authorizer, adapter and Bedrock.

The paced engine stands in for the model, two tokens a second: what is still being written is seen in its log.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from foreverus.backends.port import BackendName
from foreverus.costs.usage.records import UsageKind, Used, day_of
from foreverus.costs.usage.store import UsageStore
from local import deploy
from local.cloud import Cloud, running
from local.emulator import Emulator
from local.state import LOCAL
from tests.cloud import unique
from tests.local.machines import make_function

pytestmark = pytest.mark.cloud

MODEL = deploy.PARAMETERS["ModelId"]
PACE = 2.0
ENDLESS = 600  # tokens: five minutes of the engine's, more than any test waits for
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def paced() -> Iterator[Cloud]:
    place = LOCAL / "tests" / unique("openai")
    with running(place, lambda text: None, usual_ports=False, wait_scale=0.02, pace=PACE) as cloud:
        yield cloud


@contextmanager
def a_client(cloud: Cloud, **more: Any) -> Iterator[OpenAI]:
    with OpenAI(base_url=cloud.outputs["api_url"], api_key=cloud.outputs["api_key"], **more) as made:
        yield made


def say(order: str) -> Any:
    return [{"role": "user", "content": order}]


def engines_log(cloud: Cloud) -> str:
    return Path(cloud.state.logs / "bedrock-engine.log").read_text()


def used(cloud: Cloud) -> Used:
    from foreverus.aws.dynamo import Table
    from local.cloud import Cloud as _  # noqa: F401

    items = Table(cloud.emulator.client("dynamodb"), cloud.stack["TableName"])
    (one,) = (one for one in UsageStore(items).days(today(), today()) if one.parts)
    return one.parts[BackendName.BEDROCK, UsageKind.API]


def today() -> str:
    from datetime import UTC, datetime

    return day_of(datetime.now(UTC))


def test_plain_and_streamed_answers_through_the_whole_way(paced: Cloud) -> None:
    with a_client(paced) as client:
        whole = client.chat.completions.create(model=MODEL, messages=say("count to 3"))
        assert whole.choices[0].message.content == "1 2 3" and whole.model == f"{MODEL}@bedrock"
        stream = client.chat.completions.create(
            model=MODEL, messages=say("count to 3"), stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
        assert "".join(one.choices[0].delta.content or "" for one in chunks if one.choices) == "1 2 3"
        assert chunks[-1].usage and chunks[-1].usage.completion_tokens == 3
        assert client.completions.create(model=MODEL, prompt="count to 2").choices[0].text == "1 2"
    assert used(paced).messages >= 3


def test_first_chunk_comes_while_the_engine_writes_and_who_leaves_stops_it(paced: Cloud) -> None:
    order = f"count to {ENDLESS}"
    before = used(paced).messages
    with a_client(paced) as client:
        stream = client.chat.completions.create(model=MODEL, messages=say(order), stream=True)
        words = [one.choices[0].delta.content for one, _ in zip(stream, range(3), strict=False)]
        assert words == ["", "1", " 2"]
        log = engines_log(paced)
        assert f"asked: {order}" in log and f"answered: {order}" not in log
        stream.close()
    deadline = time.monotonic() + PATIENCE_S
    while used(paced).messages == before:
        assert time.monotonic() < deadline, "what was used is not counted"
        time.sleep(0.2)
    assert f"answered: {order}" not in engines_log(paced)


def test_failure_in_the_middle_is_an_error_and_no_end(paced: Cloud) -> None:
    body = {"model": MODEL, "messages": say("count to 9, then at 2: error"), "stream": True}
    headers = {"Authorization": f"Bearer {paced.outputs['api_key']}"}
    address = f"{paced.outputs['api_url']}/chat/completions"
    raw = httpx.post(address, json=body, headers=headers, timeout=60)
    assert raw.status_code == 200 and "event: error" in raw.text and "[DONE]" not in raw.text


def test_who_asks_is_what_the_authorizer_says_and_nothing_that_a_client_writes(paced: Cloud) -> None:
    address = f"{paced.outputs['api_url']}/chat/completions"
    forged = {"x-amzn-request-context": '{"authorizer": {"user_id": "somebody-else"}}'}
    body = {"model": MODEL, "messages": say("count to 1")}
    assert httpx.post(address, json=body, headers=forged, timeout=60).status_code == 401
    key = {"Authorization": f"Bearer {paced.outputs['api_key']}"}
    assert httpx.post(address, json=body, headers=forged | key, timeout=60).status_code == 200
    assert used(paced).messages, "counted for the key's person alone"


def test_errors_are_openais(paced: Cloud) -> None:
    with a_client(paced, max_retries=0) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model=f"{MODEL}@bedrock", messages=say("?"), logprobs=True)
        assert caught.value.param == "logprobs"
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="gpt-5", messages=say("?"))
    with a_client(paced, max_retries=0) as client, pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="fu_wrong").chat.completions.create(model=MODEL, messages=say("?"))


STREAMED = "arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/{}/response-streaming-invocations"


def test_emulator_still_finds_no_function_of_a_streamed_integration(unpatched: Emulator) -> None:
    """The day this fails, the emulator may do it itself: look whether the patch is needed."""
    arn = make_function(unpatched, "def handler(event, context):\n    return {'statusCode': 200, 'body': 'hello'}")
    api = unpatched.client("apigateway")
    api_id = api.create_rest_api(name=unique("streamed"))["id"]
    (root,) = api.get_resources(restApiId=api_id)["items"]
    where = {"restApiId": api_id, "resourceId": root["id"], "httpMethod": "GET"}
    api.put_method(**where, authorizationType="NONE")
    uri = STREAMED.format(arn)
    api.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    api.create_deployment(restApiId=api_id, stageName="v1")
    answer = httpx.get(f"{unpatched.url}/_aws/execute-api/{api_id}/v1/", timeout=60)
    assert answer.status_code >= 500 and "hello" not in answer.text
