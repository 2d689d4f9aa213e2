"""What sessions and deletions do in a real PostgreSQL, through the Data API."""

import json
import threading
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foreverus import text
from foreverus.aws import data_api
from foreverus.conversations.records import Answer, AnswerStatus, Conversation, Question
from foreverus.costs.receipt import Receipt
from foreverus.privacy.history import erase_history
from foreverus.results import migrations, rows
from foreverus.results.erasing import erase_conversation, erase_exchange
from foreverus.results.logins import Login, let_in
from foreverus.results.setup import DatabaseSetup
from foreverus.results.writing import RowWriter
from foreverus.sessions.records import Session
from local.emulator import Emulator
from tests.cloud import unique
from tests.local.test_rds_data_api import Database

pytestmark = pytest.mark.cloud

AT = "2026-01-01T00:01:00.000Z"
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


LOGINS: dict[str, str] = {}  # role → the ARN of its secret


@pytest.fixture(scope="module")
def postgres(emulator: Emulator) -> data_api.Database:
    """As its owner, set up as a deployment sets it up: the roles have their logins."""
    found = Database(emulator)
    database = data_api.Database(found.api, found.place["resourceArn"], found.place["secretArn"], found.name)
    logins = [Login(role, f"the password of {role}") for role in (migrations.RESULTS_ROLE, migrations.ERASER_ROLE)]
    for login in logins:
        secret = json.dumps({"username": login.role, "password": login.password})
        kept = emulator.client("secretsmanager").create_secret(Name=unique(login.role), SecretString=secret)
        LOGINS[login.role] = kept["ARN"]
    setup = DatabaseSetup(lambda: nullcontext(database), lambda: logins)
    assert setup.run() == sorted(migrations.available())
    assert setup.run() == [], "a second deployment sets the logins again, and nothing else"
    return database


def logged_in(postgres: data_api.Database, role: str) -> data_api.Database:
    target = postgres.target
    return data_api.Database(postgres.client, target["resourceArn"], LOGINS[role], target["database"])


def as_results(postgres: data_api.Database) -> data_api.Database:
    """What StoreResultsFunction has."""
    return logged_in(postgres, migrations.RESULTS_ROLE)


def as_eraser(postgres: data_api.Database) -> data_api.Database:
    """What ErasePeopleFunction has while it erases."""
    return logged_in(postgres, migrations.ERASER_ROLE)


def count(database: data_api.Database, table: str, conversation_id: str) -> int:
    sql = f"SELECT count(*) FROM {table} WHERE conversation_id = :id"
    return int(database.execute(sql, {"id": conversation_id})[0][0])


def store(database: data_api.Database, conversation_id: str, *contents: str, title: str = "") -> RowWriter:
    """Each content as a question and as its answer."""
    to, user = RowWriter(as_results(database)), user_of(conversation_id)
    conversation = Conversation(
        conversation_id=conversation_id, user_id=user, title=title, created_at=AT, updated_at=AT
    )
    exchanges: list[rows.Row] = []
    for number, content in enumerate(contents):
        named: dict[str, Any] = {"message_id": f"msg_{conversation_id}_{number}", "conversation_id": conversation_id}
        question = Question(**named, user_id=user, content=content, created_at=AT)
        exchanges += rows.message_rows(question, Answer(**named, status=AnswerStatus.ANSWERED, content=content))
    to.write("users", "user_id", [{"user_id": user}], user)
    to.write("conversations", "conversation_id", [rows.conversation_row(conversation)], user)
    to.write("messages", "message_id", exchanges, user)
    return to


def user_of(conversation_id: str) -> str:
    return f"user of {conversation_id}"


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
    to = RowWriter(as_results(postgres))
    good = {"message_id": "msg_good", "conversation_id": "conv_refused", "role": "user", "content": "kept"}
    good |= {"status": "accepted", "error": None, "session_id": None, "created_at": rows.required_time(AT)}
    bad: list[dict[str, object]] = [
        {**good, "message_id": "msg_bad_1", "role": "nobody's"},  # a CHECK
        {**good, "message_id": "msg_bad_2", "conversation_id": "conv_unknown"},  # a foreign key
        {**good, "message_id": "msg_bad_3", "content": None},  # NOT NULL
    ]
    to.write(
        "messages",
        "message_id",
        [bad[0], good, bad[1], {**good, "message_id": "msg_good_2"}, bad[2]],
        user_of("conv_refused"),
    )
    assert {row.key for row in to.refused} == {"msg_bad_1", "msg_bad_2", "msg_bad_3"}
    assert all("SQLState 23" in row.error for row in to.refused)
    assert contents(postgres, "conv_refused").count("kept") == 2


