"""A question about an uploaded document, through the whole of the laptop's cloud: the passage stands in what the real
model reads, on Bedrock and on a GPU; the answer says where it is from; nobody else's question gets it."""

from collections.abc import Iterator
from typing import Any

import pytest

from foreverus.backends.tokens import least_tokens
from foreverus.conversations.passages.records import HEADING
from local import deploy
from local.cloud import Cloud
from local.person import Person
from tests.cloud import unique
from tests.local.test_documents import TEXT, ended, put

pytestmark = pytest.mark.cloud

SYSTEM = "You are a helpful assistant. Answer briefly."
ASKED = "Quem guarda a chave do armazém de Tefé?"
COLD = 8  # questions until a function that nobody has called for a while answers within its seconds, on a busy machine


@pytest.fixture(autouse=True)
def no_documents(person: Person) -> Iterator[None]:
    yield
    for one in person.call("GET", "/documents")["data"]:
        person.call("DELETE", f"/documents/{one['id']}")


@pytest.fixture
def stranger(cloud: Cloud) -> Iterator[Person]:
    address = f"{unique('stranger')}@example.com"
    user = deploy.make_user(cloud.emulator, cloud.stack["UserPoolId"], deploy.new_password(), address)
    key = deploy.make_api_key(cloud.emulator, cloud.stack["KeysTableName"], user)
    with Person({**cloud.outputs, "api_key": key}) as one:
        yield one


def answer(person: Person, conversation: str, backend: str, content: str = ASKED) -> dict[str, Any]:
    body = {"content": content, "max_tokens": 4, "temperature": 0, "backend": backend}
    asked = person.call("POST", f"/conversations/{conversation}/messages", body)
    message = person.wait_for("message")[1]["message"]
    assert (message["in_reply_to"], message["status"]) == (asked["message"]["id"], "answered"), message
    shown = person.call("GET", f"/conversations/{conversation}/messages")["data"]
    assert next(one for one in shown if one["id"] == message["id"])["sources"] == message["sources"]
    return dict(message)


def warm(person: Person, backend: str, content: str = ASKED) -> dict[str, Any]:
    """In a conversation of its own. Too late is no answer of the search's: then it is asked again."""
    for _ in range(COLD):
        found = answer(person, person.converse(SYSTEM), backend, content)
        if (found["sources"] or {}).get("why") != "database_unavailable":
            return found
    raise AssertionError(f"no passages in time, {COLD} times")


@pytest.mark.parametrize("backend", ["bedrock", "gpu"])
def test_the_model_reads_the_passage_until_the_document_is_gone(person: Person, stranger: Person, backend: str) -> None:
    if backend == "gpu":
        person.start_session()
    bare = answer(person, person.converse(SYSTEM), backend)
    assert bare["sources"] is None, "nobody looked"
    document_id = put(person, "armazém.md", TEXT.encode())
    assert ended(person, document_id)["status"] == "ready"

    known = warm(person, backend)
    first = known["sources"]["found"][0]
    assert (first["number"], first["document_id"], known["sources"]["why"]) == (1, document_id, None)
    place = person.call("GET", f"/documents/{document_id}/text?start={first['start']}&end={first['end']}")
    assert "A chave fica com dona Zuleide." in place["text"]
    more = known["usage"]["prompt_tokens"] - bare["usage"]["prompt_tokens"]
    assert more >= least_tokens(f"{HEADING} {place['text']}"), "the engine has counted it"

    theirs = answer(stranger, stranger.converse(SYSTEM), backend)
    assert (theirs["sources"], theirs["usage"]["prompt_tokens"]) == (None, bare["usage"]["prompt_tokens"])

    unknowing = person.converse(SYSTEM)
    person.call("PATCH", f"/conversations/{unknowing}", {"documents": False})
    without = answer(person, unknowing, backend)
    assert (without["sources"], without["usage"]["prompt_tokens"]) == (None, bare["usage"]["prompt_tokens"])
    nothing = warm(person, backend, "zzz qqq")
    assert nothing["sources"] == {"found": [], "why": "nothing_found"}

    person.call("DELETE", f"/documents/{document_id}")
    gone = answer(person, person.converse(SYSTEM), backend)
    assert (gone["sources"], gone["usage"]["prompt_tokens"]) == (None, bare["usage"]["prompt_tokens"])
