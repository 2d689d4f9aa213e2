"""One conversation on both backends: Bedrock answers at once and buys no GPU, and the GPU takes over when it is on."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.cloud import Cloud
from local.person import Person
from tests.local.sessions import executions, live_instances

pytestmark = pytest.mark.cloud

SYSTEM = "You are a helpful assistant. Answer briefly."


@pytest.fixture
def no_preference(person: Person) -> Iterator[None]:
    yield
    person.call("PATCH", "/me", {"backend": None})


def post(person: Person, conversation: str, content: str, **more: Any) -> dict[str, Any]:
    body = {"content": content, "max_tokens": 8, "temperature": 0, **more}
    return person.call("POST", f"/conversations/{conversation}/messages", body)


def reason(posted: dict[str, Any]) -> tuple[str, str]:
    choice = posted["answer"]["choice"]
    return choice["backend"], choice["reason"]


def answer(person: Person, posted: dict[str, Any]) -> dict[str, Any]:
    """The final one, as those who watch get it."""
    message = person.wait_for("message")[1]["message"]
    assert (message["in_reply_to"], message["status"]) == (posted["message"]["id"], "answered"), message
    return dict(message)


def test_a_chat_begins_on_bedrock_and_moves_to_the_gpu_that_somebody_has_started(cloud: Cloud, person: Person) -> None:
    before = executions(cloud)
    conversation = person.converse(SYSTEM)
    first = post(person, conversation, "Say hello.")
    assert reason(first) == ("bedrock", "nothing_live") and first["session"] is None
    answered = answer(person, first)
    assert answered["backend"] == "bedrock" and "session_id" not in answered
    assert executions(cloud) == before and live_instances(cloud) == [], "no session, no GPU"
    assert answered["choice"] == first["answer"]["choice"], "the record says what was chosen and why"

    person.call("POST", "/sessions", {"idle_seconds": 600})
    bridge = post(person, conversation, "Say it again.")
    assert reason(bridge) == ("bedrock", "gpu_boots")
    assert answer(person, bridge)["backend"] == "bedrock"
    session_id, _ = person.start_session()
    moved = post(person, conversation, "And once more.")
    assert reason(moved) == ("gpu", "gpu_is_on")
    assert moved["answer"]["choice"]["numbers"]["prompt_tokens"] > 30, "with the same history"
    on_gpu = answer(person, moved)
    assert on_gpu["session_id"] == session_id and on_gpu["choice"]["reason"] == "gpu_is_on"
    assert on_gpu["usage"]["prompt_tokens"] > answered["usage"]["prompt_tokens"]


@pytest.mark.usefixtures("no_preference")
def test_a_word_for_bedrock_is_kept_on_every_level(cloud: Cloud, person: Person) -> None:
    person.start_session()
    assert person.call("GET", "/me")["default_backend"] == "auto"
    conversation = person.converse(SYSTEM)
    named = post(person, conversation, "Say hello.", backend="bedrock")
    assert reason(named) == ("bedrock", "as_asked") and answer(person, named)["backend"] == "bedrock"
    person.call("PATCH", f"/conversations/{conversation}", {"backend": "bedrock"})
    answer(person, post(person, conversation, "Again."))
    person.call("PATCH", f"/conversations/{conversation}", {"backend": None})
    assert person.call("PATCH", "/me", {"backend": "bedrock"})["backend"] == "bedrock"
    mine = post(person, conversation, "And again.")
    assert mine["answer"]["choice"]["text"] == "Your preferences are set to Bedrock."
    assert answer(person, mine)["backend"] == "bedrock"
    gpu = post(person, conversation, "Now you.", backend="gpu")
    assert reason(gpu) == ("gpu", "as_asked") and answer(person, gpu)["session_id"]


def test_a_conversation_without_a_title_gets_one_on_bedrock_and_the_list_hears_of_it(
    cloud: Cloud, person: Person
) -> None:
    person.subscribe(list="conversations")
    conversation = person.converse(SYSTEM, title="")
    path = f"/conversations/{conversation}"
    answered = answer(person, post(person, conversation, "Say hello."))
    assert answered["backend"] == "bedrock" and 0 < answered["cost_usd"] < 0.01
    told: dict[str, Any] = {"title": "Say hello."}
    while told["title"] in ("", "Say hello."):  # its first words stand for it until the model has named it
        told = person.wait_for("conversation")[1]["conversation"]
        assert told["id"] == conversation
    assert told == person.call("GET", path) and len(told["title"]) <= 60
    person.call("PATCH", path, {"title": "Mine"})
    assert person.wait_for("conversation")[1]["conversation"]["title"] == "Mine"
    person.call("DELETE", path)
    assert person.wait_for("conversation")[1]["conversation"]["object"] == "conversation.deleted"
    assert live_instances(cloud) == []
