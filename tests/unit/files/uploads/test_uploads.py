"""Files in parts, by OpenAI's own client: in any order, again after a lost answer, and what is wrong is said."""

import hashlib
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from foreverus import bootstrap
from foreverus.aws import keys
from foreverus.batches.input.lines import CHAT
from foreverus.files.records import MAX_FILE_BYTES
from foreverus.files.service import IN_PARTS, MAX_UPLOAD_PART_BYTES
from foreverus.files.uploads import store as uploads_store
from foreverus.handlers import sweep
from tests.unit.conftest import NOW, Aws
from tests.unit.files.gateway import BASE, Gateway
from tests.unit.files.test_expiry import WRONG, Clock

JSONL = "application/jsonl"
MIB = 2**20


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(bootstrap.aws, "clock", made)
    return made


@pytest.fixture
def gateway(aws: Aws) -> Gateway:
    return Gateway()


@pytest.fixture
def client(gateway: Gateway, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[openai.OpenAI]:
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.0)
    http = httpx2.Client(transport=gateway, follow_redirects=True)
    with openai.OpenAI(api_key="fu_ana", base_url=BASE, http_client=http) as made:
        yield made


def begun(client: openai.OpenAI, size: int, name: str = "p.jsonl", **more: Any) -> str:
    return client.uploads.create(filename=name, purpose="batch", bytes=size, mime_type=JSONL, **more).id


def sent(client: openai.OpenAI, upload_id: str, *parts: bytes) -> list[str]:
    return [client.uploads.parts.create(upload_id, data=part).id for part in parts]


def left(aws: Aws) -> list[str]:
    """Objects of parts and files."""
    objects = bootstrap.aws.objects(aws.data_bucket)
    return [key for prefix in ("uploads/", "files/") for key, _, _ in objects.list(prefix)]


def refused(call: Any, code: str, param: str | None) -> str:
    with pytest.raises(openai.APIStatusError) as caught:
        call()
    assert 400 <= caught.value.status_code < 500
    assert (caught.value.code, caught.value.param) == (code, param)
    return caught.value.message


@pytest.mark.parametrize(
    ("size", "part_size"),
    [
        (9 * MIB + 5, 4 * MIB),
        (24 * MIB, 4 * MIB),
        (20 * MIB + 1, 3_000_000),
        (50_000, 999),
        (1, 4 * MIB),
        (8 * MIB, 4 * MIB),
    ],
)
def test_a_file_in_parts_is_the_file(
    client: openai.OpenAI, aws: Aws, tmp_path: Path, size: int, part_size: int
) -> None:
    path, data = tmp_path / "prompts ção.jsonl", random.Random(size).randbytes(size)
    path.write_bytes(data)
    md5 = hashlib.md5(data).hexdigest()
    upload = client.uploads.upload_file_chunked(
        file=path, mime_type=JSONL, purpose="batch", part_size=part_size, md5=md5
    )
    assert (upload.object, upload.status, upload.bytes, upload.filename) == ("upload", "completed", size, path.name)
    assert upload.file and client.files.retrieve(upload.file.id) == upload.file
    assert (upload.file.bytes, upload.file.filename, upload.file.status) == (size, path.name, "processed")
    assert client.files.content(upload.file.id).read() == data
    assert left(aws) == [f"files/ana/{upload.file.id}"], "its parts are gone"
    assert client.batches.create(input_file_id=upload.file.id, endpoint=CHAT, completion_window="24h").id


def test_every_field_of_openais_objects_is_there(client: openai.OpenAI) -> None:
    upload_id = begun(client, 3)
    part = client.uploads.parts.with_raw_response.create(upload_id, data=b"abc")
    made = client.uploads.with_raw_response.complete(upload_id, part_ids=[part.parse().id])
    assert set(part.http_response.json()) == set(openai.types.uploads.UploadPart.model_fields)
    assert set(made.http_response.json()) == set(openai.types.Upload.model_fields)
    assert part.parse().upload_id == upload_id


