"""What clients send over a WebSocket, and what they are told."""

import json

import pytest

from foreverus import bootstrap
from foreverus.errors import InvalidRequest
from foreverus.live.frames import Frames, read_frame
from foreverus.live.records import Action, ClientFrame, Topic, TopicKind
from tests.unit.conftest import Aws, session_item


@pytest.fixture
def frames(aws: Aws) -> Frames:
    aws.put(**session_item("ses_1"))
    made = bootstrap.websocket.build().frames
    made.opened("c1", "ana")
    return made


def say(frames: Frames, connection_id: str = "c1", **frame: str) -> dict[str, object]:
    return frames.received(connection_id, json.dumps(frame))


def test_a_frame_is_read_with_what_it_is_about() -> None:
    frame = read_frame('{"action": "subscribe", "conversation_id": "conv_1"}')
    assert frame == ClientFrame(action=Action.SUBSCRIBE, conversation_id="conv_1")
    assert frame.topic == Topic(TopicKind.CONVERSATION, "conv_1")
    assert read_frame('{"action": "ping"}').topic is None
    both = '{"action": "subscribe", "conversation_id": "conv_1", "session_id": "ses_1"}'
    assert read_frame(both).topic is None


@pytest.mark.parametrize("body", ["", "x", "[]", '{"action": "shout"}', '{"action": "ping", "now": true}'])
def test_what_is_no_frame_is_refused(body: str) -> None:
    with pytest.raises(InvalidRequest):
        read_frame(body)


def test_everybody_may_watch_a_session_and_only_its_owner_a_conversation(frames: Frames) -> None:
    assert say(frames, action="subscribe", session_id="ses_1") == {"type": "subscribed", "session_id": "ses_1"}
    theirs = str(bootstrap.api.build().conversations.create("bia")["id"])
    own = str(bootstrap.api.build().conversations.create("ana")["id"])
    assert say(frames, action="subscribe", conversation_id=own) == {"type": "subscribed", "conversation_id": own}
    refused = say(frames, action="subscribe", conversation_id=theirs)
    assert refused["type"] == "error" and theirs in str(refused)
    assert say(frames, action="unsubscribe", session_id="ses_1") == {"type": "unsubscribed", "session_id": "ses_1"}


def test_what_is_wrong_comes_back_as_an_error_frame(frames: Frames) -> None:
    wrong = [
        say(frames, action="subscribe"),
        say(frames, action="subscribe", session_id="ses_none"),
        say(frames, "c2", action="ping"),
    ]
    assert [one["type"] for one in wrong] == ["error"] * 3
    assert [one["error"]["code"] for one in wrong][1] == "session_not_found"  # type: ignore[index]


def test_a_ping_is_answered(frames: Frames) -> None:
    assert say(frames, action="ping") == {"type": "pong"}
