"""WebSocket connections and their subscriptions in DynamoDB.

A subscription counts until `good_until`: GOOD_FOR_S after the last look at what its connection was opened with, and not
beyond the end of that. Who pushes keeps to it (aws/push.py), so that nobody need close what was left open.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta

from foreverus import ids
from foreverus.access.records import Caller
from foreverus.aws import keys, socket_keys
from foreverus.aws.dynamo import ConditionFailed, Item, Table, Values, put_write
from foreverus.errors import InvalidRequest
from foreverus.limits.records import CountChange, CountChanged
from foreverus.limits.store import change_write
from foreverus.live.records import Connection, CredentialEnded, Topic

# The page has three at once. Each is written anew at a renewal, so that this bounds what somebody's pings may cost.
MOST_TOPICS = 50
# API Gateway ends a connection after two hours; what a lost $disconnect leaves behind expires soon after.
LIFETIME = timedelta(hours=2, minutes=10)
# Ten seconds less than the minute after which nobody who was removed gets anything: for what is on its way.
GOOD_FOR_S = 50
RENEWALS_AT_ONCE = 10


class ConnectionStore:
    def __init__(self, items: Table):
        self.items = items

    def open(self, connection_id: str, caller: Caller, now: datetime, place: CountChange | None = None) -> None:
        """Keeps the connection, where those who end a person's access look for it too, with its place among the
        person's open ones: all or nothing. Raises CountChanged where the place is somebody else's meanwhile."""
        known = {"key_id": caller.key_id, "expires_at": int((now + LIFETIME).timestamp())}
        socket = {**socket_keys.socket_key(caller.user_id, connection_id), **known}
        connection = {
            **socket_keys.connection_key(connection_id),
            **known,
            "user_id": caller.user_id,
            "ends_at": caller.ends_at,
            "connected_at": ids.timestamp(now),
            "renewed_at": ids.timestamp(now),
        }
        counted = [change_write(place)] if place else []
        if not self.items.transact_if(put_write(socket), put_write(connection), *counted):
            raise CountChanged

    def get(self, connection_id: str) -> Connection | None:
        found = self.items.get(socket_keys.connection_key(connection_id))
        return _from_item(connection_id, found) if found else None

    def subscribe(self, connection: Connection, topic: Topic, now: datetime) -> None:
        """What the connection was opened with was just looked at. It remembers its topics, so that closing it finds
        every subscription. Raises InvalidRequest for more than MOST_TOPICS, CredentialEnded when it has expired."""
        try:
            self.items.update(
                socket_keys.connection_key(connection.connection_id),
                "ADD topics :topic",
                {":topic": {topic.key}, ":one": topic.key, ":most": MOST_TOPICS},
                condition="attribute_exists(pk) AND "
                "(attribute_not_exists(topics) OR contains(topics, :one) OR size(topics) < :most)",
            )
        except ConditionFailed as err:
            if self.get(connection.connection_id) is None:
                raise CredentialEnded("This connection has expired. Connect again.") from err
            message = f"A connection has at most {MOST_TOPICS} subscriptions: unsubscribe from some first."
            raise InvalidRequest(message, param=topic.kind.value, code="too_many_subscriptions") from err
        subscriber = socket_keys.subscriber_key(topic.key, connection.connection_id)
        until = good_until(connection.caller, now)
        self.items.put({**subscriber, "expires_at": connection.expires_at, "good_until": until})

    def renew(self, connection: Connection, now: datetime) -> None:
        """What the connection was opened with was just looked at: all its subscriptions go on. Raises whatever DynamoDB
        fails with: then the connection is not renewed, so that the next ping, however soon, renews the rest."""
        until = good_until(connection.caller, now)
        with ThreadPoolExecutor(RENEWALS_AT_ONCE) as threads:
            for done in [threads.submit(self._renew, connection, topic, until) for topic in connection.topics]:
                done.result()
        self._change(
            socket_keys.connection_key(connection.connection_id), "SET renewed_at = :at", {":at": ids.timestamp(now)}
        )

    def _renew(self, connection: Connection, topic: str, until: float) -> None:
        key = socket_keys.subscriber_key(topic, connection.connection_id)
        self._change(key, "SET good_until = :until", {":until": until})

    def unsubscribe(self, connection: Connection, topic: Topic) -> None:
        self.items.delete(socket_keys.subscriber_key(topic.key, connection.connection_id))
        self._change(
            socket_keys.connection_key(connection.connection_id), "DELETE topics :topic", {":topic": {topic.key}}
        )

    def close(self, connection_id: str) -> None:
        connection = self.get(connection_id)
        for topic in connection.topics if connection else ():
            self.items.delete(socket_keys.subscriber_key(topic, connection_id))
        if connection:
            self.items.delete(socket_keys.socket_key(connection.caller.user_id, connection_id))
        self.items.delete(socket_keys.connection_key(connection_id))

    def _change(self, key: keys.Key, expression: str, values: Values) -> None:
        """Of what is still there."""
        with suppress(ConditionFailed):
            self.items.update(key, expression, values, condition="attribute_exists(pk)")


def good_until(caller: Caller, now: datetime) -> float:
    """Unix seconds until which a look of `now` counts."""
    until = now.timestamp() + GOOD_FOR_S
    return min(until, datetime.fromisoformat(caller.ends_at).timestamp()) if caller.ends_at else until


def _from_item(connection_id: str, item: Item) -> Connection:
    return Connection(
        connection_id=connection_id,
        caller=Caller(
            user_id=item["user_id"],
            key_id=item.get("key_id", ""),
            can_create_keys=False,
            ends_at=item.get("ends_at", ""),
        ),
        expires_at=item["expires_at"],
        connected_at=item.get("connected_at", ""),
        renewed_at=item.get("renewed_at", ""),
        topics=frozenset(item.get("topics", ())),
    )
