"""Files that expire: OpenAI's `expires_after` and `output_expires_after`. When their time is over nobody finds them,
and the next sweep deletes bytes and records."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx2
import openai
import pytest

from foreverus import bootstrap
from foreverus.api import schemas
from foreverus.aws import keys
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.batches.input.lines import CHAT
from foreverus.batches.records import BatchRef
from foreverus.batches.store import BatchStore
from foreverus.errors import InvalidRequest
from foreverus.files.records import ExpiringFile, File, arrival_key, new_file
from foreverus.files.service import LOOKED_AT_AFTER, FileService
from foreverus.files.store import Files, FileStore, MemoryFiles
from foreverus.handlers import sweep
from foreverus.idempotency.store import MemoryClaims, Once
from foreverus.limits.records import Kind
from foreverus.limits.store import CountStore
from foreverus.sweeps.files import ExpiredFiles
from tests.unit.conftest import NOW, Aws, Clock
from tests.unit.files.gateway import BASE, Gateway
from tests.unit.files.test_files import form

HOUR = 3600
DAY = {"anchor": "created_at", "seconds": 24 * HOUR}


@pytest.fixture
def client(aws: Aws, clock: Clock) -> Iterator[openai.OpenAI]:
    http = httpx2.Client(transport=Gateway(), follow_redirects=True)
    with openai.OpenAI(api_key="fu_ana", base_url=BASE, http_client=http, max_retries=0) as made:
        yield made


def left(aws: Aws) -> tuple[list[str], list[str]]:
    """(objects, records of files) that there are."""
    objects = [key for key, _, _ in bootstrap.aws.objects(aws.data_bucket).list("files/")]
    records = [item["sk"] for item in aws.items.query("USER#ana", "FILE#")]
    return objects, records + [item["sk"] for item in aws.items.query(keys.EXPIRING_FILES)]


@pytest.mark.parametrize("is_swept", [False, True])
@pytest.mark.parametrize("way", ["form", "json"])
def test_a_repeated_request_does_not_give_a_file_whose_time_is_over(
    client: openai.OpenAI, clock: Clock, way: str, is_swept: bool
) -> None:
    hour, key = {"anchor": "created_at", "seconds": HOUR}, {"Idempotency-Key": "night-7"}

    def create() -> Any:
        if way == "form":
            made = client.files.create(
                file=("p.jsonl", b"{}"),
                purpose="batch",
                expires_after=hour,  # type: ignore[arg-type]
                extra_headers=key,
            )
            return made.id
        asked = {"filename": "p.jsonl", "purpose": "batch", "bytes": 2, "expires_after": hour}
        return client.post("/files", cast_to=dict[str, Any], body=asked, options={"headers": key})["id"]

    first = create()
    assert create() == first
    clock.now = NOW + timedelta(seconds=HOUR)
    if is_swept:
        sweep.handler({}, None)
    with pytest.raises(openai.ConflictError) as caught:
        create()
    assert (caught.value.code, caught.value.param) == ("file_deleted", "Idempotency-Key")


@pytest.mark.parametrize("way", ["form", "json"])
def test_a_file_is_gone_when_its_time_is_over(client: openai.OpenAI, clock: Clock, aws: Aws, way: str) -> None:
    if way == "form":
        file_id = client.files.create(file=("p.jsonl", b"{}"), purpose="batch", expires_after=DAY).id  # type: ignore[arg-type]
    else:
        asked = {"filename": "p.jsonl", "purpose": "batch", "bytes": 2, "expires_after": DAY}
        file_id = client.post("/files", cast_to=dict[str, Any], body=asked)["id"]
        key = arrival_key("ana", file_id)
        bootstrap.aws.client("s3").put_object(Bucket=aws.data_bucket, Key=key, Body=b"{}")
    kept = client.files.create(file=("q.jsonl", b"{}"), purpose="batch").id
    clock.now = NOW + timedelta(seconds=24 * HOUR - 1)
    sweep.handler({}, None)
    assert client.files.retrieve(file_id).expires_at == int(NOW.timestamp()) + 24 * HOUR
    assert client.files.retrieve(kept).expires_at is None
    assert client.files.content(file_id).read() == b"{}"
    assert {file.id for file in client.files.list()} == {file_id, kept}
    clock.now = NOW + timedelta(seconds=24 * HOUR)
    assert [file.id for file in client.files.list(limit=1)] == [kept]
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError):
            call(file_id)
    with pytest.raises(openai.NotFoundError):
        client.batches.create(input_file_id=file_id, endpoint=CHAT, completion_window="24h")
    sweep.handler({}, None)
    assert left(aws) == ([f"files/ana/{kept}"], [f"FILE#{kept}"])


def test_a_batch_answers_although_its_file_expires(client: openai.OpenAI, clock: Clock, aws: Aws) -> None:
    file = client.files.create(
        file=("p.jsonl", b"{}"), purpose="batch", expires_after={"anchor": "created_at", "seconds": HOUR}
    )
    batch = client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
    clock.now = NOW + timedelta(hours=2)
    sweep.handler({}, None)
    assert bootstrap.aws.objects(aws.data_bucket).size(f"batches/{batch.id}/input.jsonl") == 2


def test_a_batch_remembers_when_its_output_expires(client: openai.OpenAI, aws: Aws) -> None:
    file = client.files.create(file=("p.jsonl", b"{}"), purpose="batch")
    request: dict[str, Any] = {"input_file_id": file.id, "endpoint": CHAT, "completion_window": "24h"}
    batch = client.batches.create(**request, output_expires_after=DAY)
    record = BatchStore(aws.items).get(BatchRef("ana", batch.id))
    assert record and record.output_expires_s == 24 * HOUR


WRONG: list[tuple[Any, str]] = [
    ({"anchor": "last_active_at", "seconds": HOUR}, "anchor"),
    ({"anchor": "created_at", "seconds": HOUR - 1}, "seconds"),
    ({"anchor": "created_at", "seconds": 30 * 24 * HOUR + 1}, "seconds"),
    ({"anchor": "created_at", "seconds": -5}, "seconds"),
    ({"anchor": "created_at", "seconds": "soon"}, "seconds"),
    ({"anchor": "created_at"}, "seconds"),
    ({"seconds": HOUR}, "anchor"),
]


@pytest.mark.parametrize(("expires_after", "param"), WRONG)
def test_what_is_wrong_of_it_is_named_wherever_it_is_sent(
    client: openai.OpenAI, expires_after: Any, param: str
) -> None:
    file_id = client.files.create(file=("p.jsonl", b"{}"), purpose="batch").id
    announced = {"filename": "p", "purpose": "batch", "bytes": 2, "expires_after": expires_after}
    batch: dict[str, Any] = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"}
    for field, call in (
        ("expires_after", lambda: client.files.create(file=b"{}", purpose="batch", expires_after=expires_after)),
        ("expires_after", lambda: client.post("/files", cast_to=object, body=announced)),
        ("output_expires_after", lambda: client.batches.create(**batch, output_expires_after=expires_after)),
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            call()
        assert caught.value.param == f"{field}.{param}"
        assert param in caught.value.message
    assert [file.id for file in client.files.list()] == [file_id]
    assert client.batches.list().data == []


@pytest.mark.parametrize("seconds", ["3600.0", "١٢٣٤", "1e4", " 3600", "", "9" * 400])
def test_a_form_says_seconds_in_digits(seconds: str) -> None:
    fields = [("purpose", None, b"batch"), ("file", "p", b""), ("expires_after[anchor]", None, b"created_at")]
    files = FileService(MemoryFiles(), MemoryObjects(lambda: NOW), Once(MemoryClaims(), lambda: NOW), lambda: NOW)
    with pytest.raises(InvalidRequest) as caught:
        files.upload("ana", *form(*fields, ("expires_after[seconds]", None, seconds.encode())))
    assert caught.value.param == "expires_after.seconds"


def test_null_is_for_ever(client: openai.OpenAI) -> None:
    asked = {"filename": "p.jsonl", "purpose": "batch", "bytes": 2, "expires_after": None}
    made: dict[str, Any] = client.post("/files", cast_to=dict[str, Any], body=asked)
    assert made["expires_at"] is None


def test_every_place_that_takes_it_says_the_same() -> None:
    said = [
        schemas.schema(name)["properties"][field]["properties"]
        for name, field in (
            ("file_form", "expires_after"),
            ("file_create", "expires_after"),
            ("batch_create", "output_expires_after"),
        )
    ]
    assert said.count(said[0]) == len(said)


@pytest.fixture(params=["dynamodb", "memory"])
def files(request: pytest.FixtureRequest, aws: Aws) -> Files:
    return FileStore(aws.items) if request.param == "dynamodb" else MemoryFiles()


def expiring(file_id: str, seconds: int, created_at: datetime = NOW) -> File:
    return new_file(file_id, "ana", "p.jsonl", 2, created_at, expires_s=seconds)


def test_what_is_due_comes_oldest_first(files: Files) -> None:
    for file_id, seconds in (("file_2", HOUR), ("file_1", 2 * HOUR), ("file_3", HOUR)):
        files.note_expiry(expiring(file_id, seconds))
        files.put(expiring(file_id, seconds))
    assert files.expired(NOW + timedelta(seconds=HOUR - 1)) == []
    due = files.expired(NOW + timedelta(seconds=HOUR))
    assert [one.file_id for one in due] == ["file_2", "file_3"]
    files.forget_expiry(due[0])
    assert [one.file_id for one in files.expired(NOW + timedelta(days=1))] == ["file_3", "file_1"]
    assert files.get("ana", "file_1") == expiring("file_1", 2 * HOUR)
    later = "2026-01-01T13:00:00.000Z"
    assert [one.file_id for one in files.by_age("ana", 1, now=later)] == ["file_1"]
    assert [one.file_id for one in files.by_age("ana", 9, now=later, ascending=True, purpose="batch")] == ["file_1"]


def swept(files: Files, objects: MemoryObjects, now: datetime) -> list[str | None]:
    return [repair.run() for repair in ExpiredFiles(files, objects, lambda: now, lambda file: file)()]


def test_a_crash_between_the_note_and_the_record_leaves_nothing_for_ever(files: Files) -> None:
    objects = MemoryObjects(lambda: NOW)
    files.note_expiry(expiring("file_1", HOUR))
    objects.put("files/ana/file_1", b"{}")
    assert swept(files, objects, NOW + timedelta(hours=1)) == ["deleted"]
    assert objects.held == {}
    assert swept(files, objects, NOW + timedelta(hours=1)) == []


def test_of_two_tries_the_one_counts_that_was_kept(files: Files) -> None:
    objects, later = MemoryObjects(lambda: NOW), NOW + timedelta(minutes=10)
    for created_at in (NOW, later):
        files.note_expiry(expiring("file_1", HOUR, created_at))
    files.put(expiring("file_1", HOUR, later))
    objects.put("files/ana/file_1", b"{}")
    assert swept(files, objects, NOW + timedelta(hours=1)) == [None]
    assert objects.held
    assert swept(files, objects, later + timedelta(hours=1)) == ["deleted"]
    assert (objects.held, files.get("ana", "file_1")) == ({}, None)


def test_deleting_it_before_does_no_harm(files: Files) -> None:
    objects = MemoryObjects(lambda: NOW)
    files.note_expiry(expiring("file_1", HOUR))
    assert swept(files, objects, NOW + timedelta(hours=1)) == ["deleted"]


def test_a_sweep_that_fails_tries_again() -> None:
    class Down(MemoryObjects):
        is_down = True

        def delete(self, key: str) -> None:
            if self.is_down:
                raise ConnectionError
            super().delete(key)

    files, objects = MemoryFiles(), Down(lambda: NOW)
    file = expiring("file_1", HOUR)
    files.note_expiry(file)
    files.put(replace(file, bytes=2))
    objects.put(file.object_key, b"{}")
    with pytest.raises(ConnectionError):
        swept(files, objects, NOW + timedelta(hours=1))
    assert files.expiring == {ExpiringFile("ana", "file_1", file.expires_at)}
    objects.is_down = False
    assert swept(files, objects, NOW + timedelta(hours=1)) == ["deleted"]


def test_what_was_announced_and_never_came_goes_and_what_came_stays(
    aws: Aws, client: openai.OpenAI, clock: Clock
) -> None:
    service = bootstrap.api.build().files
    wish = {"filename": "p.jsonl", "purpose": "batch", "bytes": 2}
    never, came = (str(service.announce("ana", wish)["id"]) for _ in range(2))
    bootstrap.aws.objects(aws.data_bucket).put(arrival_key("ana", came), b"{}")
    assert CountStore(aws.items).read("ana", Kind.BYTES).used == 4
    clock.now += LOOKED_AT_AFTER - timedelta(seconds=1)
    sweep.handler({}, None)
    assert {one.id for one in client.files.list().data} == {never, came}
    clock.now += timedelta(seconds=1)
    sweep.handler({}, None)
    assert left(aws) == ([f"files/ana/{came}"], [f"FILE#{came}"]), "nobody had asked for it"
    assert CountStore(aws.items).read("ana", Kind.BYTES).used == 2, "its bytes are given back"
    assert client.files.content(came).content == b"{}"


def test_bytes_that_a_crash_left_without_a_record_go(
    aws: Aws, client: openai.OpenAI, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as crash:
        crash.setattr(FileStore, "put", lambda *_: 1 / 0)
        with pytest.raises(openai.InternalServerError):
            client.files.create(file=("p.jsonl", b"{}"), purpose="batch")
    assert len(left(aws)[0]) == 1
    clock.now += LOOKED_AT_AFTER
    sweep.handler({}, None)
    assert left(aws) == ([], [])


@pytest.mark.parametrize(
    ("asked", "kept"), [({}, 24), ({"expires_after": {"anchor": "created_at", "seconds": HOUR}}, 1)]
)
def test_a_stack_that_keeps_files_for_a_day_keeps_none_longer(
    aws: Aws, client: openai.OpenAI, clock: Clock, monkeypatch: pytest.MonkeyPatch, asked: Any, kept: int
) -> None:
    monkeypatch.setenv("FILE_RETENTION_DAYS", "1")
    file = client.files.create(file=("p.jsonl", b"{}"), purpose="batch", **asked)
    assert file.expires_at == file.created_at + kept * HOUR
    clock.now += timedelta(hours=kept)
    sweep.handler({}, None)
    assert client.files.list().data == [] and left(aws)[0] == []
