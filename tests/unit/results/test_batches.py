"""Batches' summaries on their way to PostgreSQL; the migrations are run by tests/local against a real one."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus import ids
from foreverus.attempts import Attempts
from foreverus.batches.items import batch_from_item
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.records import Batch, BatchRef, BatchStatus
from foreverus.errors import ResultsNotStored
from foreverus.results import migrations
from foreverus.results.batches import BatchSummaries, StoredBatch
from foreverus.results.rows import batch_row
from foreverus.results.sessions import StoredSession
from foreverus.results.store import ResultsKeeper
from foreverus.results.unsaved import MOST_TRIES, Unsaved
from tests.unit.batches.altering import known
from tests.unit.conftest import NOW
from tests.unit.results.test_results import DataApi, database

REF = BatchRef("ana", "batch_1")
LATER = NOW + timedelta(minutes=30)


def record(batch_id: str = "batch_1", **changes: Any) -> Batch:
    at = ids.timestamp(NOW)
    fields = {"batch_id": batch_id, "user_id": "ana", "status": "completed", "trigger": "api", "round": 2}
    times = {"created_at": at, "in_progress_at": at, "ended_at": at}
    used = {"usage": {"prompt_tokens": 30, "completion_tokens": 50}, "cost_usd": 0.0123, "sessions": {"ses_1", "ses_2"}}
    counts = {"total": 10, "completed": 9, "failed": 1}
    about = {"endpoint": "/v1/chat/completions", "model": "mistral-7b", "backend": "gpu", "choice_text": "gpu: cheaper"}
    return batch_from_item({**fields, **times, **used, **counts, **about, **changes})


def keeper(*records: Batch, client: DataApi | None = None) -> tuple[BatchSummaries, MemoryBatches]:
    batches = MemoryBatches()
    for one in records:
        batches.create(one)
    return BatchSummaries(batches, database(client) if client else None, lambda: LATER), batches


class Sessions:
    """Those that wait to be stored, instead of `SessionResults`."""

    def __init__(self, *unsaved: Unsaved[StoredSession], down: bool = False) -> None:
        self.those, self.down = unsaved, down

    def unsaved(self, note: object = None) -> tuple[Unsaved[StoredSession], ...]:
        if self.down:
            raise ConnectionError("DynamoDB is down")
        return self.those


class NoDeletions:
    """Nothing was deleted."""

    def work_off(self, attempts: Attempts) -> list[Any]:
        return []


class NoChats:
    def is_due(self) -> bool:
        return True

    def store(self) -> None:
        return None


class NoPeople:
    def store(self) -> None:
        """Nobody has changed."""


def store_unsaved(batches: BatchSummaries, sessions: Sessions | None = None) -> list[Any]:
    return ResultsKeeper(sessions or Sessions(), batches, NoDeletions(), NoChats(), NoPeople()).store_unsaved()  # type: ignore[arg-type]


def test_a_summary_is_stored_once_however_often_and_then_the_batch_is_not_open() -> None:
    client = DataApi()
    keep, batches = keeper(record(), client=client)
    assert keep.store(REF) == StoredBatch("batch_1", stored=True)
    assert keep.store(REF) == StoredBatch("batch_1", stored=True)
    assert client.written() == ["users", "batches"] * 2
    assert all("ON CONFLICT" in sql for sql, _ in client.statements if sql.startswith("INSERT"))
    assert set(client.people) == {REF.user_id}
    assert batches.open_batches() == []


def test_a_row_says_how_it_ended_and_nothing_that_people_wrote() -> None:
    row = batch_row(record(status="failed", errors=[{"code": "boot_failed", "message": "x"}]))
    assert (row["error"], row["choice"], row["sessions"], row["rounds"]) == ("boot_failed", "gpu: cheaper", 2, 2)
    assert (row["lines"], row["completed"], row["failed"], row["cost_usd"]) == (10, 9, 1, 0.0123)
    assert "blue" not in str(row)


def test_a_row_has_a_value_for_each_column_and_no_other() -> None:
    sql = migrations.available()["002_batches"]
    columns = [line.split()[0] for line in sql.splitlines() if line.startswith("    ")]
    assert columns == list(batch_row(record()))


def test_a_batch_that_failed_its_validation_has_a_row_too() -> None:
    at = ids.timestamp(NOW)
    bare = Batch(batch_id="batch_1", user_id="ana", status=BatchStatus.FAILED, created_at=at, ended_at=at)
    row = batch_row(bare)
    assert row["trigger"] == "unknown"
    assert (row["lines"], row["cost_usd"], row["in_progress_at"], row["ended_at"]) == (0, None, None, NOW)


def test_a_batch_that_is_not_over_is_not_stored() -> None:
    keep, _ = keeper(record(status="in_progress"), client=DataApi())
    with pytest.raises(ResultsNotStored, match="in_progress"):
        keep.store(REF)
    with pytest.raises(ResultsNotStored, match="unknown"):
        keep.store(BatchRef("ana", "batch_9"))


def test_without_postgresql_nothing_stays_open() -> None:
    keep, batches = keeper(record())
    assert keep.store(REF) == StoredBatch("batch_1", stored=False)
    assert batches.open_batches() == []


def test_a_database_that_is_down_leaves_the_batch_for_the_sweep() -> None:
    client = DataApi()
    keep, batches = keeper(record(), client=client)
    client.fail_next("DatabaseErrorException")
    with pytest.raises(ClientError):
        keep.store(REF)
    assert len(batches.open_batches()) == 1
    assert store_unsaved(keep) == [StoredBatch("batch_1", stored=True)]
    assert store_unsaved(keep) == []


def test_the_sweep_takes_what_is_due_and_one_failure_stops_no_other() -> None:
    client = DataApi()
    just_now = ids.timestamp(LATER - timedelta(minutes=5))
    keep, batches = keeper(record(), record("batch_2"), record("batch_3", ended_at=just_now), client=client)
    batches.create(record("batch_4", status="in_progress"))
    client.fail_next("InternalServerErrorException")
    with pytest.raises(ResultsNotStored, match=r"^batch_1: [^;]*$"):
        store_unsaved(keep)
    assert [one.batch_id for one in batches.open_batches()] == ["batch_1", "batch_3", "batch_4"]
    assert known(batches, REF).store_tries == 1


def test_a_summary_that_is_refused_again_and_again_keeps_no_database_awake() -> None:
    client = DataApi()
    keep, batches = keeper(record(store_tries=MOST_TRIES - 1, ended_at="2025-12-01T00:00:00.000Z"), client=client)
    client.fail_next("InternalServerErrorException")
    with pytest.raises(ResultsNotStored):
        store_unsaved(keep)
    assert batches.open_batches() == []


def test_sessions_that_cannot_be_stored_or_found_keep_no_batch_from_being_stored() -> None:
    def fail() -> StoredSession:
        raise TimeoutError("Aurora sleeps")

    noted: list[str] = []
    broken = Unsaved("ses_1", fail, lambda: noted.append("ses_1"))
    fine = Unsaved("ses_2", lambda: StoredSession("ses_2", stored=True, messages=1), lambda: noted.append("ses_2"))
    for sessions in (Sessions(broken, fine), Sessions(down=True)):
        keep, batches = keeper(record(), client=DataApi())
        with pytest.raises(ResultsNotStored, match=r"Aurora sleeps|sessions: ConnectionError"):
            store_unsaved(keep, sessions)
        assert batches.open_batches() == [], "the batch was stored all the same"
    assert noted == ["ses_1"]