def test_parts_make_the_file_in_the_order_that_is_asked_for(client: openai.OpenAI) -> None:
    upload_id = begun(client, 6)
    third, first, unused, second = sent(client, upload_id, b"56", b"12", b"xx", b"34")
    made = client.uploads.complete(upload_id, part_ids=[first, second, third])
    assert made.file and client.files.content(made.file.id).read() == b"123456"
    assert unused


def test_uploads_that_became_files_are_listed_page_after_page(client: openai.OpenAI) -> None:
    made = []
    for number in range(4):
        upload_id = begun(client, 1)
        done = client.uploads.complete(upload_id, part_ids=sent(client, upload_id, b"x"))
        assert done.file
        made.append(done.file.id)
        if number == 1:
            made.append(client.files.create(file=("q.jsonl", b"{}"), purpose="batch").id)
    assert {file.id for file in client.files.list(limit=2)} == set(made)
    assert {file.id for file in client.files.list(limit=1, order="asc")} == set(made)


@pytest.mark.parametrize(
    "lost", ["POST /uploads", "POST /uploads/{upload_id}/parts", "POST /uploads/{upload_id}/complete"]
)
def test_what_is_sent_again_after_a_lost_answer_is_made_once(
    client: openai.OpenAI, gateway: Gateway, aws: Aws, lost: str
) -> None:
    gateway.lost = [lost]
    data = b"abc" * 1000
    made = client.uploads.upload_file_chunked(
        file=data, filename="p.jsonl", bytes=len(data), mime_type=JSONL, purpose="batch", part_size=1000
    )
    assert gateway.seen.count(lost) == {"POST /uploads/{upload_id}/parts": 4}.get(lost, 2)
    assert made.file and client.files.content(made.file.id).read() == data
    assert [file.id for file in client.files.list()] == [made.file.id]
    assert len(list(aws.items.query("USER#ana", "UPLOAD#"))) == 1
    assert len(list(aws.items.query(f"UPLOAD#{made.id}"))) == 3


def test_equal_parts_are_two_parts(client: openai.OpenAI) -> None:
    upload_id = begun(client, 4)
    made = client.uploads.complete(upload_id, part_ids=sent(client, upload_id, b"xx", b"xx"))
    assert made.file and client.files.content(made.file.id).read() == b"xxxx"


def test_completing_twice_gives_the_same_file_and_with_others_is_refused(client: openai.OpenAI) -> None:
    upload_id = begun(client, 4)
    one, two = sent(client, upload_id, b"12", b"34")
    first = client.uploads.complete(upload_id, part_ids=[one, two])
    assert client.uploads.complete(upload_id, part_ids=[one, two]) == first
    refused(lambda: client.uploads.complete(upload_id, part_ids=[two, one]), "upload_is_over", "upload_id")
    refused(
        lambda: client.uploads.complete(upload_id, part_ids=[one, two], md5="0" * 32), "upload_is_over", "upload_id"
    )
    refused(lambda: client.uploads.cancel(upload_id), "upload_is_over", "upload_id")
    refused(lambda: sent(client, upload_id, b"5"), "upload_is_over", "upload_id")
    assert first.file and client.files.content(first.file.id).read() == b"1234"
    client.files.delete(first.file.id)
    again = client.uploads.complete(upload_id, part_ids=[one, two])
    assert (again.status, again.file) == ("completed", None), "what was deleted does not come back"


def test_a_cancelled_upload_is_over_and_its_parts_are_gone(client: openai.OpenAI, aws: Aws) -> None:
    upload_id = begun(client, 4)
    parts = sent(client, upload_id, b"12", b"34")
    assert client.uploads.cancel(upload_id).status == "cancelled"
    assert client.uploads.cancel(upload_id).status == "cancelled"
    assert left(aws) == []
    refused(lambda: client.uploads.complete(upload_id, part_ids=parts), "upload_is_over", "upload_id")
    refused(lambda: sent(client, upload_id, b"5"), "upload_is_over", "upload_id")
    assert client.files.list().data == []


