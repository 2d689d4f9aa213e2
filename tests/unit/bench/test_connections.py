"""A bench's frames go to the connection of the person who waits for them."""

from datetime import timedelta

import pytest

from bench.connections import listener
from foreverus.access.records import Caller
from foreverus.live.connections import ConnectionStore
from foreverus.live.records import Topic, TopicKind
from tests.unit.conftest import NOW, Aws


@pytest.mark.parametrize(("own", "line"), [("a", "b"), ("b", "a")])
def test_a_relays_line_of_the_same_person_is_not_taken_for_theirs(aws: Aws, own: str, line: str) -> None:
    """Whichever id sorts first, and whichever was opened last."""
    store, caller = ConnectionStore(aws.items), Caller(user_id="user-1")
    topics = {own: Topic(TopicKind.CONVERSATION, "conv_1"), line: Topic(TopicKind.RELAY, "relay_1", "user-1")}
    for connection_id in (own, line):
        store.open(connection_id, caller, NOW + timedelta(seconds=connection_id == line))
        opened = store.get(connection_id)
        assert opened
        store.subscribe(opened, topics[connection_id], NOW)
    assert listener(aws.items.client, aws.items.name, "conv_1") == own
