"""Frames to the people who watch a topic, over the WebSocket API."""

import json
import logging
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from foreverus import table
from foreverus.conversations.model import public_answer
from foreverus.dynamo import Table

Item = dict[str, Any]

logger = logging.getLogger(__name__)

# A message may have 128 KB. A code point is at most 4 bytes of UTF-8, or 6 where JSON must escape it.
MAX_DELTA_CODE_POINTS = 16_000


class Push(Protocol):
    """The twin is `conversations/memory.py`."""

    def subscribers(self, topic: str) -> list[str]:
        """Connection ids."""

    def post(self, topic: str, connection_id: str, data: bytes) -> bool:
        """Sends one frame. False when the connection is gone; then it is no subscriber any more."""


class WebSocketPush:
    """`client` is an `apigatewaymanagementapi` client of the API's callback URL."""

    def __init__(self, client: Any, items: Table):
        self.client = client
        self.items = items

    def subscribers(self, topic: str) -> list[str]:
        return [item["sk"] for item in self.items.query(table.subscribers_partition(topic))]

    def post(self, topic: str, connection_id: str, data: bytes) -> bool:
        try:
            self.client.post_to_connection(ConnectionId=connection_id, Data=data)
        except ClientError as err:
            if err.response["Error"]["Code"] not in ("GoneException", "410"):
                raise
            self.items.delete(table.subscriber_key(topic, connection_id))
            return False
        return True


def delta_frame(conversation_id: str, message_id: str, offset: int, text: str) -> bytes:
    """`text` belongs at code point `offset` of the answer."""
    frame = {
        "type": "delta",
        "conversation_id": conversation_id,
        "message_id": message_id,
        "offset": offset,
        "text": text,
    }
    return json.dumps(frame, ensure_ascii=False).encode()


def message_frame(question: Item, answer: Item) -> bytes:
    """A final answer, as the API shows it."""
    frame = {
        "type": "message",
        "conversation_id": question["conversation_id"],
        "message": public_answer(question, answer),
    }
    return json.dumps(frame, ensure_ascii=False).encode()


def show_answer(push: Push, question: Item, answer: Item) -> None:
    """A final answer to those who watch; whoever misses it reads it from the table."""
    topic = table.conversation_topic(question["conversation_id"])
    try:
        for connection_id in push.subscribers(topic):
            push.post(topic, connection_id, message_frame(question, answer))
    except (ClientError, BotoCoreError):
        logger.warning("%s could not be shown", question["message_id"], exc_info=True)
