"""What people prefer, want remembered and have as documents, in a real PostgreSQL: as its person, as another one, as
nobody; whenever things are deleted and whoever copies at the same time."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus import ids
from foreverus.access.preferences import PreferenceStore
from foreverus.aws import data_api, keys
from foreverus.aws.dynamo import Table
from foreverus.conversations.remembered.records import Memory
from foreverus.conversations.remembered.store import MemoryStore
from foreverus.costs.receipt import Receipt
from foreverus.deletions.owed import OwedDeletion, OwedKind
from foreverus.documents.records import Document, DocumentStatus
from foreverus.documents.store import DocumentStore
from foreverus.privacy.history import erase_history
from foreverus.results import migrations, rows
from foreverus.results.changed_people import ChangedPeople
from foreverus.results.erasing import EraseDocument
from foreverus.results.logins import Login
from foreverus.results.people import PeopleRows, StoredPeople
from foreverus.results.setup import DatabaseSetup
from foreverus.results.writing import RowWriter
from foreverus.sessions.records import Session
from local.emulator import Emulator
from tests import cloud as clouds
from tests.cloud import unique
from tests.local.test_rds_data_api import Database

pytestmark = pytest.mark.cloud

AT = "2026-01-01T00:01:00.000Z"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TABLES = ("preferences", "memories", "documents")
PAGE = Path(__file__).parents[2] / "docs" / "history.md"


class Scene:
    """A table and a database as a deployment sets them up."""

    def __init__(self, emulator: Emulator) -> None:
        found = Database(emulator)
        self.place, self.name, self.api = found.place, found.name, found.api
        self.owner = data_api.Database(found.api, self.place["resourceArn"], self.place["secretArn"], found.name)
        roles = (migrations.RESULTS_ROLE, migrations.ERASER_ROLE, migrations.DOCUMENTS_ROLE, migrations.SEARCHER_ROLE)
        logins = [Login(role, f"the password of {role}") for role in roles]
        DatabaseSetup(lambda: nullcontext(self.owner), lambda: logins).run()
        keeper = emulator.client("secretsmanager")
        self.secrets = {
            one.role: keeper.create_secret(
                Name=unique(one.role), SecretString=json.dumps({"username": one.role, "password": one.password})
            )["ARN"]
            for one in logins
        }
        dynamodb, table = emulator.client("dynamodb"), unique("items")
        names = (("pk", "HASH"), ("sk", "RANGE"))
        dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in names],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in names],
            BillingMode="PAY_PER_REQUEST",
        )
        self.items = Table(dynamodb, table)

    def as_(self, role: str) -> data_api.Database:
        return data_api.Database(self.api, self.place["resourceArn"], self.secrets[role], self.name)

    @property
    def people(self) -> PeopleRows:
        """As `StoreResultsFunction` has it."""
        return PeopleRows(self.items, self.as_(migrations.RESULTS_ROLE))

    def person(self, name: str) -> str:
        """Somebody new who has one of each."""
        user = unique(name)
        PreferenceStore(self.items).change(
            user, {"language": "pt", "speed_pt": 1.25, "sounds": True, "suggest_memories": True}
        )
        self.remember(user, f"a secret of {user}")
        self.document(user, f"doc_{user}_1")
        return user

    def remember(self, user: str, text: str, conversation_id: str = "") -> str:
        memory = Memory(
            memory_id=ids.new_id("memory", NOW), text=text, conversation_id=conversation_id,
            created_at=AT, updated_at=AT,
        )  # fmt: skip
        return MemoryStore(self.items).create(user, memory).memory_id

    def document(self, user: str, document_id: str) -> Document:
        document = Document(
            document_id=document_id, user_id=user, filename="segredo\0.pdf", bytes=9_000_000, created_at=AT
        )
        store = DocumentStore(self.items)
        store.create(document)
        reading = store.change(document, DocumentStatus.READING, NOW)
        ready = reading and store.change(reading, DocumentStatus.READY, NOW, pages=3, chunks=2, usd=0.00021)
        assert ready
        return ready

    def rows(self, table: str, user: str, what: str = "*") -> list[list[Any]]:
        return self.owner.execute(f"SELECT {what} FROM {table} WHERE user_id = :user", {"user": user})


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """In a PostgreSQL of its own: its roles are everybody's."""
    with clouds.emulator(patched=True) as emulator:
        yield Scene(emulator)


