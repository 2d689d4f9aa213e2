"""Connections in DynamoDB: what they subscribed to ends with them, and items that are stored today are read."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from foreverus import ids
from foreverus.access.records import Caller
from foreverus.aws import keys, socket_keys
from foreverus.errors import InvalidRequest
from foreverus.limits.person import PersonLimits
from foreverus.limits.records import CountChanged, Kind, PersonCaps
from foreverus.limits.store import CountStore
from foreverus.live.connections import GOOD_FOR_S, LIFETIME, MOST_TOPICS, ConnectionStore
from foreverus.live.frames import LOOK_EVERY_S
from foreverus.live.records import Connection, CredentialEnded, Topic, TopicKind
from tests.template.template import template
from tests.unit.conftest import NOW, Aws

SESSION = Topic(TopicKind.SESSION, "ses_1")
ANA = Caller(user_id="ana", key_id="key_1", can_create_keys=False)
CONVERSATION = Topic(TopicKind.CONVERSATION, "conv_1")


def opened(store: ConnectionStore) -> Connection:
    store.open("c1", ANA, NOW)
    found = store.get("c1")
    assert found
    return found


def test_an_open_connection_is_its_users_and_expires(aws: Aws) -> None:
    connection = opened(ConnectionStore(aws.items))
    assert (connection.caller.user_id, connection.connected_at) == ("ana", ids.timestamp(NOW))
    assert connection.expires_at == int((NOW + timedelta(hours=2, minutes=10)).timestamp())
    assert ConnectionStore(aws.items).get("c2") is None


def test_a_connection_is_kept_with_its_place_or_not_at_all(aws: Aws) -> None:
    store, counts = ConnectionStore(aws.items), CountStore(aws.items)
    limits = PersonLimits(counts, PersonCaps(open_sockets=1), lambda: NOW)
    place = limits.socket("ana", "c1", NOW + LIFETIME, list)
    store.open("c1", ANA, NOW, place)
    with pytest.raises(CountChanged):
        store.open("c2", ANA, NOW, replace(place, after=replace(place.after, held={"c2": 1})))
    assert store.get("c2") is None and counts.read("ana", Kind.SOCKETS).held.keys() == {"c1"}


def test_closing_a_connection_ends_every_subscription(aws: Aws) -> None:
    store = ConnectionStore(aws.items)
    connection = opened(store)
    for topic in (SESSION, CONVERSATION):
        store.subscribe(connection, topic, NOW)
        (subscriber,) = aws.items.query(socket_keys.subscribers_partition(topic.key))
        assert (subscriber["sk"], subscriber["expires_at"]) == ("c1", connection.expires_at)
    assert (store.get("c1") or connection).topics == {"SESSION#ses_1", "CONVERSATION#conv_1"}
    store.close("c1")
    assert store.get("c1") is None
    assert [list(aws.items.query(socket_keys.subscribers_partition(one.key))) for one in (SESSION, CONVERSATION)] == [
        [],
        [],
    ]


def test_who_unsubscribes_is_no_subscriber(aws: Aws) -> None:
    store = ConnectionStore(aws.items)
    connection = opened(store)
    store.subscribe(connection, SESSION, NOW)
    store.unsubscribe(connection, SESSION)
    assert list(aws.items.query(socket_keys.subscribers_partition(SESSION.key))) == []


def test_a_connection_that_is_closed_twice_is_closed(aws: Aws) -> None:
    store = ConnectionStore(aws.items)
    opened(store)
    store.close("c1")
    store.close("c1")
    assert store.get("c1") is None


def test_items_of_older_and_newer_versions_are_read(aws: Aws) -> None:
    aws.put(pk="CONNECTION#old", sk="CONNECTION", user_id="ana", expires_at=1_767_300_000)
    aws.put(
        pk="CONNECTION#new",
        sk="CONNECTION",
        user_id="bia",
        key_id="key_2",
        ends_at="2026-01-01T12:15:00.000Z",
        expires_at=1_767_300_000,
        connected_at="2026-01-01T12:00:00.000Z",
        renewed_at="2026-01-01T12:00:30.000Z",
        topics={"SESSION#ses_1"},
        language="pt",
    )
    store = ConnectionStore(aws.items)
    assert store.get("old") == Connection(
        connection_id="old", caller=Caller(user_id="ana", can_create_keys=False), expires_at=1_767_300_000
    )
    assert store.get("new") == Connection(
        connection_id="new",
        caller=Caller(user_id="bia", key_id="key_2", can_create_keys=False, ends_at="2026-01-01T12:15:00.000Z"),
        expires_at=1_767_300_000,
        connected_at="2026-01-01T12:00:00.000Z",
        renewed_at="2026-01-01T12:00:30.000Z",
        topics=frozenset({"SESSION#ses_1"}),
    )


def test_a_connection_has_so_many_subscriptions_and_no_more(aws: Aws) -> None:
    store = ConnectionStore(aws.items)
    connection = opened(store)
    kept = {f"SESSION#ses_other_{n}" for n in range(MOST_TOPICS - 1)}
    aws.put(**socket_keys.connection_key("c1"), user_id="ana", expires_at=connection.expires_at, topics=kept)
    store.subscribe(connection, CONVERSATION, NOW)
    store.subscribe(connection, CONVERSATION, NOW)  # again changes nothing
    with pytest.raises(InvalidRequest) as caught:
        store.subscribe(connection, SESSION, NOW)
    assert (caught.value.param, caught.value.reason) == ("session_id", "too_many_subscriptions")
    assert list(aws.items.query(socket_keys.subscribers_partition(SESSION.key))) == []
    store.unsubscribe(connection, CONVERSATION)
    store.subscribe(connection, SESSION, NOW)


def test_a_persons_pings_cost_little_however_many_they_send() -> None:
    """All their sockets full, all renewed as often as may be: on-demand writes at US$ 0.625 a million, in the dearest
    Region (São Paulo) half as much again."""
    sockets = int(template()["Parameters"]["PersonOpenSockets"]["Default"])
    writes_an_hour = sockets * (MOST_TOPICS + 1) * 3600 / LOOK_EVERY_S
    assert writes_an_hour * 0.95e-6 < 0.25


def test_who_comes_and_goes_among_many_conversations_is_never_full(aws: Aws) -> None:
    store = ConnectionStore(aws.items)
    connection = opened(store)
    for n in range(20):
        topic = Topic(TopicKind.CONVERSATION, f"conv_{n}")
        store.subscribe(connection, topic, NOW)
        store.unsubscribe(connection, topic)
    assert (store.get("c1") or connection).topics == frozenset()


def test_a_connection_that_has_expired_subscribes_to_nothing(aws: Aws) -> None:
    store = ConnectionStore(aws.items)
    connection = opened(store)
    store.close("c1")
    with pytest.raises(CredentialEnded):
        store.subscribe(connection, SESSION, NOW)
    store.unsubscribe(connection, SESSION)
    assert store.get("c1") is None


def good_until(aws: Aws, topic: Topic) -> float:
    (subscriber,) = aws.items.query(socket_keys.subscribers_partition(topic.key))
    return float(subscriber["good_until"])


def test_a_subscription_counts_for_fifty_seconds_after_a_look(aws: Aws) -> None:
    store = ConnectionStore(aws.items)
    connection = opened(store)
    store.subscribe(connection, SESSION, NOW)
    store.subscribe(connection, CONVERSATION, NOW + timedelta(seconds=20))
    assert good_until(aws, SESSION) == NOW.timestamp() + GOOD_FOR_S
    assert good_until(aws, CONVERSATION) == NOW.timestamp() + 20 + GOOD_FOR_S
    later = NOW + timedelta(seconds=45)
    store.renew(store.get("c1") or connection, later)
    assert good_until(aws, SESSION) == good_until(aws, CONVERSATION) == later.timestamp() + GOOD_FOR_S
    assert (store.get("c1") or connection).renewed_at == ids.timestamp(later)


def test_no_subscription_counts_beyond_the_end_of_what_opened_it(aws: Aws) -> None:
    store = ConnectionStore(aws.items)
    over = NOW + timedelta(seconds=30)
    store.open("c1", Caller(user_id="ana", ends_at=ids.timestamp(over)), NOW)
    connection = store.get("c1")
    assert connection
    store.subscribe(connection, SESSION, NOW)
    assert good_until(aws, SESSION) == over.timestamp()
    store.renew(store.get("c1") or connection, NOW + timedelta(seconds=20))
    assert good_until(aws, SESSION) == over.timestamp()


@pytest.mark.parametrize("broken", [SESSION, CONVERSATION])
def test_a_renewal_that_fails_in_part_is_none_and_is_made_good_by_the_next(
    aws: Aws, broken: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ping within 15 s of a renewal renews nothing: one that only seemed to be one would cost its topics 40 s."""
    store = ConnectionStore(aws.items)
    whole = opened(store)
    for topic in (SESSION, CONVERSATION):
        store.subscribe(whole, topic, NOW)
    update, later = aws.items.update, NOW + timedelta(seconds=45)

    def failing(key: keys.Key, *given: Any, **named: Any) -> Any:
        if key == socket_keys.subscriber_key(broken.key, "c1"):
            raise ConnectionError("no answer")
        return update(key, *given, **named)

    connection = store.get("c1")
    assert connection
    with monkeypatch.context() as change:
        change.setattr(aws.items, "update", failing)
        with pytest.raises(ConnectionError):
            store.renew(connection, later)
    assert (store.get("c1") or connection).renewed_at == ids.timestamp(NOW)
    store.renew(connection, later)
    assert good_until(aws, SESSION) == good_until(aws, CONVERSATION) == later.timestamp() + GOOD_FOR_S
    assert (store.get("c1") or connection).renewed_at == ids.timestamp(later)


def test_renewing_brings_nothing_back_that_was_closed(aws: Aws) -> None:
    store = ConnectionStore(aws.items)
    store.subscribe(opened(store), SESSION, NOW)
    before = store.get("c1")
    assert before
    store.close("c1")
    store.renew(before, NOW)
    assert store.get("c1") is None
    assert list(aws.items.query(socket_keys.subscribers_partition(SESSION.key))) == []


def test_a_persons_open_connections_are_found_by_who_they_are(aws: Aws) -> None:
    store = ConnectionStore(aws.items)
    opened(store)
    (found,) = aws.items.query(socket_keys.sockets_partition("ana"))
    assert (found["sk"], found["key_id"]) == ("c1", "key_1")
    store.close("c1")
    assert list(aws.items.query(socket_keys.sockets_partition("ana"))) == []
