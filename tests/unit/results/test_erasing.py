"""Deleted files: gone from the bucket and the table, whenever they are deleted and whatever is down just then."""

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus import bootstrap
from foreverus.attempts import Attempts
from foreverus.aws import keys
from foreverus.aws.s3 import S3Objects
from foreverus.batches.finishing import file_ids
from foreverus.batches.model import new_batch
from foreverus.batches.records import BatchOutcome, BatchRef, BatchStatus, LineResult, Shard
from foreverus.batches.store import BatchStore
from foreverus.deletions.owed import OwedDeletions, OwedKind
from foreverus.deletions.work import Deletions, Erased
from foreverus.errors import Conflict, NotFound
from foreverus.files.records import File, FilePurpose, arrival_key, new_file, object_key
from foreverus.files.service import FileService
from foreverus.files.store import FileStore
from foreverus.idempotency.store import MemoryClaims, Once
from foreverus.results.batches import BatchSummaries
from foreverus.results.erasing import EraseFile
from foreverus.results.rows import batch_row
from tests.unit.conftest import NOW, Aws

SECRET = "a secret"
BATCH = "batch_" + "0" * 28
OUTPUT, ERROR = file_ids(BATCH)
REF = BatchRef("ana", BATCH)
LATER = NOW + timedelta(hours=3)
REQUEST = {"input_file_id": "file_in", "endpoint": "/v1/chat/completions", "completion_window": "24h"}


