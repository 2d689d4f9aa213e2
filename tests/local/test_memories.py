"""What a person wants remembered stands in what the real model reads, on Bedrock and a GPU, and is gone when it is."""

from collections.abc import Iterator
from typing import Any

import pytest

from foreverus.aws import person_keys
from foreverus.aws.dynamo import Table
from foreverus.backends.tokens import least_tokens
from foreverus.conversations.remembered.records import HEADING
from local import history
from local.cloud import Cloud
from local.person import Person
from tests.local.sessions import invoke, wait_until

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


def test_a_change_is_in_postgresql_with_the_next_thing_that_is_stored(cloud: Cloud, person: Person) -> None:
    """By the table's stream and the functions' own rights: what is remembered, preferred, and then taken back."""
    items = Table(cloud.emulator.client("dynamodb"), cloud.stack["TableName"])

    def something_is_stored_once_the_stream_has_said_so() -> None:
        wait_until(lambda: any(items.query(person_keys.UNCOPIED_PEOPLE)), "the change is marked")
        person.call("DELETE", f"/conversations/{person.converse(SYSTEM)}")
        invoke(cloud, "StoreResults", {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
        assert list(items.query(person_keys.UNCOPIED_PEOPLE)) == []

    def stored(table: str, column: str) -> list[str]:
        return [str(row[0]) for row in history.rows(cloud, f"SELECT {column} FROM {table}")]

    made = person.call("POST", "/memories", {"text": TEXT})
    something_is_stored_once_the_stream_has_said_so()
    assert TEXT in stored("memories", "content")
    person.call("PATCH", "/me", {"language": "pt"})
    something_is_stored_once_the_stream_has_said_so()
    assert "pt" in stored("preferences", "language")
    person.call("DELETE", f"/memories/{made['id']}")
    person.call("PATCH", "/me", {"language": None})
    something_is_stored_once_the_stream_has_said_so()
    assert TEXT not in stored("memories", "content") and "pt" not in stored("preferences", "language")
