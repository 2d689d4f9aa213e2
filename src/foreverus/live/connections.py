"""WebSocket connections and their subscriptions in DynamoDB."""

from datetime import datetime, timedelta
from typing import Any

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import Table

Item = dict[str, Any]

# API Gateway ends a connection after two hours; what a lost $disconnect leaves behind expires soon after.
LIFETIME = timedelta(hours=2, minutes=10)


class ConnectionStore:
    def __init__(self, items: Table):
        self.items = items

    def open(self, connection_id: str, user_id: str, now: datetime) -> None:
        self.items.put(
            {
                **keys.connection_key(connection_id),
                "user_id": user_id,
                "connected_at": ids.timestamp(now),
                "expires_at": int((now + LIFETIME).timestamp()),
            }
        )

    def get(self, connection_id: str) -> Item | None:
        return self.items.get(keys.connection_key(connection_id))

    def subscribe(self, connection: Item, connection_id: str, topic: str) -> None:
        """The connection remembers its topics, so that closing it finds every subscription."""
        self.items.update(
            keys.connection_key(connection_id),
            "ADD topics :topic",
            {":topic": {topic}},
            condition="attribute_exists(pk)",
        )
        self.items.put({**keys.subscriber_key(topic, connection_id), "expires_at": connection["expires_at"]})

    def unsubscribe(self, connection_id: str, topic: str) -> None:
        self.items.delete(keys.subscriber_key(topic, connection_id))

    def close(self, connection_id: str) -> None:
        connection = self.get(connection_id) or {}
        for topic in connection.get("topics", ()):
            self.items.delete(keys.subscriber_key(topic, connection_id))
        self.items.delete(keys.connection_key(connection_id))
