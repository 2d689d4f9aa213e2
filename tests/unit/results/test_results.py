"""Results on their way to PostgreSQL; tests/local runs the same code against a real one."""

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus import bootstrap
from foreverus.attempts import Attempts
from foreverus.aws import keys
from foreverus.aws.data_api import RESUME_TRIES, Database, to_parameter
from foreverus.batches.memory import MemoryBatches
from foreverus.conversations.answers import DynamoAnswers
from foreverus.conversations.erasing import ConversationEraser
from foreverus.conversations.records import (
    Answer,
    AnswerError,
    AnswerStatus,
    FinishedAnswer,
    MessageRef,
    PartialAnswer,
    Question,
    Saved,
)
from foreverus.conversations.store import ConversationStore
from foreverus.costs.prices import Price
from foreverus.costs.receipt import receipt
from foreverus.deletions.owed import OwedDeletions, OwedKind
from foreverus.deletions.work import Deletions, Erased
from foreverus.errors import NotFound, ResultsNotStored
from foreverus.results import migrations, rows
from foreverus.results.batches import BatchSummaries
from foreverus.results.chats import ChatResults, StoredChats
from foreverus.results.erasing import EraseConversation
from foreverus.results.people import PeopleRows
from foreverus.results.rows import CHUNK_ROWS, chunks
from foreverus.results.sessions import SessionResults, StoredSession
from foreverus.results.store import ResultsKeeper
from foreverus.results.unsaved import is_due
from foreverus.sessions.items import session_from_item
from foreverus.sessions.store import SessionStore
from tests.unit.conftest import NOW, Aws, session_item

ERASED = Erased(OwedKind.CONVERSATION, "conv_1")


