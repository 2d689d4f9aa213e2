"""The laptop's SageMaker: the engine behind an endpoint's runtime API, and a program's request the whole way there."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from botocore.exceptions import ClientError
from openai import OpenAI

from foreverus.aws.dynamo import Table
from foreverus.backends.port import Finished
from foreverus.backends.sagemaker import SageMakerBackend
from foreverus.costs.endpoint import EndpointRate, added_seconds
from foreverus.costs.endpoint_store import EndpointStore
from foreverus.costs.ledger import LedgerStore
from foreverus.errors import BackendUnavailable, EngineFailed, EngineStarting, PromptRejected
from local import deploy
from local.cloud import Cloud, running
from local.emulator import ACCOUNT, REGION, Emulator
from local.state import LOCAL
from tests.cloud import policy, unique
from tests.local.test_bedrock_stream import cloud_of, counting, read, words_come_as_they_are_written
from tests.local.test_paced_engine import scene

pytestmark = pytest.mark.cloud

ENDPOINT, COMPONENT = "mistral", "mistral-7b"
MODEL = deploy.PARAMETERS["ModelId"]
PATIENCE_S = 300.0


def test_a_delta_arrives_while_the_engine_is_still_writing() -> None:
    async def play() -> None:
        async with scene(False) as here, cloud_of(here) as emulator:
            backend = SageMakerBackend(emulator.client("sagemaker-runtime"), ENDPOINT, "", 2)
            await words_come_as_they_are_written(backend, here)
            backend.close()

    asyncio.run(asyncio.wait_for(play(), 120))


def test_what_happens_to_the_container_happens_to_the_stream() -> None:
    async def play() -> None:
        async with scene(True, slots=1) as here, cloud_of(here) as emulator:
            client = emulator.client("sagemaker-runtime")
            backend = SageMakerBackend(client, ENDPOINT, "", 2)
            for mishap in ("cut", "garbage", "error"):
                asked = counting(f"count to 5, then at 3: {mishap}")
                with pytest.raises(EngineFailed):
                    await read(backend, asked)
                whole = await read(backend, asked)  # a mishap happens once, and nobody holds the only slot
                assert whole[-1] == Finished("stop", len(asked.messages[0].content.split()), 5)
            with pytest.raises(PromptRejected) as rejected:
                await read(backend, counting("long " * 3000))
            assert rejected.value.reason == "context_length_exceeded"
            gone = SageMakerBackend(client, "mistral-gone", "", 1)
            with pytest.raises(BackendUnavailable, match="not found"):
                await read(gone, counting("count to 1"))
            for one in (backend, gone):
                one.close()

    asyncio.run(asyncio.wait_for(play(), 120))


def test_a_component_at_rest_is_woken_by_the_call_that_finds_no_copy() -> None:
    async def play() -> None:
        async with scene(True) as here, cloud_of(here) as emulator:
            backend = SageMakerBackend(emulator.client("sagemaker-runtime"), ENDPOINT, COMPONENT, 2)
            with pytest.raises(EngineStarting):
                await read(backend, counting("count to 2"))
            while True:
                try:
                    whole = await read(backend, counting("count to 2"))
                except EngineStarting:
                    await asyncio.sleep(0.2)
                else:
                    break
            assert whole[-1] == Finished("stop", 3, 2)
            backend.close()

    asyncio.run(asyncio.wait_for(play(), 120))


def keys(emulator: Emulator, *statements: dict[str, Any]) -> Any:
    """A client of a new user with this policy."""
    iam, name = emulator.client("iam"), unique("sagemaker-user")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="theirs", PolicyDocument=policy(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return emulator.client(
        "sagemaker-runtime", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )


def test_a_stream_needs_its_permission_on_that_endpoint(emulator: Emulator) -> None:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{ENDPOINT}"

    def ask(*statements: dict[str, Any]) -> None:
        backend = SageMakerBackend(keys(emulator, *statements), ENDPOINT, COMPONENT, 1)
        try:
            asyncio.run(read(backend, counting("count to 5")))
        finally:
            backend.close()

    with pytest.raises(EngineStarting):  # it came as far as the component, which has no copy
        ask({"Action": "sagemaker:InvokeEndpointWithResponseStream", "Resource": arn})
    for action, resource in (
        ("sagemaker:InvokeEndpointAsync", arn),
        ("sagemaker:InvokeEndpointWithResponseStream", f"{arn}-2"),
    ):
        with pytest.raises(BackendUnavailable, match="AccessDenied"):
            ask({"Action": action, "Resource": resource})


def test_patch_is_needed_while_the_emulator_has_no_sagemaker(unpatched: Emulator) -> None:
    with pytest.raises(ClientError):
        unpatched.client("sagemaker-runtime").invoke_endpoint_with_response_stream(EndpointName=ENDPOINT, Body=b"{}")


@pytest.fixture(scope="module")
def paced() -> Iterator[Cloud]:
    parameters = {"SageMakerEndpoint": ENDPOINT, "SageMakerComponent": COMPONENT, "SageMakerStartSeconds": "2"}
    place = LOCAL / "tests" / unique("sagemaker")
    with running(
        place, lambda text: None, usual_ports=False, wait_scale=0.02, pace=200.0, parameters=parameters
    ) as cloud:
        yield cloud


def test_a_programs_request_wakes_the_endpoint_is_answered_and_pays_for_both(paced: Cloud) -> None:
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": "count to 3"}], "model": f"{MODEL}@sagemaker"}
    table = Table(paced.emulator.client("dynamodb"), paced.stack["TableName"])
    endpoint, ledger = EndpointStore(table, ENDPOINT), LedgerStore(table)
    rate = EndpointRate(usd_per_hour=1.41, start_seconds=2, idle_seconds=1380)
    month = time.strftime("%Y-%m", time.gmtime())
    with OpenAI(base_url=paced.outputs["api_url"], api_key=paced.outputs["api_key"], max_retries=0) as client:
        states = {one.id: one.model_dump()["backends"][0]["state"] for one in client.models.list()}
        assert states[f"{MODEL}@sagemaker"] == "off"
        with pytest.raises(openai.InternalServerError) as told:
            client.chat.completions.create(**asked)
        assert (told.value.status_code, told.value.code) == (503, "model_loading")
        woken = endpoint.get()
        assert woken and ledger.spent(month) == pytest.approx(rate.usd(1382), rel=0.01)
        whole = until_awake(client, **asked)
        assert whole.choices[0].message.content == "1 2 3" and whole.model == f"{MODEL}@sagemaker"
        after = endpoint.get()
        assert after and after.until > woken.until
        added = added_seconds(woken, after, woken.ready_at)
        assert ledger.spent(month) == pytest.approx(rate.usd(1382 + added), rel=0.01), "no second is paid twice"
        chunks = list(client.chat.completions.create(**asked, stream=True))
        assert "".join(one.choices[0].delta.content or "" for one in chunks if one.choices) == "1 2 3"
        assert client.models.retrieve(f"{MODEL}@sagemaker").model_dump()["backends"][0]["state"] == "ready"


def until_awake(client: OpenAI, **asked: Any) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return client.chat.completions.create(**asked)
        except openai.InternalServerError as err:
            if err.code != "model_loading" or time.monotonic() > deadline:
                raise
            time.sleep(0.3)
