"""The mailbox in DynamoDB (moto) and its twin: a worker whose session has moved on changes nothing."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from foreverus import ids
from foreverus.aws import keys
from foreverus.sessions.items import session_from_item
from foreverus.sessions.mailbox import DynamoMailbox, LineCount, Mailbox, MailboxSnapshot, MemoryMailbox
from foreverus.sessions.records import Phase, SessionStatus, Task

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SERVING, DRAINING = SessionStatus.SERVING, SessionStatus.DRAINING
AT = ids.timestamp(NOW)
SNAPSHOT = MailboxSnapshot(
    "ses_1", "i-1", SERVING, 1, Task.SERVE, "token", end_requested=True, idle_seconds=60, launched_at=NOW
)


@pytest.fixture(params=["dynamodb", "memory"])
def mailbox(request: pytest.FixtureRequest) -> Mailbox:
    if request.param == "memory":
        return MemoryMailbox(SNAPSHOT)
    items = request.getfixturevalue("aws").items
    record = {
        "instance_id": "i-1",
        "status": "serving",
        "attempt": 1,
        "task": "serve",
        "task_token": "token",
        "end_requested": True,
        "idle_seconds": 60,
        "launched_at": ids.timestamp(NOW),
        "version": 7,
    }
    items.put({**keys.session_key("ses_1"), **record})
    return DynamoMailbox(items)


def test_snapshot_is_read_whole(mailbox: Mailbox) -> None:
    assert mailbox.read("ses_1") == SNAPSHOT
    assert mailbox.read("ses_2") is None
    assert (SNAPSHOT.token(Task.SERVE), SNAPSHOT.token(Task.BOOT)) == ("token", "")


def test_status_changes_only_from_what_was_expected(mailbox: Mailbox) -> None:
    assert mailbox.set_status(SNAPSHOT, DRAINING, SERVING)
    assert not mailbox.set_status(SNAPSHOT, DRAINING, SERVING)
    read = mailbox.read("ses_1")
    assert read and read.status is DRAINING


def test_worker_of_another_instance_changes_nothing(mailbox: Mailbox) -> None:
    stranger = replace(SNAPSHOT, instance_id="i-0")
    assert not mailbox.set_status(stranger, DRAINING, SERVING)
    assert not mailbox.add_phases(stranger, [Phase("booting", AT)])
    assert not mailbox.note_busy(stranger, 3.0)
    assert mailbox.read("ses_1") == SNAPSHOT


def test_rebalance_recommendation_is_noted_for_the_instance_that_got_it(mailbox: Mailbox) -> None:
    assert mailbox.note_rebalance(SNAPSHOT, "2026-01-01T12:00:00Z")
    assert not mailbox.note_rebalance(replace(SNAPSHOT, instance_id="i-0"), "2026-01-01T12:00:00Z")
    assert mailbox.read("ses_1") == SNAPSHOT


def test_phases_are_appended_with_their_attempt(aws: Any) -> None:
    aws.items.put({**keys.session_key("ses_1"), "instance_id": "i-1", "version": 1})
    mailbox = DynamoMailbox(aws.items)
    assert mailbox.add_phases(SNAPSHOT, [Phase("booting", AT), Phase("loading", AT)])
    assert mailbox.add_phases(SNAPSHOT, [Phase("healthy", AT)])
    record = aws.items.get(keys.session_key("ses_1"))
    assert record["phases"] == [
        {"name": name, "at": "2026-01-01T12:00:00.000Z", "attempt": 1} for name in ("booting", "loading", "healthy")
    ]
    assert record["version"] == 3


def test_each_instance_notes_how_long_it_was_busy(aws: Any) -> None:
    aws.items.put({**keys.session_key("ses_1"), "instance_id": "i-1", "version": 1})
    mailbox, second = DynamoMailbox(aws.items), replace(SNAPSHOT, attempt=2)
    assert mailbox.note_busy(SNAPSHOT, 12.3456) and mailbox.note_busy(second, 0.0)
    record = session_from_item(aws.items.get(keys.session_key("ses_1")))
    assert record.busy_seconds == {1: 12.346, 2: 0.0}


def test_record_that_is_only_requested_is_an_empty_snapshot(aws: Any) -> None:
    aws.items.put({**keys.session_key("ses_1"), "status": "requested"})
    assert DynamoMailbox(aws.items).read("ses_1") == MailboxSnapshot("ses_1", status=SessionStatus.REQUESTED)


def test_batch_lines_are_counted_once_each(aws: Any) -> None:
    key = keys.session_key("ses_1")
    aws.items.put({**key, "instance_id": "i-1", "prompt_tokens": 5})
    mailbox, count = DynamoMailbox(aws.items), LineCount(100, 200, 10)
    assert mailbox.count_lines(SNAPSHOT, count, 1)
    assert not mailbox.count_lines(SNAPSHOT, count, 1), "the answer to the first was lost, and it is sent again"
    assert mailbox.count_lines(SNAPSHOT, count, 2)
    assert not mailbox.count_lines(replace(SNAPSHOT, instance_id="i-2"), count, 1)
    aws.items.put({**aws.items.get(key), "instance_id": "i-2"})
    assert mailbox.count_lines(replace(SNAPSHOT, instance_id="i-2"), count, 1), "another instance counts for itself"
    record = aws.items.get(key)
    assert (record["prompt_tokens"], record["completion_tokens"], record["lines_answered"]) == (305, 600, 30)


def test_twin_counts_batch_lines_once_each() -> None:
    mailbox, count = MemoryMailbox(SNAPSHOT), LineCount(100, 200, 10)
    assert mailbox.count_lines(SNAPSHOT, count, 1) and not mailbox.count_lines(SNAPSHOT, count, 1)
    assert not mailbox.count_lines(replace(SNAPSHOT, instance_id="i-2"), count, 2)
    assert mailbox.counted == count