def test_an_unfinished_upload_expires_after_its_hour(client: openai.OpenAI, clock: Clock, aws: Aws) -> None:
    upload = client.uploads.create(filename="p.jsonl", purpose="batch", bytes=2, mime_type=JSONL)
    assert (upload.status, upload.expires_at - upload.created_at, upload.file) == ("pending", 3600, None)
    parts = sent(client, upload.id, b"12")
    clock.now = NOW + timedelta(hours=1)
    for call in (
        lambda: client.uploads.complete(upload.id, part_ids=parts),
        lambda: sent(client, upload.id, b"12"),
        lambda: client.uploads.cancel(upload.id),
    ):
        assert "expired" in refused(call, "upload_is_over", "upload_id")
    (item,) = aws.items.query("USER#ana", "UPLOAD#")
    (part,) = aws.items.query(f"UPLOAD#{upload.id}")
    gone = int((NOW + timedelta(hours=25)).timestamp())
    assert item["expires_at"] == part["expires_at"] == gone, "and the table forgets it; the bucket, by its lifecycle"


def test_one_that_was_completed_in_time_does_not_expire(client: openai.OpenAI, clock: Clock) -> None:
    upload_id = begun(client, 2)
    parts = sent(client, upload_id, b"12")
    client.uploads.complete(upload_id, part_ids=parts)
    clock.now = NOW + timedelta(hours=2)
    assert client.uploads.complete(upload_id, part_ids=parts).status == "completed"


def test_what_is_wrong_with_the_parts_is_said(client: openai.OpenAI) -> None:
    upload_id, other = begun(client, 4), begun(client, 2)
    one, two = sent(client, upload_id, b"12", b"34")
    (foreign,) = sent(client, other, b"12")

    def complete(*part_ids: str, **more: Any) -> Any:
        return lambda: client.uploads.complete(upload_id, part_ids=list(part_ids), **more)

    for wrong in (foreign, "part_x", "part_" + "0" * 28, "\u200b"):
        assert "number 2" in refused(complete(one, wrong), "part_not_found", "part_ids")
    assert "twice" in refused(complete(one, one), "invalid_field", "part_ids")
    for few in ((one,), (two,)):
        message = refused(complete(*few), "wrong_size", "part_ids")
        assert "2 bytes" in message and "4" in message
    refused(complete(), "invalid_field", "part_ids")
    refused(complete(one, two, md5="nope"), "invalid_field", "md5")
    message = refused(complete(one, two, md5=hashlib.md5(b"4321").hexdigest()), "md5_mismatch", "md5")
    assert hashlib.md5(b"1234").hexdigest() in message
    made = complete(one, two, md5=hashlib.md5(b"1234").hexdigest().upper())()
    assert made.file and client.files.content(made.file.id).read() == b"1234", "nothing was lost by it"


def test_more_bytes_than_were_announced_are_refused(client: openai.OpenAI) -> None:
    upload_id = begun(client, 3)
    refused(lambda: sent(client, upload_id, b"1234"), "invalid_field", "data")
    parts = sent(client, upload_id, b"12", b"34")
    refused(lambda: client.uploads.complete(upload_id, part_ids=parts), "wrong_size", "part_ids")


def test_a_part_that_is_too_large_names_the_part_size(client: openai.OpenAI, aws: Aws) -> None:
    upload_id = begun(client, 3 * MAX_UPLOAD_PART_BYTES)
    with pytest.raises(openai.APIStatusError) as caught:
        sent(client, upload_id, b"x" * (MAX_UPLOAD_PART_BYTES + 1))
    assert (caught.value.status_code, caught.value.code) == (413, "part_too_large")
    assert IN_PARTS in caught.value.message and str(MAX_UPLOAD_PART_BYTES) in IN_PARTS
    assert left(aws) == []
    assert sent(client, upload_id, b"x" * MAX_UPLOAD_PART_BYTES)
    with pytest.raises(openai.APIStatusError) as form:
        client.files.create(file=("p.jsonl", b"x" * 4_000_001), purpose="batch")
    assert IN_PARTS in form.value.message


