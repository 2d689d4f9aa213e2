"""Frames to connections over the WebSocket API, and who subscribes to what."""

import json
from collections import deque
from typing import Any, Protocol

from botocore.exceptions import ClientError

from foreverus.aws import keys
from foreverus.aws.dynamo import Table

MAX_FRAME_BYTES = 128 * 1024  # of a message: API Gateway takes no more
# A code point is at most 4 bytes of UTF-8, or 6 where JSON must escape it.
MAX_DELTA_CODE_POINTS = 16_000


class Push(Protocol):
    """The twin is `MemoryPush`."""

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
        return [item["sk"] for item in self.items.query(keys.subscribers_partition(topic))]

    def post(self, topic: str, connection_id: str, data: bytes) -> bool:
        try:
            self.client.post_to_connection(ConnectionId=connection_id, Data=data)
        except ClientError as err:
            if err.response["Error"]["Code"] not in ("GoneException", "410"):
                raise
            self.items.delete(keys.subscriber_key(topic, connection_id))
            return False
        return True

    def is_open(self, connection_id: str) -> bool:
        try:
            self.client.get_connection(ConnectionId=connection_id)
        except ClientError as err:
            if err.response["Error"]["Code"] not in ("GoneException", "410"):
                raise
            return False
        return True


class MemoryPush:
    """Twin of `WebSocketPush`: keeps the frames of each connection, and can show what a client would have read."""

    def __init__(self) -> None:
        self.topics: dict[str, set[str]] = {}
        self.frames: dict[str, list[Any]] = {}
        self.gone: set[str] = set()
        self._failures: deque[Exception] = deque()

    def fail_next(self, error: Exception) -> None:
        """The next post raises `error` and delivers nothing."""
        self._failures.append(error)

    def subscribe(self, topic: str, connection_id: str) -> None:
        self.topics.setdefault(topic, set()).add(connection_id)
        self.frames.setdefault(connection_id, [])

    def subscribers(self, topic: str) -> list[str]:
        return sorted(self.topics.get(topic, ()))

    def post(self, topic: str, connection_id: str, data: bytes) -> bool:
        if self._failures:
            raise self._failures.popleft()
        if connection_id in self.gone:
            self.topics[topic].discard(connection_id)
            return False
        self.frames[connection_id].append(json.loads(data))
        return True

    def is_open(self, connection_id: str) -> bool:
        return connection_id not in self.gone

    def text_of(self, connection_id: str) -> str:
        """The deltas put together as a client does; raises ValueError on a gap."""
        text = ""
        for frame in self.frames[connection_id]:
            if frame["type"] == "delta":
                if frame["offset"] > len(text):
                    raise ValueError(f"gap at {len(text)}: {frame}")
                text += frame["text"][len(text) - frame["offset"] :]
        return text
