"""WebSocket connections and their subscriptions in DynamoDB."""

from contextlib import suppress
from datetime import datetime, timedelta

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Item, Table, put_write
from foreverus.errors import InvalidRequest, NotAuthenticated
from foreverus.limits.records import CountChange, CountChanged
from foreverus.limits.store import change_write
from foreverus.live.records import Connection, Topic

MOST_TOPICS = 500  # 45 bytes each, in one item; the page has two at once
# API Gateway ends a connection after two hours; what a lost $disconnect leaves behind expires soon after.
LIFETIME = timedelta(hours=2, minutes=10)


class ConnectionStore:
    def __init__(self, items: Table):
        self.items = items

    def open(self, connection_id: str, user_id: str, now: datetime, place: CountChange | None = None) -> None:
        """Keeps the connection with its place among the person's open ones, both or neither. Raises CountChanged where
        the place is somebody else's meanwhile."""
        connection = {
            **keys.connection_key(connection_id),
            "user_id": user_id,
            "connected_at": ids.timestamp(now),
            "expires_at": int((now + LIFETIME).timestamp()),
        }
        if not self.items.transact_if(put_write(connection), *([change_write(place)] if place else [])):
            raise CountChanged

    def get(self, connection_id: str) -> Connection | None:
        found = self.items.get(keys.connection_key(connection_id))
        return _from_item(connection_id, found) if found else None

    def subscribe(self, connection: Connection, topic: Topic) -> None:
        """The connection remembers its topics, so that closing it finds every subscription. Raises InvalidRequest for
        more than MOST_TOPICS, NotAuthenticated when the connection has expired."""
        try:
            self.items.update(
                keys.connection_key(connection.connection_id),
                "ADD topics :topic",
                {":topic": {topic.key}, ":one": topic.key, ":most": MOST_TOPICS},
                condition="attribute_exists(pk) AND "
                "(attribute_not_exists(topics) OR contains(topics, :one) OR size(topics) < :most)",
            )
        except ConditionFailed as err:
            if self.get(connection.connection_id) is None:
                raise NotAuthenticated("This connection has expired. Connect again.") from err
            message = f"A connection has at most {MOST_TOPICS} subscriptions: unsubscribe from some first."
            raise InvalidRequest(message, param=topic.kind.value, code="too_many_subscriptions") from err
        subscriber = keys.subscriber_key(topic.key, connection.connection_id)
        self.items.put({**subscriber, "expires_at": connection.expires_at})

    def unsubscribe(self, connection: Connection, topic: Topic) -> None:
        self.items.delete(keys.subscriber_key(topic.key, connection.connection_id))
        with suppress(ConditionFailed):
            self.items.update(
                keys.connection_key(connection.connection_id),
                "DELETE topics :topic",
                {":topic": {topic.key}},
                condition="attribute_exists(pk)",
            )

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
