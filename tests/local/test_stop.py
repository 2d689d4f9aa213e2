"""A person stops the GPU's answer, asks for another one, and finds the conversation entitled: the whole way."""

from collections.abc import Callable

import pytest

from local.cloud import Cloud
from local.person import Person
from tests.local.sessions import wait_until

pytestmark = pytest.mark.cloud

LONG = 300  # tokens, of which the engine writes a few


def test_a_stopped_answer_keeps_its_text_and_another_one_takes_its_place(
    cloud: Cloud, person: Person, set_pace: Callable[[float], None]
) -> None:
    set_pace(5.0)
    session_id, _ = person.start_session()
    talk = person.converse("You count.", title="")
    first = person.ask(talk, "Count.", LONG)
    _, delta = person.wait_for("delta", message_id=first)
    assert delta["text"].startswith("1")
    set_pace(0)  # the engine never comes to an end: nothing but the stop ends this answer
    path = f"/conversations/{talk}/messages"
    asked = person.call("DELETE", f"{path}/{first}")
    assert asked.get("stop_requested") or asked["finish_reason"] == "stopped"
    _, frame = person.wait_for("message", conversation_id=talk)
    stopped = frame["message"]
    words = stopped["content"].split()
    assert words == [str(number) for number in range(1, len(words) + 1)] and 0 < len(words) < LONG
    assert (stopped["status"], stopped["finish_reason"]) == ("answered", "stopped")
    assert stopped["usage"]["prompt_tokens"] > 0 and stopped["usage"]["completion_tokens"] >= len(words) - 1
    assert person.call("DELETE", f"{path}/{first}") == stopped == person.call("GET", path)["data"][1]
    set_pace(1000.0)  # its slot is free: a new answer is written
    again = person.call("POST", f"{path}/{first}/regenerate", {"max_tokens": 20, "backend": "gpu"})
    person.wait_for("message", conversation_id=talk)
    now = person.call("GET", path)["data"]
    assert [one["id"] for one in now] == [again["message"]["id"], again["answer"]["id"]]
    assert now[1]["content"] == " ".join(str(number) for number in range(1, 21))
    assert [one["content"] for one in person.call("GET", f"{path}?version={first}")["data"]] == [
        "Count.",
        stopped["content"],
    ]

    def title() -> str:
        return str(person.call("GET", f"/conversations/{talk}")["title"])

    wait_until(lambda: title() != "Count.", "the conversation has a title, instead of its first words")
    assert len(title()) <= 60 and title().startswith("1 2 3")
    person.end_session(session_id)
    receipt = person.call("GET", f"/sessions/{session_id}")["receipt"]
    assert receipt["messages"] == 2 and receipt["completion_tokens"] >= len(words) + 20