def test_parts_are_counted(client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads_store, "MOST_PARTS", 3)
    upload_id = begun(client, 9)
    sent(client, upload_id, b"1", b"2", b"3")
    refused(lambda: sent(client, upload_id, b"4"), "too_many_parts", "data")


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"bytes": MAX_FILE_BYTES + 1}, "file_too_large", "bytes"),
        ({"bytes": 0}, "invalid_field", "bytes"),
        ({"purpose": "vision"}, "invalid_field", "purpose"),
        ({"filename": "  "}, "invalid_field", "filename"),
        ({"filename": ""}, "invalid_field", "filename"),
        ({"extra_body": {"colour": "blue"}}, "unknown_field", "colour"),
    ],
)
def test_a_wrong_upload_is_named(client: openai.OpenAI, changes: dict[str, Any], code: str, param: str) -> None:
    request = {"filename": "p.jsonl", "purpose": "batch", "bytes": 5, "mime_type": JSONL} | changes
    refused(lambda: client.uploads.create(**request), code, param)


@pytest.mark.parametrize(
    ("fields", "code", "param"), [({"file": b"x"}, "unknown_field", "file"), ({}, "invalid_form", None)]
)
def test_a_wrong_part_is_named(client: openai.OpenAI, fields: dict[str, bytes], code: str, param: str | None) -> None:
    upload_id = begun(client, 3)
    headers = {"Content-Type": "multipart/form-data"} if fields else {}
    refused(
        lambda: client.post(
            f"/uploads/{upload_id}/parts",
            cast_to=object,
            files=fields or None,
            body={} if fields else {"data": "x"},
            options={"headers": headers},
        ),
        code,
        param,
    )
    refused(lambda: client.uploads.parts.create(upload_id, data=b""), "invalid_field", "data")


def test_nobody_elses_upload_is_there(client: openai.OpenAI) -> None:
    upload_id = begun(client, 3)
    with openai.OpenAI(api_key="fu_bia", base_url=BASE, http_client=httpx2.Client(transport=Gateway())) as bia:
        for call in (
            lambda: sent(bia, upload_id, b"123"),
            lambda: bia.uploads.complete(upload_id, part_ids=["part_1"]),
            lambda: bia.uploads.cancel(upload_id),
        ):
            refused(call, "upload_not_found", "upload_id")


def test_the_file_expires_as_it_was_asked_to(client: openai.OpenAI, clock: Clock, aws: Aws) -> None:
    upload_id = begun(client, 2, expires_after={"anchor": "created_at", "seconds": 7200})
    clock.now = NOW + timedelta(minutes=30)
    made = client.uploads.complete(upload_id, part_ids=sent(client, upload_id, b"{}"))
    assert made.file and made.file.expires_at == int(clock.now.timestamp()) + 7200
    clock.now += timedelta(hours=2)
    sweep.handler({}, None)
    assert left(aws) == [] and client.files.list().data == []
    clock.now += timedelta(hours=1)  # when it would have been looked at
    sweep.handler({}, None)
    assert list(aws.items.query(keys.EXPIRING_FILES)) == []


@pytest.mark.parametrize(("expires_after", "param"), WRONG)
def test_a_wrong_expiry_is_named(client: openai.OpenAI, expires_after: Any, param: str) -> None:
    refused(
        lambda: begun(client, 2, expires_after=expires_after),
        "missing_field" if len(expires_after) == 1 else "invalid_field",
        f"expires_after.{param}",
    )
