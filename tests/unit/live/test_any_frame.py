"""No frame of a client is an error of ours, whatever stands in it: each has one answer, and the connection lives on."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foreverus import bootstrap
from foreverus.aws.push import MemoryPush
from foreverus.handlers import websocket
from tests.unit.api.test_any_request import TEXT, VALUE
from tests.unit.conftest import Aws, make_pool, session_item

SESSION = "ses_" + "0" * 28
FIELDS = ["action", "session_id", "conversation_id", "relay_id", "list", "other"]
NEARLY = st.fixed_dictionaries(
    {"action": st.sampled_from(["subscribe", "unsubscribe", "ping"])},
    optional={
        "session_id": TEXT | st.just(SESSION),
        "conversation_id": TEXT | VALUE,
        "relay_id": TEXT | st.just("line_1"),
        "list": TEXT | st.just("conversations"),
    },
)
FRAME = st.none() | TEXT | VALUE.map(json.dumps) | st.dictionaries(st.sampled_from(FIELDS), VALUE).map(json.dumps)
FRAME |= NEARLY.map(json.dumps)


def event(route: str, body: str | None = None) -> dict[str, object]:
    context = {"routeKey": route, "connectionId": "c1", "authorizer": {"user_id": "ana"}}
    return {"requestContext": context, "body": body}


@pytest.fixture
def push(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> MemoryPush:
    aws.put(**session_item(SESSION))
    sent = MemoryPush()
    sent.subscribe("", "c1")
    monkeypatch.setattr(bootstrap.aws, "push", lambda: sent)
    make_pool("ana")
    websocket.handler(event("$connect"), None)
    return sent


@settings(
    derandomize=True, database=None, deadline=None, max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(FRAME)
def test_every_frame_has_one_answer_and_the_connection_lives_on(push: MemoryPush, body: str | None) -> None:
    push.frames["c1"].clear()
    assert websocket.handler(event("$default", body), None) == {"statusCode": 200}
    (answer,) = push.frames["c1"]
    json.dumps(answer, ensure_ascii=False).encode()
    if answer["type"] == "error":
        assert answer["error"]["message"] and answer["error"]["type"] != "server_error"
    else:
        assert answer["type"] in ("subscribed", "unsubscribed", "pong")
    websocket.handler(event("$default", '{"action": "ping"}'), None)
    assert push.frames["c1"][1:] == [{"type": "pong"}]
