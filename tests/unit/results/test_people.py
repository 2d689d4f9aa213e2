"""People on their way to PostgreSQL: when they are copied, and what a fault in the middle leaves.
tests/local/test_people_in_postgres.py has a real one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus.access.preferences import Preferences, PreferenceStore, public_preferences
from foreverus.aws import keys, person_keys
from foreverus.conversations.remembered.records import Memory
from foreverus.conversations.remembered.store import MemoryStore
from foreverus.errors import ResultsNotStored
from foreverus.results.changed_people import ChangedPeople, changed_people
from foreverus.results.people import PREFERENCE_COLUMNS, PeopleRows, StoredPeople
from tests.unit.conftest import NOW, Aws
from tests.unit.results.test_results import DataApi, database, keeper, over, without_session

AT_THREE = NOW.replace(hour=3, minute=1)


class Writing(DataApi):
    """Keeps what is written, and does something while a lock is waited for."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.meanwhile = meanwhile
        self.values: list[str] = []

    def execute_statement(self, sql: str, parameters: list[Any], **target: str) -> dict[str, Any]:
        if "advisory" in sql:
            self.meanwhile()
        return super().execute_statement(sql, parameters, **target)

    def batch_execute_statement(self, sql: str, parameterSets: list[Any], **target: str) -> dict[str, Any]:
        self.values += [str(one["value"]) for row in parameterSets for one in row]
        return super().batch_execute_statement(sql, parameterSets, **target)


def remember(aws: Aws, user: str, text: str, memory_id: str = "memory_1") -> None:
    MemoryStore(aws.items).create(user, Memory(memory_id=memory_id, text=text, created_at="2026-01-01T00:00:00.000Z"))
    ChangedPeople(aws.items).note([user])


def waiting(aws: Aws) -> list[str]:
    return [one.user_id for one in ChangedPeople(aws.items).some(100)]


def record(partition: str, name: str = "MODIFY") -> dict[str, Any]:
    return {"eventName": name, "dynamodb": {"Keys": {"pk": {"S": partition}, "sk": {"S": "x"}}}}


def test_whose_items_change_is_read_from_the_stream() -> None:
    records = [
        record("MEMORIES#ana"), record("MEMORIES#ana"), record("PREFERENCES#bia", "INSERT"), record("DOCUMENTS#caio"),
        record("MEMORIES#left", "REMOVE"), record("PREFERENCES#left", "REMOVE"), record("DOCUMENTS#left", "REMOVE"),
        record("SESSIONS"), record("USER#eva"), record("MEMORIES#"), {},
    ]  # fmt: skip
    assert changed_people({"Records": records}) == ["ana", "bia", "caio"]


def test_each_preference_has_its_column() -> None:
    assert set(PREFERENCE_COLUMNS) == set(public_preferences(Preferences())), (
        "a new preference needs a column: a migration, and its name in PREFERENCE_COLUMNS"
    )


def test_a_change_waits_until_something_else_is_stored_and_wakes_no_database(aws: Aws) -> None:
    remember(aws, "ana", "I am Ana.")
    client = Writing()
    assert keeper(aws, client).store_unsaved() == [] and client.calls == 0
    aws.put(**over())
    assert keeper(aws, client).store_unsaved()[-1] == StoredPeople(1)
    assert client.written()[-2:] == ["users", "memories"] and "I am Ana." in str(client.values)
    assert client.people[-1] == "ana", "the transaction names whose rows they are"
    assert waiting(aws) == []
    calls = client.calls
    assert keeper(aws, client).store_unsaved() == [] and client.calls == calls, "nothing is left to do"


def test_a_change_is_copied_at_three_at_the_latest(aws: Aws) -> None:
    remember(aws, "ana", "I am Ana.")
    client = Writing()
    whole = keeper(aws, client)
    at_three = replace(whole, chats=replace(whole.chats, clock=lambda: AT_THREE))
    assert at_three.store_unsaved() == [StoredPeople(1)]
    assert at_three.store_unsaved() == [], "of nobody there is nothing to wake it for"


def test_who_asked_something_is_copied_with_it_whatever_the_stream_has_lost(aws: Aws) -> None:
    """Also how people who were there before these tables get into them."""
    PreferenceStore(aws.items).change("user-1", {"language": "pt"})
    without_session(aws, "msg_1")
    client = Writing()
    chats = replace(keeper(aws, client).chats, people=PeopleRows(aws.items, database(client)))
    assert chats.store()
    assert client.written() == ["users", "conversations", "messages", "usage", "users", "preferences"]


