"""What clients send over a WebSocket, and what they are told."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from foreverus import bootstrap, ids
from foreverus.access.looks import Look
from foreverus.access.records import Caller
from foreverus.access.store import ApiKeyStore
from foreverus.aws import keys, socket_keys
from foreverus.errors import InvalidRequest
from foreverus.live.connections import GOOD_FOR_S
from foreverus.live.frames import LOOK_EVERY_S, Frames, read_frame
from foreverus.live.records import Action, ClientFrame, Topic, TopicKind
from tests.unit.conftest import NOW, Aws, session_item


@pytest.fixture
def frames(aws: Aws) -> Frames:
    aws.put(**session_item("ses_1"))
    at = At()
    look = Look(ApiKeyStore(aws.api_keys), at.is_active)
    made = replace(bootstrap.websocket.build().frames, look=look, clock=at)
    made.opened("c1", Caller(user_id="ana"))
    return made


class At:
    """A clock, and a directory in which everybody is, but for `gone`."""

    def __init__(self) -> None:
        self.now = NOW
        self.gone: set[str] = set()
        self.asked: list[str] = []
        self.fails = False

    def __call__(self) -> datetime:
        return self.now

    def is_active(self, user_id: str) -> bool:
        self.asked.append(user_id)
        if self.fails:
            raise ConnectionError("Cognito is down")
        return user_id not in self.gone


def at(frames: Frames) -> At:
    assert isinstance(frames.clock, At)
    return frames.clock


def say(frames: Frames, connection_id: str = "c1", **frame: str) -> dict[str, object]:
    return frames.received(connection_id, json.dumps(frame)).frame


def test_a_frame_is_read_with_what_it_is_about() -> None:
    frame = read_frame('{"action": "subscribe", "conversation_id": "conv_1"}')
    assert frame == ClientFrame(action=Action.SUBSCRIBE, conversation_id="conv_1")
    assert frame.topic("ana") == Topic(TopicKind.CONVERSATION, "conv_1")
    assert read_frame('{"action": "ping"}').topic("ana") is None
    both = '{"action": "subscribe", "conversation_id": "conv_1", "session_id": "ses_1"}'
    assert read_frame(both).topic("ana") is None


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


def test_a_line_is_the_callers_own_whatever_it_is_called(frames: Frames) -> None:
    frames.opened("c2", Caller(user_id="bia"))
    for connection_id in ("c1", "c2"):
        said = say(frames, connection_id, action="subscribe", relay_id="line_1")
        assert said == {"type": "subscribed", "relay_id": "line_1"}
    items = frames.connections.items
    for user_id, connection_id in (("ana", "c1"), ("bia", "c2")):
        partition = socket_keys.subscribers_partition(keys.relay_topic(user_id, "line_1"))
        assert [one["sk"] for one in items.query(partition)] == [connection_id]
    assert say(frames, action="unsubscribe", relay_id="line_1") == {"type": "unsubscribed", "relay_id": "line_1"}
    assert list(items.query(socket_keys.subscribers_partition(keys.relay_topic("ana", "line_1")))) == []


def test_a_list_of_conversations_is_the_callers_own(frames: Frames) -> None:
    frames.opened("c2", Caller(user_id="bia"))
    for connection_id in ("c1", "c2"):
        said = say(frames, connection_id, action="subscribe", list="conversations")
        assert said == {"type": "subscribed", "list": "conversations"}
    items = frames.connections.items
    for user_id, connection_id in (("ana", "c1"), ("bia", "c2")):
        partition = socket_keys.subscribers_partition(socket_keys.conversations_topic(user_id))
        assert [one["sk"] for one in items.query(partition)] == [connection_id]
    assert say(frames, action="unsubscribe", list="conversations") == {"type": "unsubscribed", "list": "conversations"}
    assert list(items.query(socket_keys.subscribers_partition(socket_keys.conversations_topic("ana")))) == []


@pytest.mark.parametrize("name", ["", "bia", "conversations#bia", "Conversations"])
def test_there_is_no_other_list(frames: Frames, name: str) -> None:
    refused = say(frames, action="subscribe", list=name)
    assert refused["type"] == "error" and refused["error"]["param"] == "list"  # type: ignore[index]


@pytest.mark.parametrize("name", ["bia#line_1", "", "a b", "x" * 101, "línea", "a\n"])
def test_a_line_has_a_name_that_can_be_nobody_elses(frames: Frames, name: str) -> None:
    refused = say(frames, action="subscribe", relay_id=name)
    assert refused["type"] == "error" and refused["error"]["param"] in ("relay_id", "session_id")  # type: ignore[index]


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


SUBSCRIBE = json.dumps({"action": "subscribe", "session_id": "ses_1"})
PING = json.dumps({"action": "ping"})


def refused(frames: Frames, body: str, connection_id: str = "c1") -> bool:
    """Whether the connection is told that it is over, closed, and forgotten with its subscriptions."""
    reply = frames.received(connection_id, body)
    if not reply.closes:
        assert reply.frame["type"] != "error", reply
        return False
    assert reply.frame["error"]["code"] == "credential_ended"  # type: ignore[index]
    assert frames.connections.get(connection_id) is None
    subscribers = frames.connections.items.query(socket_keys.subscribers_partition(keys.session_topic("ses_1")))
    assert connection_id not in [one["sk"] for one in subscribers]
    return True


def test_who_has_left_is_shut_out_at_the_next_subscription_and_the_next_ping(frames: Frames) -> None:
    assert not refused(frames, SUBSCRIBE)
    at(frames).gone.add("ana")
    assert refused(frames, SUBSCRIBE)
    frames.opened("c2", Caller(user_id="ana"))
    at(frames).now += timedelta(seconds=LOOK_EVERY_S)
    assert refused(frames, PING, "c2")


def test_credentials_are_looked_at_at_every_subscription(frames: Frames) -> None:
    for count in range(1, 4):
        assert not refused(frames, SUBSCRIBE)
        assert len(at(frames).asked) == count


def test_pings_that_come_fast_have_nothing_looked_at(frames: Frames) -> None:
    for _ in range(10):
        assert not refused(frames, PING)
    assert at(frames).asked == []
    for _ in range(10):
        at(frames).now += timedelta(seconds=LOOK_EVERY_S)
        assert not refused(frames, PING)
        assert not refused(frames, PING)
    assert len(at(frames).asked) == 10


def test_a_ping_every_forty_seconds_keeps_all_subscriptions_for_good(frames: Frames) -> None:
    assert not refused(frames, SUBSCRIBE)
    for _ in range(20):
        at(frames).now += timedelta(seconds=40)
        (one,) = frames.connections.items.query(socket_keys.subscribers_partition(keys.session_topic("ses_1")))
        assert float(one["good_until"]) > at(frames).now.timestamp()
        assert not refused(frames, PING)
    at(frames).now += timedelta(seconds=GOOD_FOR_S)
    (one,) = frames.connections.items.query(socket_keys.subscribers_partition(keys.session_topic("ses_1")))
    assert float(one["good_until"]) <= at(frames).now.timestamp()


def test_a_revoked_key_is_shut_out_and_another_of_the_same_person_is_not(frames: Frames) -> None:
    keys_of = bootstrap.manage_keys.build().keys
    one, other = (str(keys_of.create(Caller(user_id="ana"), {"name": name})["id"]) for name in ("one", "other"))
    for connection_id, key_id in (("k1", one), ("k2", other)):
        frames.opened(connection_id, Caller(user_id="ana", key_id=key_id))
        assert not refused(frames, SUBSCRIBE, connection_id)
    keys_of.store.revoke("ana", one)
    assert refused(frames, SUBSCRIBE, "k1")
    assert not refused(frames, SUBSCRIBE, "k2")


def test_a_socket_ends_with_its_token(frames: Frames) -> None:
    frames.opened("t1", Caller(user_id="ana", ends_at=ids.timestamp(NOW + timedelta(minutes=15))))
    at(frames).now += timedelta(minutes=15) - timedelta(milliseconds=1)
    assert not refused(frames, SUBSCRIBE, "t1")
    at(frames).now += timedelta(milliseconds=1)
    assert refused(frames, SUBSCRIBE, "t1")


def test_a_connection_that_nobody_knows_is_closed(frames: Frames) -> None:
    assert refused(frames, PING, "c9")


@pytest.mark.parametrize("body", [SUBSCRIBE, PING])
def test_an_outage_shuts_nobody_out_and_renews_nothing(frames: Frames, body: str) -> None:
    at(frames).fails = True
    at(frames).now += timedelta(seconds=LOOK_EVERY_S)
    reply = frames.received("c1", body)
    assert (reply.closes, reply.frame["error"]["code"]) == (False, "try_again")  # type: ignore[index]
    assert (found := frames.connections.get("c1")) and found.renewed_at == ids.timestamp(NOW) and not found.topics
    at(frames).fails = False
    assert not refused(frames, body)
