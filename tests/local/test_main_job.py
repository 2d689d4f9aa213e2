"""The main job through the public API, with what people get wrong on the way."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local import deploy
from local.cloud import Cloud
from local.person import Person
from tests.cloud import unique
from tests.local.sessions import OVER, PATIENCE_S, executions, live_instances, wait_until

pytestmark = pytest.mark.cloud

SYSTEM = "You are a helpful assistant. Answer briefly."


@pytest.fixture
def stranger(cloud: Cloud) -> Iterator[Person]:
    """Another member of the team, with an API key of their own."""
    pool, address = cloud.stack["UserPoolId"], f"{unique('another')}@example.com"
    user = deploy.make_user(cloud.emulator, pool, deploy.new_password(), address)
    key = deploy.make_api_key(cloud.emulator, cloud.stack["KeysTableName"], user)
    with Person({**cloud.outputs, "api_key": key}) as one:
        yield one


def refused(answer: httpx.Response) -> tuple[int, str | None, str | None]:
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return answer.status_code, error["code"], error["param"]


def test_from_request_to_receipt(cloud: Cloud, person: Person) -> None:
    session_id, _ = person.start_session()
    conversation = person.converse(SYSTEM)
    message_id = person.ask(conversation, "What is a rainbow?", 40)
    text = ""
    while True:
        _, frame = person.frames.get(timeout=PATIENCE_S)
        if frame["type"] == "delta" and frame["message_id"] == message_id:
            assert frame["offset"] <= len(text)
            text = text[: frame["offset"]] + frame["text"]
        if frame["type"] == "message":
            break
    assert frame["message"]["content"] == text
    assert frame["message"]["status"] == "answered"
    assert frame["message"]["usage"]["completion_tokens"] > 0

    person.end_session(session_id)
    session = person.call("GET", f"/sessions/{session_id}")
    assert (session["status"], session["outcome"]) == ("ended", "ended")
    assert session["usage"]["messages"] == 1
    assert session["receipt"]["completion_tokens"] == frame["message"]["usage"]["completion_tokens"]
    assert session["receipt"]["total_usd"] > 0
    assert [phase["name"] for phase in session["phases"]] == ["booting", "loading", "healthy"]
    told = [event["state"] for event in session["events"]]
    expected = ["requested", "launched", "booting", "loading", "healthy", "end_requested", "terminated", "ended"]
    assert [one for one in told if one != "stored"] == expected
    receipt = session["receipt"]
    lived = receipt["boot_seconds"] + receipt["idle_seconds"]
    assert receipt["boot_seconds"] > 0 and 0 <= receipt["idle_usd"] < receipt["total_usd"]
    assert lived < receipt["instance_seconds"], "it was busy for some of the time"
    assert receipt["always_on_day_usd"] > 1 and receipt["if_bedrock_usd"] > 0
    assert person.call("GET", "/usage")["idle"]["sessions"] >= 1
    assert session["instance"]["lifecycle"] == "spot"
    assert live_instances(cloud) == []
    execution = executions(cloud)[session_id]
    wait_until(lambda: executions(cloud)[session_id] == "SUCCEEDED", "the execution has succeeded")
    assert execution in ("RUNNING", "SUCCEEDED")
    mail = cloud.inbox.wait_for(session_id, PATIENCE_S)
    assert mail is not None
    assert "rainbow" not in json.dumps(mail)
    worker = cloud.state.logs / "instances" / f"{session['instance']['id']}-worker.log"
    lines = [json.loads(line) for line in worker.read_text().splitlines()]
    assert lines and {line["session_id"] for line in lines} == {session_id}
    lambdas = (cloud.state.logs / "emulator.log").read_text()
    assert '"requestId": ' in lambdas, "their lines are JSON too"
    assert not [word for word in ("rainbow", text.strip()) if word in lambdas + worker.read_text()]


@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer fu_nobodyskeynobodyskeynobodyskey00", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "Basic dTpw"],
)
def test_without_a_valid_token_nothing_is_started(cloud: Cloud, person: Person, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    before = executions(cloud)
    answer = httpx.post(f"{cloud.outputs['api_url']}/sessions", json={}, headers=headers, trust_env=False)
    assert answer.status_code == 401
    assert answer.json()["error"]["message"]
    assert executions(cloud) == before


def test_a_socket_without_a_valid_token_is_not_opened(cloud: Cloud) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    for query in ("", "?token=fu_nobodyskeynobodyskeynobodyskey00"):
        with pytest.raises(InvalidStatus) as caught:
            connect(cloud.outputs["websocket_url"] + query, proxy=None)
        assert caught.value.response.status_code in (401, 403)


def test_bad_bodies_are_named(person: Person) -> None:
    conversation = person.converse(SYSTEM)
    post = person.http.post
    assert refused(post("/sessions", json={"idle": 3})) == (400, "unknown_field", "idle")
    assert refused(post("/sessions", json={"idle_seconds": "x"})) == (400, "invalid_field", "idle_seconds")
    assert refused(post("/conversations", content=b"{")) == (400, "invalid_json", None)
    messages = f"/conversations/{conversation}/messages"
    assert refused(post(messages, json={})) == (400, "missing_field", "content")
    assert refused(post(messages, json={"content": ""}))[2] == "content"
    assert person.call("GET", messages)["data"] == []


def test_somebody_elses_conversation_does_not_exist(person: Person, stranger: Person) -> None:
    conversation = person.converse(SYSTEM)
    path = f"/conversations/{conversation}"
    assert refused(stranger.http.get(path))[0] == 404
    assert refused(stranger.http.get(f"{path}/messages"))[0] == 404
    assert refused(stranger.http.post(f"{path}/messages", json={"content": "Olá"}))[0] == 404
    assert refused(stranger.http.delete(path))[0] == 404
    stranger.socket.send(json.dumps({"action": "subscribe", "conversation_id": conversation}))
    _, frame = stranger.wait_for("error")
    assert frame["error"]["code"] == "conversation_not_found"


def test_a_second_start_joins_and_buys_nothing(cloud: Cloud, person: Person, stranger: Person) -> None:
    answers: list[httpx.Response] = []
    people = [
        threading.Thread(target=lambda p=p: answers.append(p.http.post("/sessions", json={})))
        for p in (person, stranger)
    ]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    wait_until(lambda: len(live_instances(cloud)) == 1, "one instance runs")
    assert len(live_instances(cloud)) == 1


def test_a_message_without_a_session_starts_one_and_is_answered(person: Person) -> None:
    conversation = person.converse(SYSTEM)
    body = {"content": "Say hello.", "max_tokens": 8, "backend": "gpu"}
    accepted = person.call("POST", f"/conversations/{conversation}/messages", body)
    assert accepted["answer"]["status"] == "queued"
    assert accepted["session"]["trigger"] == "message"
    _, frame = person.wait_for("message")
    assert frame["message"]["id"] == accepted["answer"]["id"]
    assert frame["message"]["status"] == "answered"


def test_a_prompt_longer_than_the_context_is_a_clear_error_and_the_session_lives_on(person: Person) -> None:
    conversation = person.converse(SYSTEM)
    with pytest.raises(httpx.HTTPStatusError) as refused:
        person.ask(conversation, "word " * 2500, 8)  # its length alone says so
    assert refused.value.response.json()["error"]["code"] == "context_length_exceeded"
    too_long = person.ask(conversation, "7\u2003" * 2500, 8)  # the engine alone can tell
    _, frame = person.wait_for("message")
    assert frame["message"]["in_reply_to"] == too_long
    assert frame["message"]["status"] == "failed"
    assert frame["message"]["error"]["code"] == "context_length_exceeded"
    person.ask(conversation, "Say hello.", 8)
    _, frame = person.wait_for("message")
    assert frame["message"]["status"] == "answered"
    (session,) = [s for s in person.call("GET", "/sessions")["data"] if s["status"] not in OVER]
    assert session["status"] == "serving"


def test_who_comes_back_in_the_middle_of_an_answer_misses_and_repeats_nothing(
    cloud: Cloud, person: Person, set_pace: Callable[[float], None]
) -> None:
    set_pace(5.0)
    person.start_session()
    conversation = person.converse(SYSTEM)
    message_id = person.ask(conversation, "Tell me a long story about the sea.", 150)
    person.wait_for("delta", message_id=message_id)
    with Person(cloud.outputs) as returned:  # the same user on a new connection, as after a lost one
        returned.subscribe(conversation_id=conversation)
        shown = returned.call("GET", f"/conversations/{conversation}/messages")["data"][1]
        text, held = shown["content"], {}
        while True:
            _, frame = returned.frames.get(timeout=PATIENCE_S)
            if frame["type"] == "message":
                break
            if frame["type"] == "delta":
                set_pace(1000.0)
                held[frame["offset"]] = frame["text"]
                for offset in sorted(held):
                    if offset <= len(text):
                        text += held.pop(offset)[len(text) - offset :]
        assert text == frame["message"]["content"] == " ".join(str(number) for number in range(1, 151))
        assert not [offset for offset in held if offset > len(text)]


def test_models_are_listed_as_openai_lists_them(person: Person) -> None:
    models = person.call("GET", "/models")["data"]
    whichever = "smollm2-135m-instruct"
    assert [model["id"] for model in models] == [whichever, f"{whichever}@gpu", f"{whichever}@bedrock"]
    assert {model["object"] for model in models} == {"model"}


def test_sessions_and_conversations_are_listed_and_removed(person: Person) -> None:
    first, second = (person.call("POST", "/conversations", {"title": title})["id"] for title in ("a", "b"))
    listed: list[dict[str, Any]] = person.call("GET", "/conversations?limit=2")["data"]
    assert [item["id"] for item in listed] == [second, first]
    assert person.call("DELETE", f"/conversations/{first}")["deleted"]
    assert refused(person.http.get(f"/conversations/{first}"))[0] == 404