def test_a_receipt_is_kept_with_what_was_idle_and_what_is_not_known(postgres: data_api.Database) -> None:
    to = RowWriter(as_results(postgres))
    for session_id, figures in (("ses_known", (240.5, 300.25, 0.041, 0.002, 24.14)), ("ses_unknown", (None,) * 5)):
        session = Session(session_id=session_id, created_at=AT, ended_at=AT)
        names = ("boot_seconds", "idle_seconds", "idle_usd", "if_bedrock_usd", "always_on_day_usd")
        said = dict(zip(names, figures, strict=True))
        bill = Receipt(session_id=session_id, terminated_at=AT, storage_usd=0.0, address_usd=0.0, **said)
        to.write("sessions", "session_id", [rows.session_row(session)])
        to.write("receipts", "session_id", [rows.receipt_row(bill)])
        sql = f"SELECT {', '.join(names)} FROM receipts WHERE session_id = :id"
        found = postgres.execute(sql, {"id": session_id})
        assert [None if one is None else float(one) for one in found[0]] == list(figures)
    assert to.refused == []


@pytest.mark.parametrize("when", ["before", "after", "twice"])
def test_a_deleted_conversation_is_not_there_whenever_it_is_deleted(postgres: data_api.Database, when: str) -> None:
    deleted, kept = f"conv_deleted_{when}", f"conv_kept_{when}"
    store(postgres, kept, "stays")
    if when != "before":
        store(postgres, deleted, "a secret", title="secret")
        assert count(postgres, "messages", deleted) == 2
    erase_conversation(as_results(postgres), deleted, user_of(deleted))
    if when == "twice":
        erase_conversation(as_results(postgres), deleted, user_of(deleted))
    assert store(postgres, deleted, "a secret", title="secret").refused == []  # a store that read before the deletion
    assert count(postgres, "conversations", deleted) == count(postgres, "messages", deleted) == 0
    assert contents(postgres, kept) == ["stays"]


@pytest.mark.parametrize("when", ["before", "after", "twice"])
def test_a_deleted_exchange_is_not_there_whenever_it_is_deleted(postgres: data_api.Database, when: str) -> None:
    conversation_id = f"conv_exchange_{when}"
    if when == "before":
        store(postgres, conversation_id)
    else:
        store(postgres, conversation_id, "a secret", "stays")
    for _ in range(2 if when == "twice" else 1):
        erase_exchange(as_results(postgres), conversation_id, f"msg_{conversation_id}_0", user_of(conversation_id))
    assert store(postgres, conversation_id, "a secret", "stays").refused == []  # a store that read before the deletion
    assert contents(postgres, conversation_id) == ["stays"]


def test_somebody_elses_exchange_stays(postgres: data_api.Database) -> None:
    store(postgres, "conv_exchange_mine", "stays")
    erase_exchange(as_results(postgres), "conv_exchange_mine", "msg_conv_exchange_mine_0", "somebody else")
    assert contents(postgres, "conv_exchange_mine") == ["stays"]


def test_a_store_that_runs_while_it_is_deleted_waits_and_writes_nothing(postgres: data_api.Database) -> None:
    deleting = as_results(postgres)
    writing = threading.Thread(target=store, args=(postgres, "conv_while", "a secret"))
    with deleting.transaction(user_of("conv_while")):
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
    RowWriter(as_results(database)).write("sessions", "session_id", [{**row, "created_at": MOMENT, "ended_at": MOMENT}])


def usage_of(database: data_api.Database, session_id: str, user_id: str) -> None:
    row = {"message_id": f"ans_{user_id}", "user_id": user_id, "session_id": session_id, "answered_at": MOMENT}
    counted = {**row, "prompt_tokens": 1, "completion_tokens": 2}
    RowWriter(as_results(database)).write("usage", "message_id", [counted], user_id)


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
    counts = erase_history(as_eraser(postgres), user)
    assert counts == dict.fromkeys(counts, 0) if when == "before" else counts["messages"] == 2
    if when == "twice":
        assert set(erase_history(as_eraser(postgres), user).values()) == {0}
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


# ---- Rows of people ----

MINE, THEIRS = "conv_mine", "conv_theirs"
AS_ME = user_of(MINE)


def refusal(database: data_api.Database, sql: str, of: str, **values: object) -> str:
    with pytest.raises(ClientError) as refused, database.transaction(of):
        database.execute(sql, values)
    return str(refused.value)


@pytest.fixture(scope="module")
def two_people(postgres: data_api.Database) -> data_api.Database:
    """As the function that keeps results: what two people have is there."""
    for conversation_id in (MINE, THEIRS):
        assert store(postgres, conversation_id, "a secret", title="secret").refused == []
    return as_results(postgres)


