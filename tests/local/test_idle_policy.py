"""IdleSeconds=auto and ChatGpu=auto in the whole cloud: Bedrock's bill starts a GPU, which says how long it stays on,
and ends when it is not asked."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from foreverus.aws.demand_keys import DEMAND
from foreverus.aws.dynamo import Table
from foreverus.choice.idle_time import UNUSED_IDLE_S
from foreverus.sessions.demand import DemandStore
from local.cloud import Cloud, running
from local.person import Person
from tests.local.sessions import live_instances, wait_until

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def deciding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud of its own, whose stack decides by itself."""
    directory = tmp_path_factory.mktemp("deciding")
    directory.chmod(0o755)
    parameters = {"IdleSeconds": "auto", "ChatGpu": "auto", "ModelId": "counting"}
    options: dict[str, Any] = {"parameters": parameters, "usual_ports": False, "wait_scale": 0.01, "pace": 100.0}
    with running(directory, lambda text: None, **options) as cloud:
        yield cloud


def answered(person: Person, conversation: str) -> dict[str, Any]:
    posted = person.call("POST", f"/conversations/{conversation}/messages", {"content": "count to 3", "max_tokens": 8})
    message = person.wait_for("message")[1]["message"]
    assert message["status"] == "answered" and message["in_reply_to"] == posted["message"]["id"], message
    return dict(message)


def test_a_costly_hour_starts_a_gpu_that_says_why_it_stays_on(deciding: Cloud) -> None:
    table = Table(deciding.emulator.client("dynamodb"), deciding.stack["TableName"])
    with Person(deciding.outputs) as person:
        conversation = person.converse("You count.")
        assert answered(person, conversation)["backend"] == "bedrock"
        wait_until(lambda: list(table.query(DEMAND)), "what Bedrock took is noted")
        assert live_instances(deciding) == [], "cheap as it was"

        now = datetime.now(UTC)
        for minutes in range(5):  # what a class of thirty has done meanwhile
            DemandStore(table).spent(now - timedelta(minutes=minutes), 0.5)
        answered(person, conversation)
        wait_until(lambda: person.call("GET", "/sessions")["data"], "a GPU is started for chats")
        (session,) = person.call("GET", "/sessions")["data"]
        assert session["trigger"] == "chats" and session["idle_seconds"] is None

        def decided() -> dict[str, Any] | None:
            found: dict[str, Any] | None = person.call("GET", f"/sessions/{session['id']}")["idle"]
            return found

        wait_until(lambda: decided() is not None, "its worker has decided", 150)
        first = decided()
        assert first and (first["seconds"], first["reason"]) == (UNUSED_IDLE_S, "unused")
        assert answered(person, conversation)["session_id"] == session["id"], "the GPU answers chats now"
        asked = datetime.now(UTC).minute

        def noted() -> bool:
            items = list(table.query(DEMAND))
            return any({asked, (asked + 1) % 60} & {int(one) for one in item["minutes"]} for item in items)

        wait_until(noted, "its worker has noted that somebody asked", 150)
        wait_until(lambda: decided() != first, "a pause of a minute is decided anew", 150)
        second = decided()
        assert second and second["reason"] == "bedrock_cheaper" and "on" in second["text"]
        wait_until(lambda: live_instances(deciding) == [], "it ends: Bedrock is cheaper for so little", 150)
        ended = person.call("GET", f"/sessions/{session['id']}")
        assert ended["idle"] == second
