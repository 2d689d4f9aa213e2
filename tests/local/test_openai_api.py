"""OpenAI's chat API on the laptop's cloud: the official clients through API Gateway, authorizer, adapter and Bedrock;
and a chat's answer on Bedrock that is stopped.

The paced engine stands in for the model, two tokens a second: what is still being written is seen in its log.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from foreverus.costs.usage.records import UsageKind, Used, UsedService, day_of
from foreverus.costs.usage.store import UsageStore
from local import deploy
from local.cloud import Cloud, running
from local.emulator import Emulator
from local.person import Person
from local.state import LOCAL, ROOT
from tests import quiet_logs
from tests.cloud import unique
from tests.local.machines import make_function
from tests.local.sessions import wait_until

pytestmark = pytest.mark.cloud

MODEL = deploy.PARAMETERS["ModelId"]
PACE = 2.0
ENDLESS = 600  # tokens: five minutes of the engine's, more than any test waits for
PATIENCE_S = 300.0
NODE, CLIENTS = LOCAL / "node" / "bin" / "node", ROOT / "tests" / "clients"


@pytest.fixture(scope="module")
def paced() -> Iterator[Cloud]:
    place = LOCAL / "tests" / unique("openai")
    with running(place, lambda text: None, usual_ports=False, wait_scale=0.02, pace=PACE) as cloud:
        yield cloud
        assert quiet_logs.breaches(cloud) == []


@contextmanager
def a_client(cloud: Cloud, **more: Any) -> Iterator[OpenAI]:
    with OpenAI(base_url=cloud.outputs["api_url"], api_key=cloud.outputs["api_key"], **more) as made:
        yield made


def say(order: str) -> Any:
    return [{"role": "user", "content": order}]


def engines_log(cloud: Cloud) -> str:
    return Path(cloud.state.logs / "bedrock-engine.log").read_text()


def used(cloud: Cloud, kind: UsageKind = UsageKind.API) -> Used:
    """Of the day, on Bedrock."""
    from foreverus.aws.dynamo import Table

    items = Table(cloud.emulator.client("dynamodb"), cloud.stack["TableName"])
    parts = [one.parts for one in UsageStore(items).days(today(), today()) if one.parts]
    nothing = Used(service=UsedService.BEDROCK, kind=kind)
    return parts[0].get((UsedService.BEDROCK, kind), nothing) if parts else nothing


@contextmanager
def at_pace(cloud: Cloud, tokens_per_s: float) -> Iterator[None]:
    """Of the engine behind Bedrock; 0 holds what is being written."""
    cloud.bedrock_pace.write_text(str(tokens_per_s))
    try:
        yield
    finally:
        cloud.bedrock_pace.unlink()


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


@pytest.mark.parametrize("streams", [True, False])
def test_what_is_asked_and_answered_is_for_no_log(paced: Cloud, streams: bool) -> None:
    """`paced` looks for it when all is over."""
    asked = say(f"count to {quiet_logs.PLANTED_LAST}. {quiet_logs.PLANTED_PROMPT}")
    with a_client(paced) as client, at_pace(paced, 1000.0):
        if streams:
            chunks = client.chat.completions.create(model=MODEL, messages=asked, stream=True)
            text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
        else:
            text = client.chat.completions.create(model=MODEL, messages=asked).choices[0].message.content or ""
    assert text == quiet_logs.PLANTED_ANSWER


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
    wait_until(lambda: used(paced).messages > before, "what was used is counted", seconds=PATIENCE_S)
    assert f"answered: {order}" not in engines_log(paced)


def test_javascript_client_plain_streamed_left_broken_and_refused(paced: Cloud) -> None:
    assert (CLIENTS / "node_modules" / "openai").is_dir(), "OpenAI's JavaScript client is missing: make install"
    endless, before = f"count to {ENDLESS + 1}", used(paced).messages
    asked = [paced.outputs["api_url"], paced.outputs["api_key"], MODEL, endless]
    done = subprocess.run([NODE, CLIENTS / "chat.mjs", *asked], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["text"], told["end"], told["model"]) == ("1 2 3", "stop", f"{MODEL}@bedrock")
    assert told["usage"]["completion_tokens"] == 3 and told["usage"]["total_tokens"] > 3
    assert told["heard"] == "1" and told["failure"]["name"] == "APIError", "no [DONE] after a failure"
    assert told["first"] == "1"
    wait_until(lambda: used(paced).messages >= before + 4, "who leaves is counted", seconds=PATIENCE_S)
    assert f"asked: {endless}" in engines_log(paced) and f"answered: {endless}" not in engines_log(paced)
    refused = {
        name: (told[name]["status"], told[name]["code"]) for name in ("unknown", "wrong", "stranger", "embeddings")
    }
    assert refused == {
        "unknown": (404, "model_not_found"),
        "wrong": (400, "invalid_field"),
        "stranger": (401, "invalid_api_key"),
        "embeddings": (404, "no_embeddings"),
    }
    assert told["wrong"]["param"] == "temperature" and "one model, which writes text" in told["embeddings"]["message"]


def test_a_chats_answer_on_bedrock_is_stopped_keeps_its_text_and_is_counted(paced: Cloud) -> None:
    order = f"count to {ENDLESS + 2}"
    with Person(paced.outputs) as person:
        talk = person.converse("You count.")
        first = person.ask(talk, order, ENDLESS + 2, backend="bedrock")
        _, delta = person.wait_for("delta", message_id=first)
        assert delta["text"].startswith("1")
        before = used(paced, UsageKind.CHAT)
        path = f"/conversations/{talk}/messages"
        with at_pace(paced, 0):  # the engine never comes to an end: nothing but the stop ends this answer
            asked = person.call("DELETE", f"{path}/{first}")
            assert asked.get("stop_requested") or asked["finish_reason"] == "stopped"
            stopped = person.wait_for("message", conversation_id=talk)[1]["message"]
        words = stopped["content"].split()
        assert words == [str(number) for number in range(1, len(words) + 1)] and 0 < len(words) < ENDLESS
        assert (stopped["status"], stopped["finish_reason"]) == ("answered", "stopped")
        assert stopped["backend"] == "bedrock" and "session_id" not in stopped
        assert stopped["usage"]["prompt_tokens"] > 0 and stopped["usage"]["completion_tokens"] == len(words)
        assert person.call("DELETE", f"{path}/{first}") == stopped == person.call("GET", path)["data"][1]
        now = used(paced, UsageKind.CHAT)
        assert (now.messages, now.completion_tokens) == (before.messages + 1, before.completion_tokens + len(words))
        said = f"You count.\n\n{order}"
        assert f"asked: {said}" in engines_log(paced) and f"answered: {said}" not in engines_log(paced)
        with at_pace(paced, 1000.0):  # the conversation is free: the same question is answered anew
            again = person.call("POST", f"{path}/{first}/regenerate", {"max_tokens": 20, "backend": "bedrock"})
            person.wait_for("message", conversation_id=talk)
        _, answer = person.call("GET", path)["data"]
        assert (answer["id"], answer["content"]) == (again["answer"]["id"], " ".join(map(str, range(1, 21))))


def test_failure_in_the_middle_is_an_error_and_no_end(paced: Cloud) -> None:
    body = {"model": MODEL, "messages": say("count to 9, then at 3: error"), "stream": True}
    headers = {"Authorization": f"Bearer {paced.outputs['api_key']}"}
    address = f"{paced.outputs['api_url']}/chat/completions"
    raw = httpx.post(address, json=body, headers=headers, timeout=300)
    assert raw.status_code == 200 and "event: error" in raw.text and "[DONE]" not in raw.text


def test_who_asks_is_what_the_authorizer_says_and_nothing_that_a_client_writes(paced: Cloud) -> None:
    address = f"{paced.outputs['api_url']}/chat/completions"
    forged = {"x-amzn-request-context": '{"authorizer": {"user_id": "somebody-else"}}'}
    body = {"model": MODEL, "messages": say("count to 1")}
    assert httpx.post(address, json=body, headers=forged, timeout=300).status_code == 401
    key = {"Authorization": f"Bearer {paced.outputs['api_key']}"}
    assert httpx.post(address, json=body, headers=forged | key, timeout=300).status_code == 200
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
    answer = httpx.get(f"{unpatched.url}/_aws/execute-api/{api_id}/v1/", timeout=300)
    assert answer.status_code >= 500 and "hello" not in answer.text