@pytest.mark.parametrize("role", [migrations.RESULTS_ROLE, migrations.ERASER_ROLE])
def test_who_logs_in_is_that_role_and_gets_to_be_no_other(
    postgres: data_api.Database, two_people: data_api.Database, role: str
) -> None:
    me = logged_in(postgres, role)
    rights = "rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
    mine = f"SELECT session_user, current_user, {rights} FROM pg_roles WHERE rolname = current_user"  # ours
    assert me.execute(mine) == [[role, role, *[False] * 5]]
    everybody = [row[0] for row in postgres.execute("SELECT rolname FROM pg_roles")]
    owner = postgres.execute("SELECT current_user")[0][0]
    assert owner in everybody
    for other in set(everybody) - {role}:
        for sql in (f'SET ROLE "{other}"', f'SET SESSION AUTHORIZATION "{other}"'):
            assert "SQLState: 42501" in refusal(me, sql, ""), sql
        assert "SQLState: 42501" in refusal(me, "SELECT set_config('role', :other, false)", "", other=other)
    for sql in ("RESET ROLE", "SET ROLE NONE", "RESET SESSION AUTHORIZATION", "SET row_security = off"):
        with me.transaction():
            me.execute(sql)
            assert me.execute("SELECT current_user") == [[role]]
            if "row_security" not in sql:
                assert me.execute("SELECT * FROM conversations") == []
    # With row security off PostgreSQL says so instead of showing less.
    with pytest.raises(ClientError, match="42501"), me.transaction():
        me.execute("SET row_security = off")
        me.execute("SELECT * FROM conversations")


@pytest.mark.parametrize("role", [migrations.RESULTS_ROLE, migrations.ERASER_ROLE])
@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE mine (a int)",
        "CREATE TEMPORARY TABLE mine (a int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$",
        "ALTER TABLE messages ADD COLUMN mine int",
        "ALTER TABLE conversations DISABLE ROW LEVEL SECURITY",
        "DROP POLICY own_rows ON conversations",
        "DROP TABLE receipts",
        "TRUNCATE usage",
        "CREATE ROLE another",
        "GRANT foreverus_results TO foreverus_eraser",
        "ALTER ROLE foreverus_eraser BYPASSRLS",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY conversations TO PROGRAM 'cat'",
        "SELECT rolpassword FROM pg_authid",
    ],
)
def test_who_logs_in_changes_nothing_of_the_databases_shape(
    postgres: data_api.Database, two_people: data_api.Database, role: str, sql: str
) -> None:
    assert "SQLState: 42501" in refusal(logged_in(postgres, role), sql, AS_ME)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO users (user_id) VALUES ('user of conv_mine')",
        "UPDATE conversations SET title = 'x'",
        "UPDATE messages SET content = 'x'",
        "DELETE FROM erased_exchanges",
        "SELECT error FROM sessions",
        "UPDATE sessions SET outcome = 'x'",
        "DELETE FROM sessions",
        "SELECT * FROM receipts",
        "DELETE FROM erased_people",
        "UPDATE erased_people SET erased_at = now()",
        "INSERT INTO erased_conversations (conversation_id) VALUES ('x')",
        "SELECT * FROM migrations",
    ],
)
def test_who_erases_people_has_no_other_rights(
    postgres: data_api.Database, two_people: data_api.Database, sql: str
) -> None:
    assert "SQLState: 42501" in refusal(as_eraser(postgres), sql, AS_ME)


@pytest.mark.parametrize("table", ["users", "conversations", "messages", "usage", "batches"])
def test_who_erases_one_person_sees_and_deletes_nothing_of_another(
    postgres: data_api.Database, two_people: data_api.Database, table: str
) -> None:
    me = as_eraser(postgres)
    for of in (user_of("conv_of_nobody"), ""):
        with me.transaction(of):
            assert me.execute(f"SELECT * FROM {table}") == []
            if table != "messages":
                assert me.execute(f"DELETE FROM {table} RETURNING 1") == []
    assert contents(postgres, THEIRS) == contents(postgres, MINE) == ["a secret"]


def test_an_older_password_opens_nothing(postgres: data_api.Database) -> None:
    try:
        let_in(postgres, Login(migrations.ERASER_ROLE, "another"))
        with pytest.raises(ClientError, match="28P01"):
            as_eraser(postgres).execute("SELECT 1")
    finally:
        let_in(postgres, Login(migrations.ERASER_ROLE, f"the password of {migrations.ERASER_ROLE}"))
    assert as_eraser(postgres).execute("SELECT 1") == [[1]]


