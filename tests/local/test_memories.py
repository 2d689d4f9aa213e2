"""What a person wants remembered stands in what the real model reads, on Bedrock and a GPU, and is gone when it is."""

from collections.abc import Iterator
from typing import Any

import pytest

from foreverus.backends.tokens import least_tokens
from foreverus.conversations.remembered.records import HEADING
from local.cloud import Cloud
from local.person import Person

pytestmark = pytest.mark.cloud

SYSTEM = "You are a helpful assistant. Answer briefly."
TEXT = "I keep three parrots called Amora, Caju and Pitanga in Salvador."


@pytest.fixture(autouse=True)
def nothing_remembered(person: Person) -> Iterator[None]:
    yield
    for one in person.call("GET", "/memories")["data"]:
        person.call("DELETE", f"/memories/{one['id']}")


def answer(person: Person, conversation: str, backend: str) -> dict[str, Any]:
    body = {"content": "Say hello.", "max_tokens": 4, "temperature": 0, "backend": backend}
    asked = person.call("POST", f"/conversations/{conversation}/messages", body)
    message = person.wait_for("message")[1]["message"]
    assert (message["in_reply_to"], message["status"]) == (asked["message"]["id"], "answered"), message
    return dict(message)


@pytest.mark.parametrize("backend", ["bedrock", "gpu"])
def test_the_model_reads_it_until_it_is_switched_off_or_deleted(cloud: Cloud, person: Person, backend: str) -> None:
    if backend == "gpu":
        person.start_session()
    bare = answer(person, person.converse(SYSTEM), backend)
    assert "memories" not in bare
    from_here = person.converse(SYSTEM)
    made = person.call("POST", "/memories", {"text": TEXT, "conversation_id": from_here})
    assert made["conversation"]["id"] == from_here and made["in_use"] is True

    known = answer(person, from_here, backend)
    more = known["usage"]["prompt_tokens"] - bare["usage"]["prompt_tokens"]
    shown = person.call("GET", "/memories")
    assert known["memories"] == 1
    assert least_tokens(f"{HEADING} {TEXT}") <= more <= shown["used_tokens"], "the engine has counted it"

    unknowing = person.converse(SYSTEM)
    person.call("PATCH", f"/conversations/{unknowing}", {"memories": False})
    person.call("PATCH", f"/memories/{made['id']}", {"text": f"{TEXT} They speak Portuguese."})
    assert answer(person, unknowing, backend)["usage"]["prompt_tokens"] == bare["usage"]["prompt_tokens"]
    person.call("PATCH", f"/memories/{made['id']}", {"enabled": False})
    assert answer(person, person.converse(SYSTEM), backend)["usage"] == bare["usage"]
    person.call("DELETE", f"/memories/{made['id']}")
    gone = answer(person, person.converse(SYSTEM), backend)
    assert "memories" not in gone and gone["usage"] == bare["usage"]