class World:
    """One person's files in moto's bucket and table, and what works off their deletions."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.objects = S3Objects(bootstrap.aws.client("s3"), aws.data_bucket, lambda: NOW)
        self.files = FileStore(aws.items)
        self.batches = BatchStore(aws.items)
        self.owed = OwedDeletions(aws.items)
        self.service = FileService(self.files, self.objects, Once(MemoryClaims(), lambda: NOW), lambda: NOW)

    def file(self, file_id: str = "file_in", purpose: FilePurpose = FilePurpose.BATCH) -> File:
        file = new_file(file_id, "ana", f"{SECRET}.jsonl", 8, NOW, purpose=purpose)
        self.objects.put(file.object_key, SECRET.encode())
        assert self.files.put(file)
        return file

    def batch(self, status: BatchStatus = BatchStatus.COMPLETED) -> None:
        """Its lines are answered, in two shards."""
        batch = new_batch(BATCH, "ana", REQUEST, NOW)
        self.batches.create(replace(batch, status=status))
        self.batches.put_shards(BATCH, [Shard(n, 30 * n + 1, 30, n, n + 1) for n in range(2)])
        self.answer()

    def answer(self) -> None:
        for shard in range(2):
            lines = [LineResult(30 * shard + n, f"{SECRET} {n}", by="ses_1", text=SECRET) for n in range(1, 31)]
            self.batches.keep_results(BATCH, shard, lines, NOW)

    def work_off(self, now: datetime = NOW, failures: int = 0) -> list[Erased]:
        erase = {OwedKind.FILE: EraseFile(self.objects, self.batches, lambda: now)}
        attempts = Attempts()
        erased = Deletions(self.owed, erase, lambda: now).work_off(attempts)
        assert len(attempts.failed) == failures, attempts.failed
        return erased

    def secrets(self) -> list[str]:
        """Where the secret still is."""
        client = bootstrap.aws.client("s3")
        found = client.list_objects_v2(Bucket=self.aws.data_bucket).get("Contents", [])
        items = bootstrap.aws.client("dynamodb").scan(TableName=self.aws.items.name)["Items"]
        return [one["Key"] for one in found] + [str(item["sk"]) for item in items if SECRET in str(item)]


@pytest.fixture
def world(aws: Aws) -> World:
    return World(aws)


@pytest.fixture
def s3_down(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    def down(*_: Any) -> None:
        raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "down"}}, "DeleteObject")

    monkeypatch.setattr(S3Objects, "delete", down)
    monkeypatch.setattr(S3Objects, "erase", down)
    return monkeypatch


def test_a_deleted_input_is_gone_with_the_answer_and_stays_gone(world: World) -> None:
    file = world.file()
    world.service.delete("ana", "file_in")
    assert world.secrets() == []
    assert world.work_off() == [Erased(OwedKind.FILE, "file_in")]
    world.objects.put(file.object_key, SECRET.encode())  # by a batch's end that was cut off
    world.objects.put(arrival_key("ana", "file_in"), SECRET.encode())  # at an address that was given out before
    assert world.work_off(NOW + timedelta(minutes=30)) == []
    assert world.work_off(LATER) == [Erased(OwedKind.FILE, "file_in")]
    assert (world.secrets(), world.work_off(LATER)) == ([], [])


def test_a_file_is_deleted_although_the_bucket_is_down_and_its_bytes_follow(
    world: World, s3_down: pytest.MonkeyPatch
) -> None:
    file, kept = world.file(), world.file("file_kept")
    assert world.service.delete("ana", "file_in")["deleted"]
    with pytest.raises(NotFound):
        world.service.get("ana", "file_in")
    assert world.work_off(failures=1) == []
    assert world.work_off() == []  # tried again a quarter of an hour later
    assert world.work_off(NOW + timedelta(minutes=15), failures=1) == []
    s3_down.undo()
    assert world.work_off(NOW + timedelta(days=1)) == [Erased(OwedKind.FILE, "file_in")]
    assert world.objects.size(file.object_key) is None
    assert world.objects.size(kept.object_key) == len(SECRET)


@pytest.mark.parametrize("file_id", [OUTPUT, ERROR])
def test_a_result_goes_with_the_lines_that_it_was_made_of(world: World, file_id: str) -> None:
    world.batch()
    world.file(file_id, FilePurpose.BATCH_OUTPUT)
    world.service.delete("ana", file_id)
    assert world.work_off() == [Erased(OwedKind.FILE, file_id)]
    assert world.secrets() == []
    world.answer()  # a worker that had not heard of the end
    world.work_off(LATER)
    assert world.secrets() == []
    assert world.batches.get(REF) and len(world.batches.shards(BATCH)) == 2


def test_a_batch_keeps_its_lines_until_it_is_over(world: World) -> None:
    world.batch(BatchStatus.FINALIZING)
    file = world.file(OUTPUT, FilePurpose.BATCH_OUTPUT)
    world.service.delete("ana", OUTPUT)
    for now in (NOW, NOW + timedelta(minutes=5), LATER):
        assert world.work_off(now) == []
        assert world.objects.size(file.object_key) is None
    assert len(world.batches.finished(BATCH, 1).results) == 30
    world.batches.end(REF, BatchOutcome(status=BatchStatus.COMPLETED), (BatchStatus.FINALIZING,), LATER)
    assert world.work_off(LATER) == [Erased(OwedKind.FILE, OUTPUT)]
    assert world.secrets() == []


def test_a_result_of_a_batch_that_is_not_there_is_a_file_like_any_other(world: World) -> None:
    world.file(OUTPUT, FilePurpose.BATCH_OUTPUT)
    world.service.delete("ana", OUTPUT)
    assert world.work_off() == [Erased(OwedKind.FILE, OUTPUT)]
    assert world.secrets() == []


def test_one_that_fails_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("file_1", "file_2"):
        world.file(name)
        world.service.delete("ana", name)
    erase = S3Objects.erase

    def fails_for_one(self: S3Objects, key: str) -> None:
        if key == object_key("ana", "file_1"):
            raise ConnectionError
        erase(self, key)

    monkeypatch.setattr(S3Objects, "erase", fails_for_one)
    assert world.work_off(failures=1) == [Erased(OwedKind.FILE, "file_2")]
    assert {one.name: one.tries for one in world.owed.of(OwedKind.FILE)} == {"file_1": 1, "file_2": 0}


def test_a_repeated_upload_does_not_bring_a_deleted_file_back(world: World) -> None:
    deleted = world.file()
    world.service.delete("ana", "file_in")
    world.objects.put(deleted.object_key, SECRET.encode())
    with pytest.raises(Conflict) as caught:
        world.service._keep(deleted)
    assert caught.value.reason == "file_deleted"
    assert world.secrets() == []


def test_of_a_batch_postgresql_gets_no_text(world: World) -> None:
    """So nothing of a file has to be deleted there."""
    world.batch()
    batch = world.batches.get(REF)
    assert batch
    written = replace(batch, metadata={"note": SECRET}, input_file_id=SECRET)
    assert SECRET not in str(batch_row(written))
    assert SECRET not in str(asdict(BatchSummaries(world.batches, None, lambda: NOW).store(REF)))


def test_what_is_owed_holds_nothing_of_the_file(world: World) -> None:
    world.file()
    world.service.delete("ana", "file_in")
    (item,) = world.aws.items.query(keys.owed_deletions_partition(OwedKind.FILE))
    assert SECRET not in str(item)
