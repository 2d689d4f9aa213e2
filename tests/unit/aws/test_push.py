"""Frames to WebSocket connections."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from foreverus.aws import keys
from foreverus.aws.push import WebSocketPush
from foreverus.conversations.frames import delta_frame, message_frame
from foreverus.conversations.records import Answer, AnswerStatus, Question

TOPIC = keys.conversation_topic("conv_1")


@pytest.fixture
def push(aws: Any) -> WebSocketPush:
    for connection_id in ("c1", "c2"):
        aws.items.put({**keys.subscriber_key(TOPIC, connection_id), "expires_at": 1})
    client = boto3.client("apigatewaymanagementapi", endpoint_url="https://ws.execute-api.us-east-1.amazonaws.com/v1")
    return WebSocketPush(client, aws.items)


def test_frame_goes_to_the_connection(push: WebSocketPush) -> None:
    with Stubber(push.client) as stub:
        stub.add_response("post_to_connection", {}, {"ConnectionId": "c1", "Data": b"{}"})
        assert push.subscribers(TOPIC) == ["c1", "c2"]
        assert push.post(TOPIC, "c1", b"{}")


def test_connection_that_is_gone_is_no_subscriber_any_more(push: WebSocketPush) -> None:
    with Stubber(push.client) as stub:
        stub.add_client_error("post_to_connection", "GoneException", http_status_code=410)
        assert not push.post(TOPIC, "c1", b"{}")
    assert push.subscribers(TOPIC) == ["c2"]


def test_connection_that_is_slow_stays_a_subscriber(push: WebSocketPush) -> None:
    with Stubber(push.client) as stub, pytest.raises(ClientError):
        stub.add_client_error("post_to_connection", "LimitExceededException", http_status_code=429)
        push.post(TOPIC, "c1", b"{}")
    assert push.subscribers(TOPIC) == ["c1", "c2"]


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