def test_it_is_what_dynamodb_has_after_every_change(scene: Scene) -> None:
    ana, store = scene.person("ana"), MemoryStore(scene.items)
    assert scene.people.copy(ana) and scene.people.copy(ana)
    assert scene.rows("preferences", ana, "language, theme, sounds, reads_aloud, suggest_memories, speed_pt::text") == [
        ["pt", None, True, False, True, "1.25"]
    ]
    assert scene.rows("memories", ana, "content, enabled, conversation_id") == [[f"a secret of {ana}", True, None]]
    assert scene.rows("documents", ana, "filename, status, bytes, pages, chunks, usd::text") == [
        ["segredo\ufffd.pdf", "ready", 9_000_000, 3, 2, "0.00021"]
    ]
    first = store.all(ana)[0].memory_id
    second = scene.remember(ana, "another", "conv_1")
    store.change(ana, second, {"enabled": False})
    store.delete(ana, first, NOW)
    PreferenceStore(scene.items).change(ana, {"language": None, "theme": "dark"})
    assert scene.people.copy(ana)
    assert scene.rows("memories", ana, "content, enabled, conversation_id") == [["another", False, "conv_1"]]
    assert scene.rows("preferences", ana, "language, theme") == [[None, "dark"]]
    store.forget_person(ana)
    assert scene.people.copy(ana) and scene.rows("memories", ana) == []


def test_who_has_said_nothing_is_a_user_and_nothing_else(scene: Scene) -> None:
    rui = unique("rui")
    assert scene.people.copy(rui)
    assert scene.rows("users", rui, "user_id") == [[rui]] and not any(scene.rows(table, rui) for table in TABLES)


@pytest.mark.parametrize("role", [migrations.RESULTS_ROLE, migrations.ERASER_ROLE])
@pytest.mark.parametrize("table", TABLES)
def test_another_person_and_nobody_see_and_take_nothing(scene: Scene, role: str, table: str) -> None:
    ana, rui, me = scene.person("ana"), scene.person("rui"), scene.as_(role)
    assert scene.people.copy(ana) and scene.people.copy(rui)
    with me.transaction(rui):
        assert {row[0] for row in me.execute(f"SELECT user_id FROM {table}")} == {rui}
        assert me.execute(f"SELECT 1 FROM {table} WHERE user_id = :ana", {"ana": ana}) == []
        assert me.execute(f"DELETE FROM {table} WHERE user_id = :ana RETURNING 1", {"ana": ana}) == []
    for whose in ("", "nobody", f"{ana}' OR true --"):
        with me.transaction(whose):
            assert me.execute(f"SELECT * FROM {table}") == []
            assert me.execute(f"DELETE FROM {table} RETURNING 1") == []
    assert me.execute(f"SELECT * FROM {table}") == [], "the last transaction's person is not the next one's"
    assert len(scene.rows(table, ana)) == len(scene.rows(table, rui)) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO preferences (user_id, sounds, reads_aloud, sends_spoken) VALUES (:ana, true, true, true)",
        "INSERT INTO memories (user_id, memory_id, content, enabled, created_at, updated_at)"
        " VALUES (:ana, 'memory_9', 'planted', true, now(), now())",
        "INSERT INTO documents (user_id, document_id, filename, status, bytes, pages, chunks, characters, tokens,"
        " created_at) VALUES (:ana, 'doc_9', 'planted', 'ready', 0, 0, 0, 0, 0, now())",
    ],
)
def test_nothing_is_planted_with_another_person(scene: Scene, sql: str) -> None:
    ana, me = scene.person("ana"), scene.as_(migrations.RESULTS_ROLE)
    for whose in (unique("rui"), ""):
        with pytest.raises(ClientError, match="row-level security"), me.transaction(whose):
            me.execute(sql, {"ana": ana})