@pytest.mark.parametrize("table", ["users", "conversations", "messages", "usage", "batches"])
def test_who_acts_for_one_person_sees_no_row_of_another(two_people: data_api.Database, table: str) -> None:
    for of, users in ((AS_ME, [[AS_ME]]), (user_of("conv_of_nobody"), []), ("", [])):
        with two_people.transaction(of):
            found = two_people.execute(f"SELECT * FROM {table}")
            assert not [row for row in found if THEIRS in str(row)]
            assert two_people.execute("SELECT user_id FROM users") == users
    if table == "messages":
        with two_people.transaction(AS_ME):
            assert len(two_people.execute("SELECT 1 FROM messages")) == 2


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE conversations SET title = 'mine now' WHERE conversation_id = :id",
        "UPDATE messages SET content = 'mine now' WHERE conversation_id = :id",
        "DELETE FROM conversations WHERE conversation_id = :id",
    ],
)
def test_nothing_of_another_person_is_changed_or_deleted(
    postgres: data_api.Database, two_people: data_api.Database, sql: str
) -> None:
    with two_people.transaction(AS_ME):
        two_people.execute(sql, {"id": THEIRS})
    assert contents(postgres, THEIRS) == ["a secret"]
    assert postgres.execute("SELECT title FROM conversations WHERE conversation_id = :id", {"id": THEIRS}) == [
        ["secret"]
    ]


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("INSERT INTO users (user_id) VALUES (:user)", {"user": "somebody"}),
        (
            "INSERT INTO conversations (conversation_id, user_id, title, system, created_at, updated_at)"
            " VALUES ('conv_new', :user, '', '', now(), now())",
            {"user": user_of(THEIRS)},
        ),
        (
            "INSERT INTO conversations (conversation_id, user_id, title, system, created_at, updated_at)"
            " VALUES ('conv_theirs', :user, '', '', now(), now())"
            " ON CONFLICT (conversation_id) DO UPDATE SET user_id = excluded.user_id",
            {"user": AS_ME},
        ),
        ("UPDATE conversations SET user_id = :user", {"user": user_of(THEIRS)}),
        (
            "INSERT INTO messages (message_id, conversation_id, role, content, status, created_at)"
            " VALUES ('msg_new', :conversation, 'user', '', 'accepted', now())",
            {"conversation": THEIRS},
        ),
    ],
    ids=["a user", "a conversation", "their conversation", "mine to them", "a message"],
)
def test_nothing_is_written_for_another_person(
    two_people: data_api.Database, sql: str, values: dict[str, object]
) -> None:
    assert "row-level security" in refusal(two_people, sql, AS_ME, **values)


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE messages",
        "CREATE TABLE mine (a int)",
        "ALTER TABLE conversations DISABLE ROW LEVEL SECURITY",
        "DELETE FROM users",
        "DELETE FROM erased_exchanges",
        "DELETE FROM sessions",
        "DELETE FROM receipts",
        "DELETE FROM usage",
        "DELETE FROM batches",
        "DELETE FROM erased_conversations",
        "UPDATE erased_conversations SET erased_at = now()",
        "SELECT * FROM migrations",
        "INSERT INTO erased_people (digest) VALUES ('x')",
        "DELETE FROM erased_people",
        "TRUNCATE conversations CASCADE",
        "CREATE ROLE another",
    ],
)
def test_the_role_has_no_other_rights(two_people: data_api.Database, sql: str) -> None:
    said = refusal(two_people, sql, AS_ME)
    assert "SQLState: 42501" in said


def test_it_may_write_every_table_that_results_have(postgres: data_api.Database) -> None:
    """A column or a table that a later migration adds is written by this role too."""
    may = (
        "SELECT table_name FROM information_schema.role_table_grants WHERE grantee = :role AND privilege_type = :right"
    )
    granted = {row[0] for row in postgres.execute(may, {"role": migrations.RESULTS_ROLE, "right": "INSERT"})}
    tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    assert granted == {row[0] for row in postgres.execute(tables)} - {"migrations", "erased_people", "document_chunks"}


def test_each_table_with_somebodys_rows_is_under_row_level_security(postgres: data_api.Database) -> None:
    columns = "SELECT table_name FROM information_schema.columns WHERE column_name IN ('user_id', 'conversation_id')"
    theirs = {row[0] for row in postgres.execute(columns)} - {"erased_conversations"}  # ids alone
    secured = {row[0] for row in postgres.execute("SELECT relname FROM pg_class WHERE relrowsecurity")}
    assert theirs and theirs <= secured
