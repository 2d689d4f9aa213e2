"""WebSocket connections and their subscriptions in DynamoDB."""

from datetime import datetime, timedelta

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import Item, Table
from foreverus.live.records import Connection, Topic

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

    def get(self, connection_id: str) -> Connection | None:
        found = self.items.get(keys.connection_key(connection_id))
        return _from_item(connection_id, found) if found else None

    def subscribe(self, connection: Connection, topic: Topic) -> None:
        """The connection remembers its topics, so that closing it finds every subscription."""
        self.items.update(
            keys.connection_key(connection.connection_id),
            "ADD topics :topic",
            {":topic": {topic.key}},
            condition="attribute_exists(pk)",
        )
        subscriber = keys.subscriber_key(topic.key, connection.connection_id)
        self.items.put({**subscriber, "expires_at": connection.expires_at})

    def unsubscribe(self, connection: Connection, topic: Topic) -> None:
        self.items.delete(keys.subscriber_key(topic.key, connection.connection_id))

    def close(self, connection_id: str) -> None:
        connection = self.get(connection_id)
        for topic in connection.topics if connection else ():
            self.items.delete(keys.subscriber_key(topic, connection_id))
        self.items.delete(keys.connection_key(connection_id))


def _from_item(connection_id: str, item: Item) -> Connection:
    return Connection(
        connection_id=connection_id,
        user_id=item["user_id"],
        expires_at=item["expires_at"],
        connected_at=item.get("connected_at", ""),
        topics=frozenset(item.get("topics", ())),
    )