def test_what_is_copied_is_read_behind_the_lock(aws: Aws) -> None:
    """Whoever waited for another copy of the same person writes the state that is newer, not the one it began with."""
    remember(aws, "ana", "the older one")
    client = Writing(lambda: MemoryStore(aws.items).change("ana", "memory_1", {"text": "the newer one"}))
    assert PeopleRows(aws.items, database(client)).copy("ana")
    assert "the newer one" in str(client.values) and "the older one" not in str(client.values)


def test_what_changes_while_it_is_copied_is_copied_again(aws: Aws) -> None:
    remember(aws, "ana", "first")
    client = Writing(lambda: ChangedPeople(aws.items).note(["ana"]))
    people = PeopleRows(aws.items, database(client))
    assert people.store() == StoredPeople(1)
    assert waiting(aws) == ["ana"], "its mark is newer than the one that was read"
    client.meanwhile = lambda: None
    assert people.store() == StoredPeople(1) and people.store() is None


def test_a_stream_record_that_comes_twice_or_late_copies_once_more_and_changes_nothing(aws: Aws) -> None:
    remember(aws, "ana", "kept")
    people, client = ChangedPeople(aws.items), Writing()
    rows = PeopleRows(aws.items, database(client))
    (read,) = people.some(9)
    people.note(["ana"])  # the same record once more, while it is copied
    people.copied(read)
    assert waiting(aws) == ["ana"]
    assert rows.store() == StoredPeople(1)
    people.copied(read)  # an older round ends late
    people.note(["ana"])  # and the record comes a third time
    assert rows.store() == StoredPeople(1) and waiting(aws) == []
    assert client.values.count("{'stringValue': 'kept'}") == 2, "both times what DynamoDB has"


@pytest.mark.parametrize("call", range(18))
def test_a_database_that_goes_away_in_the_middle_gets_the_rest_later(aws: Aws, call: int) -> None:
    """At each of the calls that two people take: whoever is not whole is found again."""
    for user in ("ana", "bia"):
        remember(aws, user, f"of {user}")
    client = Writing()
    rows = PeopleRows(aws.items, database(client))

    class Going(Writing):
        def _call(self) -> None:
            if self.calls == call:
                self.fail_next("DatabaseUnavailableException", "DatabaseUnavailableException")  # and the rollback
            super()._call()

    going = Going()
    with pytest.raises(ClientError):
        PeopleRows(aws.items, database(going)).store()
    left = waiting(aws)
    assert left == (["ana", "bia"] if call < 9 else ["bia"])
    assert rows.store() == StoredPeople(len(left)) and waiting(aws) == []


def test_a_failure_is_told_and_everything_else_is_stored(aws: Aws) -> None:
    remember(aws, "ana", "x")
    aws.put(**over())

    class NoMemories(Writing):
        def batch_execute_statement(self, sql: str, parameterSets: list[Any], **target: str) -> dict[str, Any]:
            if "memories" in sql:
                self.fail_next("DatabaseErrorException")
            return super().batch_execute_statement(sql, parameterSets, **target)

    with pytest.raises(ResultsNotStored, match="people"):
        keeper(aws, NoMemories()).store_unsaved()
    assert (aws.items.get(keys.session_key("ses_1")) or {})["stored_at"] and waiting(aws) == ["ana"]


def test_what_postgresql_does_not_take_or_nobody_can_read_is_set_aside(
    aws: Aws, caplog: pytest.LogCaptureFixture
) -> None:
    remember(aws, "ana", "a secret")
    aws.put(**person_keys.document_key("bia", "doc_1"), bytes="many", document_id="doc_1", user_id="bia")
    ChangedPeople(aws.items).note(["bia"])

    class Refusing(Writing):
        def batch_execute_statement(self, sql: str, parameterSets: list[Any], **target: str) -> dict[str, Any]:
            message = {"Code": "DatabaseErrorException", "Message": "ERROR: no; SQLState: 23514"}
            raise ClientError({"Error": message}, "BatchExecuteStatement")

    assert PeopleRows(aws.items, database(Refusing())).store() == StoredPeople(2, refused=2)
    assert waiting(aws) == [], "it would keep nobody else from being copied, and wake the database for ever"
    assert "SQLState 23514" in caplog.text and "ValueError" in caplog.text and "a secret" not in caplog.text


def test_without_postgresql_nothing_is_copied_or_looked_for(aws: Aws) -> None:
    remember(aws, "ana", "x")
    rows = PeopleRows(aws.items, None)
    assert rows.store() is None and not rows.copy("ana")


def test_no_more_than_a_round_holds(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foreverus.results.people.AT_ONCE", 2)
    for user in ("ana", "bia", "caio"):
        remember(aws, user, "x")
    rows = PeopleRows(aws.items, database(Writing()))
    assert [rows.store(), rows.store(), rows.store()] == [StoredPeople(2), StoredPeople(1), None]