def test_nobody_else_may_anything_with_it(scene: Scene) -> None:
    """What each login may: who finds documents and who searches see nothing of it, and nobody changes a row."""
    may = "SELECT has_table_privilege(:role, :name, :right)"
    given = {
        (role, right)
        for role in scene.secrets
        for table in TABLES
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
        if scene.owner.execute(may, {"role": role, "name": table, "right": right})[0][0]
    }
    assert given == {
        *((migrations.RESULTS_ROLE, right) for right in ("SELECT", "INSERT", "DELETE")),
        *((migrations.ERASER_ROLE, right) for right in ("SELECT", "DELETE")),
    }


@pytest.mark.parametrize("when", ["before", "after"])
def test_who_leaves_is_gone_and_is_not_copied_back(scene: Scene, when: str) -> None:
    """`before`: their mark waits still, and what they had is still read by a copy that comes late."""
    ana, rui = scene.person("ana"), scene.person("rui")
    for user in (ana, rui):
        ChangedPeople(scene.items).note([user])
    if when == "after":
        assert scene.people.store() == StoredPeople(2)
    gone = erase_history(scene.as_(migrations.ERASER_ROLE), ana)
    assert [gone[table] for table in TABLES] == ([0, 0, 0] if when == "before" else [1, 1, 1])
    assert scene.people.store() == (StoredPeople(2) if when == "before" else None)
    assert scene.people.copy(ana), "it is no error"
    assert not any(scene.rows(table, ana) for table in (*TABLES, "users"))
    assert all(scene.rows(table, rui) for table in (*TABLES, "users"))


def waits_for_a_lock(scene: Scene) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    deadline = time.monotonic() + 30
    while scene.owner.execute(waiting) == [[0]]:
        assert time.monotonic() < deadline


def test_of_two_copies_the_later_one_has_read_the_later_state(scene: Scene) -> None:
    """The one that waits has not read yet: what it writes in the end is not older than what the other one wrote."""
    ana, first = scene.person("ana"), scene.as_(migrations.RESULTS_ROLE)
    late = threading.Thread(target=scene.people.copy, args=(ana,))
    with first.transaction(ana):
        first.execute("SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(:id, 0))", {"id": ana})
        late.start()
        waits_for_a_lock(scene)
        memory = MemoryStore(scene.items).all(ana)[0].memory_id
        MemoryStore(scene.items).change(ana, memory, {"text": "newer"})
    late.join(30)
    assert scene.rows("memories", ana, "content") == [["newer"]]


def test_a_copy_that_runs_while_its_person_leaves_writes_nothing(scene: Scene) -> None:
    ana, leaving = scene.person("ana"), scene.as_(migrations.ERASER_ROLE)
    late = threading.Thread(target=scene.people.copy, args=(ana,))
    with leaving.transaction(ana):
        leaving.execute("SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(:id, 0))", {"id": ana})
        late.start()
        waits_for_a_lock(scene)
        leaving.execute(
            "INSERT INTO erased_people (digest) VALUES (encode(sha256(convert_to(:id, 'UTF8')), 'hex'))", {"id": ana}
        )
    late.join(30)
    assert not any(scene.rows(table, ana) for table in (*TABLES, "users"))


class NoObjects:
    def erase(self, key: str) -> None:
        """There is no bucket here."""


@pytest.mark.parametrize("when", ["before", "after", "twice"])
def test_a_deleted_document_goes_with_what_is_owed(scene: Scene, when: str) -> None:
    ana, store = scene.person("ana"), DocumentStore(scene.items)
    kept = scene.document(ana, f"doc_{ana}_2")
    if when != "before":
        assert scene.people.copy(ana)
    store.delete(store.get(ana, f"doc_{ana}_1"), NOW)
    owed = OwedDeletion(kind=OwedKind.DOCUMENT, name=f"doc_{ana}_1", user_id=ana, deleted_at=ids.timestamp(NOW))
    erase = EraseDocument(NoObjects(), scene.as_(migrations.RESULTS_ROLE), lambda: NOW + timedelta(minutes=5))  # type: ignore[arg-type]
    for _ in range(2 if when == "twice" else 1):
        assert erase(owed)
    assert scene.rows("documents", ana, "document_id") == ([] if when == "before" else [[kept.document_id]])
    assert scene.people.copy(ana)
    assert scene.rows("documents", ana, "document_id") == [[kept.document_id]]