class DataApi:
    """Takes statements as the Data API does; `fail_next` makes the next calls fail with these codes."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, int]] = []
        self.people: list[str] = []  # whose rows a transaction was about
        self.failures: deque[str] = deque()
        self.calls = 0

    def fail_next(self, *codes: str) -> None:
        self.failures.extend(codes)

    def _call(self) -> None:
        self.calls += 1
        if self.failures:
            raise ClientError({"Error": {"Code": self.failures.popleft(), "Message": "no"}}, "ExecuteStatement")

    def written(self) -> list[str]:
        """The tables, in the order of the statements."""
        return [sql.split()[2] for sql, _ in self.statements if sql.startswith("INSERT")]

    def execute_statement(self, sql: str, parameters: list[Any], **target: str) -> dict[str, Any]:
        self._call()
        self.statements.append((sql, 1))
        self.people += [one["value"]["stringValue"] for one in parameters if one["name"] == "person"]
        return {"records": []}

    def begin_transaction(self, **target: str) -> dict[str, str]:
        self._call()
        return {"transactionId": "1"}

    def commit_transaction(self, **target: str) -> None:
        self._call()

    def rollback_transaction(self, **target: str) -> None:
        self._call()

    def batch_execute_statement(self, sql: str, parameterSets: list[Any], **target: str) -> dict[str, Any]:
        self._call()
        self.statements.append((sql, len(parameterSets)))
        return {}


def database(client: DataApi, slept: list[float] | None = None) -> Database:
    return Database(client, "arn:cluster", "arn:secret", "foreverus", pause=(slept if slept is not None else []).append)


def answered(aws: Aws, message_id: str = "msg_1", session: str = "ses_1") -> None:
    at = "2026-01-01T00:01:00.000Z"
    aws.put(
        **keys.conversation_key("user-1", "conv_1"),
        conversation_id="conv_1",
        user_id="user-1",
        created_at=at,
        updated_at=at,
    )
    question = {
        "message_id": message_id,
        "conversation_id": "conv_1",
        "user_id": "user-1",
        "content": "?",
        "created_at": at,
    }
    aws.put(**keys.question_key("conv_1", message_id), **question)
    answer = {"message_id": message_id, "content": "!", "status": "answered", "session_id": session, "answered_at": at}
    aws.put(**keys.answer_key("conv_1", message_id), **answer, usage={"prompt_tokens": 3, "completion_tokens": 4})
    aws.put(**keys.answered_key(session or keys.NO_SESSION, message_id), conversation_id="conv_1", user_id="user-1")


def over(**changes: Any) -> dict[str, Any]:
    record = session_item("ses_1", status="ended", outcome="idle", ended_at="2026-01-01T00:10:00.000Z", **changes)
    return {
        **record,
        "receipt": asdict(receipt(session_from_item(record), "us-east-1", NOW, lambda launch: Price(0.4, "test"))),
    }


def nobody(aws: Aws) -> PeopleRows:
    """Copies nobody along: tests/unit/results/test_people.py does."""
    return PeopleRows(aws.items, None)


def results(aws: Aws, client: DataApi) -> SessionResults:
    return SessionResults(
        ConversationStore(aws.items), SessionStore(aws.items), database(client), nobody(aws), lambda: NOW
    )


def deletions(aws: Aws, client: DataApi | None, now: datetime = NOW) -> Deletions:
    erase = EraseConversation(ConversationEraser(aws.items), database(client) if client else None)
    return Deletions(OwedDeletions(aws.items), {OwedKind.CONVERSATION: erase}, lambda: now)


def keeper(aws: Aws, client: DataApi) -> ResultsKeeper:
    batches = BatchSummaries(MemoryBatches(), database(client), lambda: NOW)
    chats = ChatResults(aws.items, database(client), nobody(aws), lambda: NOW)
    return ResultsKeeper(
        results(aws, client), batches, deletions(aws, client), chats, PeopleRows(aws.items, database(client))
    )


def test_a_session_is_stored_in_an_order_that_foreign_keys_allow(aws: Aws) -> None:
    aws.put(**over())
    answered(aws)
    client = DataApi()
    assert results(aws, client).store("ses_1") == StoredSession("ses_1", stored=True, messages=1)
    assert client.written() == ["sessions", "receipts", "users", "conversations", "messages", "usage"]
    assert all("ON CONFLICT" in sql for sql, _ in client.statements if sql.startswith("INSERT"))
    assert (aws.items.get(keys.session_key("ses_1")) or {})["stored_at"]


def test_a_deleted_conversation_is_not_stored(aws: Aws) -> None:
    aws.put(**over())
    answered(aws)
    aws.items.delete(keys.conversation_key("user-1", "conv_1"))
    client = DataApi()
    assert results(aws, client).store("ses_1").messages == 0
    assert client.written() == ["sessions", "receipts"]


def test_one_refused_row_is_noted_and_the_session_is_done(aws: Aws) -> None:
    aws.put(**over())
    answered(aws, "msg_1")
    answered(aws, "msg_2")
    broken = keys.question_key("conv_1", "msg_2")  # as an older version, or somebody's repair, may have left it
    aws.put(**broken, message_id="msg_2", conversation_id="conv_1", created_at="2026-01-01T00:01:00.000Z")
    client = DataApi()
    stored = results(aws, client).store("ses_1")
    assert (stored.messages, stored.refused) == (1, 1)
    assert [item["sk"] for item in aws.items.query("REFUSED#ses_1")] == ["messages#msg_2"]
    assert keeper(aws, client).store_unsaved() == []  # nothing is tried for ever


def test_a_database_that_is_down_leaves_the_session_for_the_sweep(aws: Aws) -> None:
    aws.put(**over())
    client = DataApi()
    client.fail_next("DatabaseErrorException")
    with pytest.raises(ClientError):
        results(aws, client).store("ses_1")
    assert "stored_at" not in (aws.items.get(keys.session_key("ses_1")) or {})
    assert keeper(aws, client).store_unsaved() == [StoredSession("ses_1", stored=True, messages=0)]
    assert keeper(aws, client).store_unsaved() == []


def test_a_database_that_never_comes_back_is_not_kept_awake_for_ever() -> None:
    end = datetime.fromisoformat("2026-01-01T00:00:00Z")
    tries, due = 0, []
    for minute in range(0, 30 * 24 * 60, 5):  # a month of sweeps
        if is_due("2026-01-01T00:00:00Z", tries, end + timedelta(minutes=minute)):
            due.append(minute)
            tries += 1
    assert due == [15, 30, 60, 120, 240, 480, 960, 1920, 3840]


def test_one_session_that_cannot_be_stored_stops_no_other(aws: Aws) -> None:
    aws.put(**over())
    aws.put(**over() | keys.session_key("ses_2") | {"session_id": "ses_2"})
    client = DataApi()
    client.fail_next("InternalServerErrorException")
    with pytest.raises(ResultsNotStored):
        keeper(aws, client).store_unsaved()
    stored = [session for session in SessionStore(aws.items).newest(5) if session.stored_at]
    assert len(stored) == 1


@pytest.mark.usefixtures("aws")
def test_without_postgresql_nothing_is_missing() -> None:
    assert bootstrap.store_results.build().store_unsaved() == []


def test_a_database_that_wakes_up_is_waited_for() -> None:
    client, slept = DataApi(), []
    client.fail_next("DatabaseResumingException", "DatabaseResumingException")
    database(client, slept).execute("SELECT 1")
    assert client.calls == 3
    assert slept == [5, 5]


def test_a_deployment_waits_for_a_database_that_is_not_there_yet_and_a_session_does_not() -> None:
    client, slept = DataApi(), []
    client.fail_next("DatabaseUnavailableException")
    database(client, slept).wait_until_available()
    assert slept == [5]
    client.fail_next("DatabaseUnavailableException")  # gpu_session retries this itself
    with pytest.raises(ClientError):
        database(client, slept).execute("SELECT 1")
    assert slept == [5]


def test_a_database_that_never_wakes_up_is_an_error() -> None:
    client = DataApi()
    client.fail_next(*["DatabaseResumingException"] * (RESUME_TRIES + 1))
    with pytest.raises(ClientError):
        database(client).execute("SELECT 1")


def test_rows_travel_in_chunks_that_fit_a_request() -> None:
    def sizes(new: Iterator[dict[str, Any]]) -> list[int]:
        return [len(chunk) for chunk in chunks(new)]

    assert sizes({"id": n} for n in range(CHUNK_ROWS + 1)) == [CHUNK_ROWS, 1]
    assert sizes({"content": "x" * 400_000} for _ in range(5)) == [2, 2, 1]
    assert sizes(iter(())) == []


def test_values_carry_the_types_that_the_data_api_needs() -> None:
    assert to_parameter("a", None)["value"] == {"isNull": True}
    assert to_parameter("a", True)["value"] == {"booleanValue": True}
    assert to_parameter("a", 0.25) == {"name": "a", "value": {"stringValue": "0.25"}, "typeHint": "DECIMAL"}
    moment = to_parameter("a", datetime(2026, 1, 1, 3, 4, 5, 678000, tzinfo=UTC))
    assert moment == {"name": "a", "value": {"stringValue": "2026-01-01 03:04:05.678"}, "typeHint": "TIMESTAMP"}


def test_a_failed_answer_is_kept_with_its_error_and_is_no_usage(aws: Aws) -> None:
    named = {"message_id": "msg_1", "conversation_id": "c"}
    question = Question(**named, user_id="ana", content="?", created_at="2026-01-01T00:00:00.000Z")
    error = AnswerError("context_length_exceeded", "too long")
    failed = Answer(**named, status=AnswerStatus.FAILED, error=error)
    _, answer = rows.message_rows(question, failed)
    assert (answer["status"], answer["error"], answer["content"]) == ("failed", "context_length_exceeded", "")


def test_migrations_are_numbered_and_split_into_single_statements() -> None:
    names = list(migrations.available())
    assert names == sorted(names)
    assert [name[:3] for name in names] == [f"{number:03}" for number in range(1, len(names) + 1)]
    for sql in migrations.available().values():
        for statement in migrations.statements(sql):
            assert statement.split()[0] in {"CREATE", "ALTER", "INSERT", "UPDATE", "DROP", "GRANT", "REVOKE", "DO"}


CREATED = {"created_at": "2026-01-01T00:01:00.000Z"}


def texts(aws: Aws) -> str:
    """The whole table."""
    return str(aws.items.client.scan(TableName=aws.items.name)["Items"])


@pytest.mark.parametrize("with_postgresql", [True, False])
def test_a_deleted_conversation_goes_from_everywhere(aws: Aws, with_postgresql: bool) -> None:
    aws.put(**over())
    answered(aws)
    pending = {"message_id": "msg_2", "conversation_id": "conv_1", "user_id": "user-1", **CREATED}
    aws.put(**keys.question_key("conv_1", "msg_2"), **pending, content="a secret")
    aws.put(**keys.answer_key("conv_1", "msg_2"), message_id="msg_2", content="a half secret", status="answering")
    aws.put(**keys.pending_key("msg_2"), **pending)
    ConversationStore(aws.items).delete("user-1", "conv_1", NOW)
    assert "secret" not in texts(aws)
    assert not list(aws.items.query(keys.PENDING)) and not list(aws.items.query(keys.answered_partition("ses_1")))
    worker = DynamoAnswers(aws.items)  # it goes on writing what it had begun
    message = MessageRef("msg_2", "conv_1", "user-1")
    assert not worker.checkpoint(message, PartialAnswer("a secret again", 3), "ses_1")
    assert worker.finish(message, FinishedAnswer("a whole secret"), "ses_1", NOW) is not Saved.SAVED
    assert "secret" not in texts(aws)
    client = DataApi()
    attempts = Attempts()
    assert deletions(aws, client if with_postgresql else None).work_off(attempts) == [ERASED]
    assert any(sql.startswith("DELETE FROM conversations") for sql, _ in client.statements) is with_postgresql
    assert deletions(aws, client).work_off(attempts) == []


def test_a_deletion_is_owed_until_postgresql_is_back(aws: Aws) -> None:
    answered(aws)
    ConversationStore(aws.items).delete("user-1", "conv_1", NOW)
    client, days, tries = DataApi(), 30, 0
    for minute in range(0, days * 24 * 60, 5):
        client.fail_next("DatabaseUnavailableException")
        attempts = Attempts()
        assert deletions(aws, client, NOW + timedelta(minutes=minute)).work_off(attempts) == []
        if attempts.failed:
            tries += 1
        else:
            client.failures.clear()
    assert 30 <= tries <= 40  # at last once a day: never given up, and Aurora is not kept awake
    back = NOW + timedelta(days=days + 1)
    assert deletions(aws, client, back).work_off(Attempts()) == [ERASED]


def test_what_a_crash_left_of_a_deleted_conversation_goes_with_what_is_owed(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(aws)

    def crash(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(ConversationEraser, "erase", crash)
        ConversationStore(aws.items).delete("user-1", "conv_1", NOW)
    with pytest.raises(NotFound):
        ConversationStore(aws.items).get("user-1", "conv_1")
    assert keeper(aws, DataApi()).store_unsaved() == [ERASED]
    assert not list(aws.items.query(keys.messages_partition("conv_1")))


def without_session(aws: Aws, *messages: str) -> None:
    for message in messages:
        answered(aws, message, session="")


def test_what_bedrock_answered_is_stored_without_a_session_once_a_day_or_when_the_database_is_awake(aws: Aws) -> None:
    without_session(aws, "msg_1", "msg_2")
    client = DataApi()
    days = [NOW + timedelta(minutes=minute) for minute in range(0, 24 * 60, 5)]
    assert sum(ChatResults(aws.items, database(client), nobody(aws), lambda at=at: at).is_due() for at in days) == 1  # type: ignore[misc]
    assert keeper(aws, client).store_unsaved() == [] and client.calls == 0
    aws.put(**over())
    assert keeper(aws, client).store_unsaved()[-1] == StoredChats(2)
    assert client.written()[-4:] == ["users", "conversations", "messages", "usage"]
    assert list(aws.items.query(keys.answered_partition(keys.NO_SESSION))) == []
    assert ChatResults(aws.items, database(client), nobody(aws), lambda: NOW).store() is None


def test_a_day_of_more_chats_than_one_round_holds_is_stored_whole(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foreverus.results.chats.AT_ONCE", 2)
    without_session(aws, *(f"msg_{number}" for number in range(5)))
    client = DataApi()
    aws.put(**over())
    assert keeper(aws, client).store_unsaved()[-3:] == [StoredChats(2), StoredChats(2), StoredChats(1)]
    assert list(aws.items.query(keys.answered_partition(keys.NO_SESSION))) == []
    client.fail_next("DatabaseErrorException")
    without_session(aws, "msg_6", "msg_7", "msg_8")
    chats = ChatResults(aws.items, database(client), nobody(aws), lambda: NOW.replace(hour=3, minute=1))
    with pytest.raises(ResultsNotStored):
        replace(keeper(aws, client), chats=chats).store_unsaved()
    assert len(list(aws.items.query(keys.answered_partition(keys.NO_SESSION)))) == 3, "they are there for the next time"


def test_chats_that_were_deleted_or_cannot_be_stored_now(aws: Aws) -> None:
    without_session(aws, "msg_1")
    client = DataApi()
    client.fail_next("DatabaseErrorException")
    chats = ChatResults(aws.items, database(client), nobody(aws), lambda: NOW)
    with pytest.raises(ClientError):
        chats.store()
    assert len(list(aws.items.query(keys.answered_partition(keys.NO_SESSION)))) == 1, "they are there for the next time"
    ConversationEraser(aws.items).erase("conv_1")
    assert list(aws.items.query(keys.answered_partition(keys.NO_SESSION))) == []
