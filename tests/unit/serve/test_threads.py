"""What one process with threads needs, and Lambda's one request at a time did not show."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from foreverus.access.tokens import SigningKeys
from foreverus.aws import lean
from foreverus.aws.push import WebSocketPush
from foreverus.bootstrap import aws
from foreverus.sessions.gpu_state import GpuLook
from foreverus.sessions.records import Session
from tests.unit.access import signing
from tests.unit.conftest import NOW


def test_who_comes_while_the_pools_keys_are_fetched_waits_for_them() -> None:
    """And is not told that their token is bad; they are fetched once."""
    fetching, release, fetched = threading.Event(), threading.Event(), []

    def fetch() -> bytes:
        fetching.set()
        assert release.wait(600)
        fetched.append(1)
        return signing.jwks("a", "b")

    keys = SigningKeys(fetch, lambda: NOW)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(keys.find, "a")
        assert fetching.wait(600)
        others = [threads.submit(keys.find, kid) for kid in ("a", "b", "c")]
        release.set()
        assert first.result(60) is not None
        assert [other.result(60) is not None for other in others] == [True, True, False]
    assert fetched == [1]


def test_clients_are_made_one_after_the_other_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    busy, made = threading.Lock(), []

    def make(service: str, **options: Any) -> object:
        assert busy.acquire(blocking=False), "two at once"
        try:
            made.append(service)
            return object()
        finally:
            busy.release()

    monkeypatch.setattr(boto3, "client", make)
    aws._client.cache_clear()
    services = ["sqs", "lambda", "bedrock-runtime", "apigatewaymanagementapi"] * 8
    monkeypatch.setattr(aws, "trace_calls", lambda client: None)
    monkeypatch.setattr(lean, "keep_host", lambda client: None)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(aws.client, services))
    aws._client.cache_clear()
    assert sorted(made) == sorted(set(services))


class ClearedAtOnce(dict[datetime, list[Session]]):
    """Another thread looks, and clears, in between any two steps of this one."""

    def __setitem__(self, at: datetime, known: list[Session]) -> None:
        self.clear()


def test_what_earlier_boots_took_is_told_whoever_else_looks() -> None:
    class NoSessions:
        live_session_ids: Callable[[], list[str]] = staticmethod(list)

        def get(self, session_id: str) -> None:
            return None

        def newest(self, limit: int, after: str = "") -> list[Session]:
            return []

    look = GpuLook(NoSessions(), [], 8, lambda: NOW, learned=ClearedAtOnce())
    assert look().slots == 0


def test_a_connection_that_is_deaf_is_known_to_every_thread() -> None:
    """It is noted while another thread goes through those that are known: in the same dictionary."""

    class NoItems:
        def query(self, partition: str) -> list[dict[str, Any]]:
            return []

    push = WebSocketPush(None, NoItems(), lambda: NOW)  # type: ignore[arg-type]
    known, now = push._deaf, NOW.timestamp()
    known |= {"over": now - 1, "deaf": now + 9}
    assert push.subscribers("conversation#c") == []
    assert push._deaf is known and known == {"deaf": now + 9}
