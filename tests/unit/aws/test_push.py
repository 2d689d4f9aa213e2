"""Frames to WebSocket connections: to whom, within which time, and that nobody waits for anybody."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.stub import Stubber

from foreverus import bootstrap
from foreverus.aws import keys, socket_keys
from foreverus.aws import push as push_module
from foreverus.aws.push import (
    ASK,
    CONNECT_S,
    DEAF_S,
    POSTS_AT_ONCE,
    READ_S,
    Deaf,
    Frame,
    MemoryPush,
    OpenSockets,
    Subscriber,
    WebSocketPush,
    send_all,
)
from foreverus.conversations.frames import delta_frame, message_frame
from foreverus.conversations.records import Answer, AnswerStatus, Question
from tests.unit.conftest import NOW, Clock

TOPIC = keys.conversation_topic("conv_1")
LONG = 600.0  # what takes longer never ends


@pytest.fixture
def push(aws: Any, clock: Clock) -> WebSocketPush:
    for connection_id, seconds in (("c1", 50), ("c2", 10)):
        good_until = NOW.timestamp() + seconds
        aws.items.put({**socket_keys.subscriber_key(TOPIC, connection_id), "expires_at": 1, "good_until": good_until})
    client = boto3.client("apigatewaymanagementapi", endpoint_url="https://ws.execute-api.us-east-1.amazonaws.com/v1")
    return WebSocketPush(client, aws.items, clock)


def ids(found: list[Subscriber]) -> list[str]:
    return [one.connection_id for one in found]


def test_frame_goes_to_the_connection(push: WebSocketPush) -> None:
    with Stubber(push.client) as stub:
        stub.add_response("post_to_connection", {}, {"ConnectionId": "c1", "Data": b"{}"})
        assert push.subscribers(TOPIC) == [Subscriber("c1", 50.0), Subscriber("c2", 10.0)]
        assert push.post(TOPIC, "c1", b"{}")


def test_a_subscription_counts_as_long_as_its_look(push: WebSocketPush, clock: Clock) -> None:
    """And one of an earlier version, which had none, does not count yet."""
    push.items.put({**socket_keys.subscriber_key(TOPIC, "old"), "expires_at": 1})
    clock.now += timedelta(seconds=10)
    assert {one.connection_id: one.is_good for one in push.subscribers(TOPIC)} == {
        "c1": True,
        "c2": False,
        "old": False,
    }


def test_connection_that_is_gone_is_no_subscriber_any_more(push: WebSocketPush) -> None:
    with Stubber(push.client) as stub:
        stub.add_client_error("post_to_connection", "GoneException", http_status_code=410)
        assert not push.post(TOPIC, "c1", b"{}")
    assert ids(push.subscribers(TOPIC)) == ["c2"]


@pytest.mark.parametrize(("code", "status"), [("LimitExceededException", 429), ("ForbiddenException", 403)])
def test_connection_that_is_refused_stays_a_subscriber(push: WebSocketPush, code: str, status: int) -> None:
    with Stubber(push.client) as stub, pytest.raises(ClientError):
        stub.add_client_error("post_to_connection", code, http_status_code=status)
        push.post(TOPIC, "c1", b"{}")
    assert ids(push.subscribers(TOPIC)) == ["c1", "c2"]


def test_connection_that_takes_no_frame_in_time_is_left_out_for_a_minute(
    push: WebSocketPush, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow:
        def post_to_connection(self, **_: Any) -> None:
            raise ReadTimeoutError(endpoint_url="https://ws")

    push.client = Slow()
    with pytest.raises(Deaf):
        push.post(TOPIC, "c2", b"{}")
    assert ids(push.subscribers(TOPIC)) == ["c1"]
    clock.now += timedelta(seconds=DEAF_S)
    assert ids(push.subscribers(TOPIC)) == ["c1", "c2"]


def test_every_frame_of_a_function_has_a_deadline_and_one_try(aws: Any) -> None:
    config = bootstrap.aws.push().client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (CONNECT_S, READ_S)
    assert config.retries["total_max_attempts"] == 1
    assert config.max_pool_connections >= POSTS_AT_ONCE


class Deafened(MemoryPush):
    """Some take frames when the test lets them, and not before; `taken` is set when all the others have theirs."""

    def __init__(self, wanted: set[str]) -> None:
        super().__init__()
        self.deaf: set[str] = set()
        self.wanted = wanted
        self.let = threading.Event()
        self.taken = threading.Event()
        self._lock = threading.Lock()

    def post(self, topic: str, connection_id: str, data: bytes) -> bool:
        if connection_id in self.deaf:
            assert self.let.wait(LONG)
        done = super().post(topic, connection_id, data)
        with self._lock:
            self.wanted.discard(connection_id)
            if not self.wanted:
                self.taken.set()
        return done


ALL_OF_ONE_PERSON = {f"a{number}" for number in range(20)}  # as many as the template lets one have


@pytest.mark.parametrize("deaf", [{"a"}, {"b", "e"}, {"a", "b", "c", "d"}, ALL_OF_ONE_PERSON])
def test_who_takes_nothing_holds_nobody_up(deaf: set[str]) -> None:
    everybody = {"a", "b", "c", "d", "e", "f"} | deaf
    push = Deafened(everybody - deaf)
    push.deaf = deaf
    for one in everybody:
        push.subscribe("SESSION#1", one)
        push.subscribe("SESSION#2", one)
    frames = [Frame("SESSION#1", b'{"n": 1}'), Frame("SESSION#2", b'{"n": 2}')]
    try:
        send_all(push, frames, patience_s=0)  # comes back at once, whoever is deaf
        assert push.taken.wait(LONG)
    finally:
        push.let.set()


def failing(error: Exception) -> Callable[[MemoryPush], None]:
    return lambda push: push.fail_next(error)


@pytest.mark.parametrize(
    "trouble",
    [
        failing(ClientError({"Error": {"Code": "LimitExceededException"}}, "PostToConnection")),
        failing(ClientError({"Error": {"Code": "ForbiddenException"}}, "PostToConnection")),
        failing(Deaf("a")),
        failing(ConnectionError("reset")),
        lambda push: push.gone.add("a"),
    ],
)
def test_what_one_post_fails_with_costs_nobody_else_a_frame(trouble: Callable[[MemoryPush], None]) -> None:
    push = MemoryPush()
    for one in "abc":
        push.subscribe(TOPIC, one)
    trouble(push)
    assert send_all(push, [Frame(TOPIC, b"{}")], patience_s=LONG) == 2
    assert sum(map(len, push.frames.values())) == 2


def test_a_topic_that_cannot_be_looked_up_costs_the_others_nothing() -> None:
    class Broken(MemoryPush):
        def subscribers(self, topic: str) -> list[Subscriber]:
            if topic == TOPIC:
                raise ConnectionError("DynamoDB is down")
            return super().subscribers(topic)

    push = Broken()
    push.subscribe("SESSION#1", "a")
    assert send_all(push, [Frame(TOPIC, b"{}"), Frame("SESSION#1", b"{}")], patience_s=LONG) == 1


def test_whose_look_is_too_old_gets_nothing_but_the_wish_for_a_new_one() -> None:
    push = MemoryPush()
    for one in ("fresh", "stale"):
        push.subscribe(TOPIC, one)
    push.stale.add("stale")
    assert send_all(push, [Frame(TOPIC, b'{"secret": true}')], patience_s=LONG) == 1
    assert push.frames == {"fresh": [{"secret": True}], "stale": [json.loads(ASK)]}


@pytest.fixture
def sockets(push: WebSocketPush) -> OpenSockets:
    for user, connection, key in (("ana", "a1", "key_1"), ("ana", "a2", ""), ("ana", "a3", "key_1"), ("bia", "b1", "")):
        push.items.put({**socket_keys.socket_key(user, connection), "key_id": key, "expires_at": 1})
    return OpenSockets(push)


def closed(
    sockets: OpenSockets, monkeypatch: pytest.MonkeyPatch, *arguments: str, gone: str = ""
) -> tuple[int, set[str]]:
    asked: set[str] = set()

    class Client:
        def delete_connection(self, ConnectionId: str) -> None:
            asked.add(ConnectionId)
            if ConnectionId == gone:
                raise ClientError({"Error": {"Code": "GoneException"}}, "DeleteConnection")
            if ConnectionId == "a2":
                raise ClientError({"Error": {"Code": "LimitExceededException"}}, "DeleteConnection")

    monkeypatch.setattr(push_module, "CONNECT_S", LONG)  # however slow this machine is
    sockets.push.client = Client()
    return sockets.close(*arguments), asked


def test_a_persons_sockets_are_closed_or_those_of_one_key(
    sockets: OpenSockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert closed(sockets, monkeypatch, "ana", "key_1", gone="a1") == (2, {"a1", "a3"})
    assert closed(sockets, monkeypatch, "ana") == (2, {"a1", "a2", "a3"})  # one could not be closed
    assert closed(sockets, monkeypatch, "ivo") == (0, set())


def test_sockets_that_cannot_be_looked_up_fail_nothing(sockets: OpenSockets) -> None:
    class Down:
        def query(self, *_: Any) -> None:
            raise ConnectionError("DynamoDB is down")

    sockets.push.items = Down()  # type: ignore[assignment]
    assert sockets.close("ana") == 0


def test_frames_are_what_the_page_reads() -> None:
    assert json.loads(delta_frame("conv_1", "msg_1", 3, "é")) == {
        "type": "delta",
        "conversation_id": "conv_1",
        "message_id": "msg_1",
        "offset": 3,
        "text": "é",
    }
    named = {"message_id": "msg_1", "conversation_id": "conv_1"}
    question = Question(**named, user_id="ana", content="Hello", created_at="then")
    frame = json.loads(message_frame(question, Answer(**named, content="Hi", status=AnswerStatus.ANSWERED)))
    assert frame["type"] == "message" and frame["conversation_id"] == "conv_1"
    assert frame["message"]["id"] == "ans_1" and frame["message"]["in_reply_to"] == "msg_1"