def test_a_database_that_is_away_in_the_middle_is_equal_in_the_end(scene: Scene) -> None:
    users = [scene.person("many") for _ in range(3)]
    ChangedPeople(scene.items).note(users)
    calls = iter(range(1000))

    class Away:
        """Between two statements of the second person's."""

        def __getattr__(self, name: str) -> Any:
            if name in ("execute_statement", "batch_execute_statement") and next(calls) == 14:
                raise ClientError({"Error": {"Code": "DatabaseUnavailableException", "Message": "away"}}, name)
            return getattr(scene.api, name)

    away = data_api.Database(Away(), scene.place["resourceArn"], scene.secrets[migrations.RESULTS_ROLE], scene.name)
    with pytest.raises(ClientError, match="away"):
        PeopleRows(scene.items, away).store()
    whole = [user for user in users if all(scene.rows(table, user) for table in TABLES)]
    part = [user for user in users if any(scene.rows(table, user) for table in TABLES)]
    assert part == whole == users[:1], "a person is copied whole or not at all"
    assert scene.people.store() == StoredPeople(2)
    assert all(scene.rows(table, user) for table in TABLES for user in users)


# ---- docs/history.md ----


def questions() -> list[str]:
    return re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_questions_of_the_page_are_answered(scene: Scene) -> None:
    spend, remembered, missing, chosen = questions()
    ana, rui = scene.person("ana"), unique("rui")
    conversation, session = unique("conv"), unique("ses")
    to = RowWriter(scene.as_(migrations.RESULTS_ROLE))
    over = Session(session_id=session, created_at=AT, ended_at=AT)
    to.write("sessions", "session_id", [rows.session_row(over)])
    bill = Receipt(session_id=session, terminated_at=AT, storage_usd=0.0, address_usd=0.0, total_usd=0.4)
    to.write("receipts", "session_id", [rows.receipt_row(bill)])
    for user, tokens in ((ana, 300), (rui, 100)):
        assert scene.people.copy(user)
        used = {"message_id": f"ans_{user}", "user_id": user, "session_id": session, "answered_at": NOW}
        to.write("usage", "message_id", [{**used, "prompt_tokens": tokens - 10, "completion_tokens": 10}], user)
    talk = {"conversation_id": conversation, "user_id": ana, "title": "Férias", "system": ""}
    to.write("conversations", "conversation_id", [{**talk, "created_at": NOW, "updated_at": NOW}], ana)
    scene.remember(ana, "I sail.", conversation)
    off = scene.remember(ana, "I ski.", conversation)
    MemoryStore(scene.items).change(ana, off, {"enabled": False})
    assert scene.people.copy(ana) and to.refused == []

    found = [row for row in scene.owner.execute(spend) if row[0] in (ana, rui)]
    assert [[*row[:3], float(row[3])] for row in found] == [
        [ana, "pt", 1, 0.3], [rui, "as the browser says", 1, 0.1]
    ]  # fmt: skip
    assert [conversation, "Férias", 2, 1] in scene.owner.execute(remembered)
    assert [ana, f"doc_{ana}_1", "ready", 2, 0] in scene.owner.execute(missing)
    assert (
        sum(int(row[2]) for row in scene.owner.execute(chosen))
        == scene.owner.execute("SELECT count(*) FROM users")[0][0]
    )

    me = scene.as_(migrations.RESULTS_ROLE)
    with me.transaction(rui):
        assert me.execute(remembered) == []
    assert keys.preferences_key(ana)["pk"] not in str(scene.owner.execute(chosen)), "counts alone"
