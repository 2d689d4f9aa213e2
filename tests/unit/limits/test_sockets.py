"""WebSocket connections of one person, through the handler: as many as they may have, whatever end was lost."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from foreverus import bootstrap
from foreverus.aws import socket_keys
from foreverus.aws.push import MemoryPush
from foreverus.handlers import websocket
from foreverus.limits.records import Kind
from foreverus.limits.store import CountStore
from tests.unit.conftest import Aws, Clock

MOST = 3  # tests/unit/conftest.py


@pytest.fixture
def push(aws: Aws, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryPush]:
    made = MemoryPush()
    monkeypatch.setattr(bootstrap.aws, "push", lambda: made)
    yield made


def socket(route: str, connection_id: str, user_id: str = "ana") -> dict[str, Any]:
    request = {"routeKey": route, "connectionId": connection_id, "authorizer": {"user_id": user_id}}
    return websocket.handler({"requestContext": request}, None)


def connect(connection_id: str, user_id: str = "ana") -> int:
    return int(socket("$connect", connection_id, user_id)["statusCode"])


def test_one_more_than_a_person_may_have_is_refused_and_not_kept(aws: Aws, push: MemoryPush) -> None:
    assert [connect(f"c{number}") for number in range(MOST + 1)] == [200] * MOST + [429]
    refused = socket("$connect", "c9")
    assert "too_many_connections" in refused["body"] and refused["headers"]["x-should-retry"] == "false"
    assert int(refused["headers"]["Retry-After"]) == 130 * 60, "two hours and ten minutes"
    assert aws.items.get(socket_keys.connection_key("c9")) is None
    assert connect("b1", "bia") == 200
    socket("$disconnect", "c1")
    assert (connect("c10"), connect("c11")) == (200, 429)


def test_a_lost_disconnect_takes_nobodys_place(push: MemoryPush, clock: Clock) -> None:
    for number in range(MOST):
        assert connect(f"c{number}") == 200
    push.gone.add("c0")
    assert connect("new") == 429, "API Gateway does not know what it is just accepting"
    clock.now += timedelta(seconds=31)
    assert connect("new") == 200
    assert connect("another") == 429


def test_waiting_as_long_as_it_says_works(push: MemoryPush, clock: Clock) -> None:
    for number in range(MOST):
        assert connect(f"c{number}") == 200
        clock.now += timedelta(minutes=10)
    after = int(socket("$connect", "new")["headers"]["Retry-After"])
    clock.now += timedelta(seconds=after - 1)
    assert connect("new") == 429
    clock.now += timedelta(seconds=1)
    assert connect("new") == 200


def test_a_connect_that_comes_between_is_seen(aws: Aws, push: MemoryPush, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another connection of the same person opens between this one's look and its write, each time but the last."""
    real, others = CountStore.read, iter(["x0", "x1"])

    def overtaken(self: CountStore, user_id: str, kind: Kind) -> Any:
        count = real(self, user_id, kind)
        if other := next(others, ""):
            assert connect(other) == 200
        return count

    monkeypatch.setattr(CountStore, "read", overtaken)
    assert Counter(connect(f"c{number}") for number in range(2)) == {200: 1, 429: 1}
    monkeypatch.undo()
    assert len(real(CountStore(aws.items), "ana", Kind.SOCKETS).held) == MOST
