"""A session's change: what it costs is looked at first, and one watcher's trouble is nobody else's."""

from typing import Any

import pytest

from foreverus.aws import keys
from foreverus.aws.push import MemoryPush
from foreverus.bootstrap.publish_changes import Watchers
from foreverus.handlers import publish_changes
from foreverus.live import changes
from tests.unit.conftest import session_item


class Watching:
    """Stands for the spend guard; `trouble` is raised by it."""

    def __init__(self, order: list[str], trouble: Exception | None = None) -> None:
        self.order, self.trouble = order, trouble

    def __call__(self, sessions: list[Any], spending: object) -> None:
        self.order.append("spend")
        if self.trouble:
            raise self.trouble


class People:
    """Stands for whose copies in PostgreSQL are old."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    def note(self, user_ids: list[str]) -> None:
        self.noted += user_ids


PEOPLE = People()


class Noting(MemoryPush):
    def __init__(self, order: list[str]) -> None:
        super().__init__()
        self.order = order

    def post(self, topic: str, connection_id: str, data: bytes) -> bool:
        self.order.append("push")
        return super().post(topic, connection_id, data)


def change(monkeypatch: pytest.MonkeyPatch, trouble: Exception | None = None) -> tuple[list[str], MemoryPush]:
    order: list[str] = []
    push = Noting(order)
    push.subscribe(keys.session_topic("ses_1"), "c1")
    monkeypatch.setattr(publish_changes, "build", lambda: Watchers(push, None, PEOPLE))  # type: ignore[arg-type]
    monkeypatch.setattr(publish_changes, "watch_all", Watching(order, trouble))
    monkeypatch.setattr(publish_changes, "changed_sessions", lambda event: [SESSION])
    return order, push


SESSION = changes.session_from_item(session_item("ses_1"))


def test_the_spend_guard_is_looked_at_before_anything_is_pushed(monkeypatch: pytest.MonkeyPatch) -> None:
    order, _ = change(monkeypatch)
    assert publish_changes.handler({"Records": []}, None) == {"frames": 1}
    assert order == ["spend", "push"]


def test_a_spend_guard_that_fails_is_asked_again_and_keeps_nobody_from_seeing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream sends what failed again."""
    order, push = change(monkeypatch, ConnectionError("no prices"))
    PEOPLE.noted.clear()
    with pytest.raises(ConnectionError):
        publish_changes.handler({"Records": [{"dynamodb": {"Keys": {"pk": {"S": "MEMORIES#ana"}}}}]}, None)
    assert PEOPLE.noted == ["ana"]
    assert order == ["spend", "push"]
    assert push.frames["c1"][0]["session"]["id"] == "ses_1"


@pytest.mark.parametrize("failures", [1, 3])
def test_broken_watchers_cost_the_others_nothing(failures: int) -> None:
    push = MemoryPush()
    for number in range(5):
        push.subscribe(keys.session_topic("ses_1"), f"c{number}")
    for _ in range(failures):
        push.fail_next(ConnectionError("403"))
    assert changes.publish([SESSION], push) == 5 - failures
