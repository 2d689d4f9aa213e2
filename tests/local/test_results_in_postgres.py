"""What sessions and deletions do in a real PostgreSQL, through the Data API."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foreverus import text
from foreverus.aws import data_api
from foreverus.conversations.records import Answer, AnswerStatus, Conversation, Question
from foreverus.privacy.history import erase_history
from foreverus.results import migrations, rows
from foreverus.results.erasing import erase_conversation
from foreverus.results.writing import RowWriter
from local.emulator import Emulator
from tests.local.test_rds_data_api import Database

pytestmark = pytest.mark.cloud

AT = "2026-01-01T00:01:00.000Z"
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def postgres(emulator: Emulator) -> Iterator[data_api.Database]:
    found = Database(emulator)
    database = data_api.Database(found.api, found.place["resourceArn"], found.place["secretArn"], found.name)
    assert {"004_erased_conversations", "006_erased_people"} <= set(migrations.migrate(database))
    yield database


def count(database: data_api.Database, table: str, conversation_id: str) -> int:
    sql = f"SELECT count(*) FROM {table} WHERE conversation_id = :id"
    return int(database.execute(sql, {"id": conversation_id})[0][0])


def store(database: data_api.Database, conversation_id: str, *contents: str, title: str = "") -> RowWriter:
    """Each content as a question and as its answer."""
    to, user = RowWriter(database), f"user of {conversation_id}"
    conversation = Conversation(
        conversation_id=conversation_id, user_id=user, title=title, created_at=AT, updated_at=AT
    )
    exchanges: list[rows.Row] = []
    for number, content in enumerate(contents):
        named: dict[str, Any] = {"message_id": f"msg_{conversation_id}_{number}", "conversation_id": conversation_id}
        question = Question(**named, user_id=user, content=content, created_at=AT)
        exchanges += rows.message_rows(question, Answer(**named, status=AnswerStatus.ANSWERED, content=content))
    to.write("users", "user_id", [{"user_id": user}])
    to.write("conversations", "conversation_id", [rows.conversation_row(conversation)])
    to.write("messages", "message_id", exchanges)
    return to


def contents(database: data_api.Database, conversation_id: str) -> list[str]:
    sql = "SELECT content FROM messages WHERE conversation_id = :id AND role = 'user' ORDER BY message_id"
    return [row[0] for row in database.execute(sql, {"id": conversation_id})]


def test_text_of_every_alphabet_arrives(postgres: data_api.Database) -> None:
    asked = ["pasted\0from a pdf", "Hello", "oi \ud83d", "\0\0", "😀 \ufffe", "", "it's :not %s \\0", "\x01\x7f\u2028"]
    assert store(postgres, "conv_alphabets", *asked, title="a\0title \udc00").refused == []
    assert contents(postgres, "conv_alphabets") == [text.for_postgresql(one) for one in asked]
    assert contents(postgres, "conv_alphabets")[0] == "pasted\ufffdfrom a pdf"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=())))
def test_any_text_goes_in_and_comes_out_as_documented(postgres: data_api.Database, content: str) -> None:
    assert store(postgres, "conv_any", content, "a neighbour").refused == []
    assert contents(postgres, "conv_any") == [text.for_postgresql(content), "a neighbour"]


def test_a_row_that_is_refused_takes_nobody_with_it(postgres: data_api.Database) -> None:
    store(postgres, "conv_refused", "first")
    to = RowWriter(postgres)
    good = {"message_id": "msg_good", "conversation_id": "conv_refused", "role": "user", "content": "kept"}
    good |= {"status": "accepted", "error": None, "session_id": None, "created_at": rows.required_time(AT)}
    bad: list[dict[str, object]] = [
        {**good, "message_id": "msg_bad_1", "role": "nobody's"},  # a CHECK
        {**good, "message_id": "msg_bad_2", "conversation_id": "conv_unknown"},  # a foreign key
        {**good, "message_id": "msg_bad_3", "content": None},  # NOT NULL
    ]
    to.write("messages", "message_id", [bad[0], good, bad[1], {**good, "message_id": "msg_good_2"}, bad[2]])
    assert {row.key for row in to.refused} == {"msg_bad_1", "msg_bad_2", "msg_bad_3"}
    assert all("SQLState 23" in row.error for row in to.refused)
    assert contents(postgres, "conv_refused").count("kept") == 2


@pytest.mark.parametrize("when", ["before", "after", "twice"])
def test_a_deleted_conversation_is_not_there_whenever_it_is_deleted(postgres: data_api.Database, when: str) -> None:
    deleted, kept = f"conv_deleted_{when}", f"conv_kept_{when}"
    store(postgres, kept, "stays")
    if when != "before":
        store(postgres, deleted, "a secret", title="secret")
        assert count(postgres, "messages", deleted) == 2
    erase_conversation(postgres, deleted)
    if when == "twice":
        erase_conversation(postgres, deleted)
    assert store(postgres, deleted, "a secret", title="secret").refused == []  # a store that read before the deletion
    assert count(postgres, "conversations", deleted) == count(postgres, "messages", deleted) == 0
    assert contents(postgres, kept) == ["stays"]


def test_a_store_that_runs_while_it_is_deleted_waits_and_writes_nothing(postgres: data_api.Database) -> None:
    deleting = data_api.Database(
        postgres.client, postgres.target["resourceArn"], postgres.target["secretArn"], postgres.target["database"]
    )
    writing = threading.Thread(target=store, args=(postgres, "conv_while", "a secret"))
    with deleting.transaction():
        whose = {"id": "conv_while"}
        deleting.execute("SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(:id, 0))", whose)
        deleting.execute("INSERT INTO erased_conversations (conversation_id) VALUES (:id)", whose)
        writing.start()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        deadline = time.monotonic() + 30
        while postgres.execute(waiting) != [[1]]:
            assert time.monotonic() < deadline
        deleting.execute("DELETE FROM conversations WHERE conversation_id = :id", whose)
    writing.join(30)
    assert count(postgres, "conversations", "conv_while") == count(postgres, "messages", "conv_while") == 0


def session_of(database: data_api.Database, session_id: str, owner: str) -> None:
    row = {"session_id": session_id, "owner": owner, "trigger": "page", "outcome": "idle", "attempts": 1}
    RowWriter(database).write("sessions", "session_id", [{**row, "created_at": MOMENT, "ended_at": MOMENT}])


def usage_of(database: data_api.Database, session_id: str, user_id: str) -> None:
    row = {"message_id": f"ans_{user_id}", "user_id": user_id, "session_id": session_id, "answered_at": MOMENT}
    RowWriter(database).write("usage", "message_id", [{**row, "prompt_tokens": 1, "completion_tokens": 2}])


@pytest.mark.parametrize("when", ["before", "after", "twice"])
def test_a_person_who_has_left_is_in_no_table_whenever_they_leave(postgres: data_api.Database, when: str) -> None:
    """`before`: the store reads, the person is erased, and the store writes what it has read."""
    gone, kept = f"conv_left_{when}", f"conv_stays_{when}"
    user = f"user of {gone}"

    def write(conversation_id: str) -> None:
        session_of(postgres, f"ses_{conversation_id}", f"user of {conversation_id}")
        store(postgres, conversation_id, "a secret", title="a secret")
        usage_of(postgres, f"ses_{conversation_id}", f"user of {conversation_id}")

    write(kept)
    if when != "before":
        write(gone)
    counts = erase_history(postgres, user)
    assert counts == dict.fromkeys(counts, 0) if when == "before" else counts["messages"] == 2
    if when == "twice":
        assert set(erase_history(postgres, user).values()) == {0}
    write(gone)
    everything = [
        str(row)
        for (table,) in postgres.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        for row in postgres.execute(f"SELECT t::text FROM {table} t")
    ]
    assert not [row for row in everything if user in row or (gone in row and "secret" in row)]
    assert [row for row in everything if f"ses_{gone}" in row and "erased" in row], "the session stays, nobody's"
    assert contents(postgres, kept) == ["a secret"]
    assert postgres.execute("SELECT owner FROM sessions WHERE session_id = :id", {"id": f"ses_{kept}"}) == [
        [f"user of {kept}"]
    ]
