"""Files: uploaded by a form or at an address, found, listed, downloaded, deleted. Store and twin behave alike."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import requests

from foreverus import bootstrap
from foreverus.api.requests import RequestAttempt
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.batches.input.lines import CHAT
from foreverus.errors import InvalidRequest, NotAllowed, NotFound
from foreverus.files.answers import MAX_ANSWER_BYTES
from foreverus.files.forms import Form, FormFile, read_form
from foreverus.files.records import File, FilePurpose, FileStatus, arrival_key, new_file, object_key
from foreverus.files.service import MAX_INLINE_BYTES, FileService
from foreverus.files.store import Files, FileStore, MemoryFiles, from_item, to_item
from foreverus.files.views import public_file
from foreverus.handlers import api
from foreverus.idempotency.store import MemoryClaims, Once
from tests.unit.conftest import NOW, Aws


@pytest.fixture(params=["dynamodb", "memory"])
def files(request: pytest.FixtureRequest, aws: Aws) -> Files:
    return FileStore(aws.items) if request.param == "dynamodb" else MemoryFiles()


def ids(found: list[File]) -> list[str]:
    return [file.file_id for file in found]


def test_files_are_paged_both_ways(files: Files) -> None:
    for number in range(1, 6):
        purpose = FilePurpose.BATCH if number % 2 else FilePurpose.BATCH_OUTPUT
        files.put(new_file(f"file_{number}", "ana", "p.jsonl", 1, NOW, purpose=purpose))
    assert ids(files.by_age("ana", 2)) == ["file_5", "file_4"]
    assert ids(files.by_age("ana", 9, "file_4")) == ["file_3", "file_2", "file_1"]
    assert ids(files.by_age("ana", 2, "file_2", ascending=True)) == ["file_3", "file_4"]
    assert ids(files.by_age("ana", 2, purpose="batch")) == ["file_5", "file_3"]
    assert ids(files.by_age("ana", 2, "file_3", purpose="batch")) == ["file_1"]
    assert ids(files.by_age("ana", 9, ascending=True, purpose="batch_output")) == ["file_2", "file_4"]
    assert files.by_age("bia", 9) == []


def test_a_deleted_file_does_not_come_back_when_its_bytes_arrive(files: Files) -> None:
    pending = replace(new_file("file_1", "ana", "p.jsonl", 1, NOW), status=FileStatus.PENDING)
    files.put(pending)
    assert files.get("ana", "file_1") == pending
    assert files.arrived("ana", "file_1", 7) == replace(pending, status=FileStatus.UPLOADED, bytes=7)
    files.delete("ana", "file_1", NOW)
    assert files.arrived("ana", "file_1", 7) is None
    assert not files.put(pending)
    assert files.get("ana", "file_1") is None


# As it lay in the table before records had types.
STORED: dict[str, Any] = {
    "pk": "USER#ana",
    "sk": "FILE#file_1",
    "file_id": "file_1",
    "user_id": "ana",
    "filename": "p.jsonl",
    "bytes": 5,
    "purpose": "batch",
    "status": "pending",
    "created_at": "2026-01-01T12:00:00.000Z",
    "object_key": "files/ana/file_1",
}


def test_a_stored_item_is_read_and_written_as_it_is() -> None:
    assert to_item(from_item(STORED)) == STORED
    assert from_item(STORED).status is FileStatus.PENDING
    output = {**STORED, "purpose": "batch_output", "status": "uploaded", "expires_at": "2026-01-02T12:00:00.000Z"}
    assert to_item(from_item(output)) == output


def test_words_that_a_newer_version_wrote_make_no_input_of_a_file() -> None:
    strange = from_item({**STORED, "purpose": "evals", "status": "scanned", "colour": "blue"})
    assert (strange.purpose, strange.status) == (FilePurpose.BATCH_OUTPUT, FileStatus.PENDING)


def test_a_file_is_processed_when_its_bytes_are_there() -> None:
    file = new_file("file_1", "ana", "p.jsonl", 5, NOW, purpose=FilePurpose.BATCH_OUTPUT)
    assert public_file(file) == {
        "id": "file_1",
        "object": "file",
        "bytes": 5,
        "created_at": int(NOW.timestamp()),
        "expires_at": None,
        "filename": "p.jsonl",
        "purpose": "batch_output",
        "status": "processed",
    }
    assert public_file(replace(file, status=FileStatus.PENDING))["status"] == "pending"


class World:
    def __init__(self) -> None:
        self.store, self.objects = MemoryFiles(), MemoryObjects(lambda: NOW)
        self.files = FileService(self.store, self.objects, Once(MemoryClaims(), lambda: NOW), lambda: NOW)

    def put(self, user_id: str, file_id: str, data: bytes | None) -> File:
        file = new_file(file_id, user_id, "p.jsonl", len(data or b""), NOW)
        self.store.put(file)
        if data is not None:
            self.objects.put(file.object_key, data)
        return file


def form(*parts: tuple[str, str | None, bytes], boundary: str = "XX") -> tuple[str, bytes]:
    body = b""
    for name, filename, data in parts:
        of_file = "" if filename is None else f'; filename="{filename}"\r\nContent-Type: application/jsonl'
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{of_file}\r\n\r\n'
        body += head.encode() + data + b"\r\n"
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def test_a_form_keeps_every_byte_of_its_file() -> None:
    data = b"\r\n--XX\x00\xff--\r\n-\r\n" + bytes(range(256)) * 3
    made = read_form(*form(("purpose", None, b"batch"), ("file", "ação.jsonl", data), boundary="YY"))
    assert made == Form({"purpose": "batch"}, {"file": FormFile("ação.jsonl", data)})


def test_a_large_file_of_a_form_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "python_multipart.multipart.File.flush_to_disk", lambda self: pytest.fail("written to the disk")
    )
    data = b"x" * MAX_INLINE_BYTES
    assert read_form(*form(("file", "p.jsonl", data))).files["file"].data == data


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=XX", b""),
        ("multipart/form-data; boundary=XX", b"nonsense"),
        ("multipart/form-data; boundary=XX", form(("file", "x", b"1"))[1][:-10]),
        ("multipart/form-data; boundary=XX", b"--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--\r\n"),
        ("multipart/form-data; boundary=" + "X" * 300, b""),
        form(*[(f"f{n}", None, b"") for n in range(30)]),
        form(("file", "a", b"1"), ("file", "b", b"2")),
        form(("purpose", None, b"batch"), ("purpose", None, b"batch")),
    ],
)
def test_what_is_no_form_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_form(content_type, body)
    assert caught.value.reason in ("invalid_form", "invalid_field")


_PART = b'--XX\r\nContent-Disposition: form-data; name="a"\r\n'
_END = b"\r\n--XX--\r\n"


@pytest.mark.parametrize(
    ("boundary", "body", "says"),
    [
        ("", _PART + b"\r\nv" + _END, "must name the boundary"),
        ("; boundary=", _PART + b"\r\nv" + _END, "must name the boundary"),
        ("; boundary=" + "x" * 5000, _PART + b"\r\nv" + _END, "must name the boundary"),
        ("; boundary=\u20ac", _PART + b"\r\nv" + _END, "characters that a header cannot have"),
        ("; boundary=\u00e9", _PART + b"\r\nv" + _END, "do not begin with the boundary"),
        ("; boundary=XX", b"no form", "do not begin with the boundary"),
        ("; boundary=XX", _PART.replace(b"\r\n", b"\n") + b"\nv\n--XX--\n", "each on a line of its own"),
        ("; boundary=XX", b"--XX\r\nContent-Type: text/plain\r\n\r\nv" + _END, "a part has no name"),
        ("; boundary=XX", b"--XX\r\nContent-Disposition: form-data\r\n\r\nv" + _END, "a part has no name"),
        *(
            ("; boundary=XX", _PART + header + b"\r\n\r\n" + data + _END, "send its bytes as they are")
            for data in (b"!!!", b"QUJD", b"", b"*" * 64)
            for header in (
                b"Content-Transfer-Encoding: base64",
                b"content-transfer-ENCODING:  BASE64 ",
                b"Content-Transfer-Encoding: quoted-printable",
                b"Content-Transfer-Encoding: x-uuencode",
            )
        ),
        ("; boundary=XX", _PART + b"X: " + b"y" * 10_000 + b"\r\n\r\nv" + _END, "a part has too many headers"),
        ("; boundary=XX", _PART + b"X Y: z\r\n\r\nv" + _END, "not written as RFC 7578 has them (byte "),
        ("; boundary=XX", _PART + b": z\r\n\r\nv" + _END, "not written as RFC 7578 has them (byte "),
    ],
)
def test_what_is_wrong_with_a_form_is_said_in_our_words(boundary: str, body: bytes, says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_form("multipart/form-data" + boundary, body)
    assert says in str(caught.value)
    assert not re.search(r"b'|None|index|Decoder|Expected|Maximum", str(caught.value))


@pytest.mark.parametrize(
    ("parts", "code", "param"),
    [
        ([("file", "p", b"")], "missing_field", "purpose"),
        ([("purpose", None, b"batch")], "missing_field", "file"),
        ([("purpose", None, b"batch"), ("file", None, b"text")], "missing_field", "file"),
        ([("purpose", None, b"evals"), ("file", "p", b"")], "invalid_field", "purpose"),
        (
            [("purpose", None, b"batch"), ("file", "p", b""), ("expires_after", None, b"1")],
            "unknown_field",
            "expires_after",
        ),
    ],
)
def test_a_form_with_wrong_fields_is_refused(parts: list[Any], code: str, param: str) -> None:
    world = World()
    with pytest.raises(InvalidRequest) as caught:
        world.files.upload("ana", *form(*parts))
    assert (caught.value.reason, caught.value.param) == (code, param)
    assert world.objects.held == {} and world.store.records == {}


def test_an_announced_file_is_pending_until_its_bytes_are_there() -> None:
    world = World()
    made = world.files.announce("ana", {"filename": "p.jsonl", "purpose": "batch", "bytes": 5})
    assert (made["status"], made["bytes"]) == ("pending", 5)
    assert made["upload"] == {
        "method": "PUT",
        "url": f"memory://put/uploads/ana/{made['id']}/content?bytes=5",
        "headers": {"Content-Type": "application/jsonl", "If-None-Match": "*"},
        "expires_at": int((NOW + timedelta(hours=1)).timestamp()),
    }
    with pytest.raises(NotFound) as caught:
        world.files.content("ana", made["id"])
    assert caught.value.reason == "file_not_uploaded"
    assert world.files.list_files("ana", {})["data"][0]["status"] == "pending"
    world.objects.put(arrival_key("ana", made["id"]), b"12345")
    assert world.files.list_files("ana", {})["data"][0]["status"] == "processed"
    assert world.files.get("ana", made["id"])["status"] == "processed"
    assert world.objects.held == {f"files/ana/{made['id']}": b"12345", arrival_key("ana", made["id"]): b""}


ANNOUNCED = {"filename": "p.jsonl", "purpose": "batch", "bytes": 5}


def test_a_request_that_comes_twice_gets_no_address_once_the_bytes_are_there() -> None:
    world, again = World(), RequestAttempt("k")
    made = world.files.announce("ana", ANNOUNCED, again)
    assert "upload" in world.files.announce("ana", ANNOUNCED, again)
    world.objects.put(arrival_key("ana", made["id"]), b"12345")
    assert world.files.announce("ana", ANNOUNCED, again) == world.files.get("ana", made["id"])


def test_a_file_that_is_deleted_while_its_bytes_arrive_leaves_nothing() -> None:
    world = World()
    file_id = world.files.announce("ana", ANNOUNCED)["id"]
    key, own = arrival_key("ana", file_id), object_key("ana", file_id)
    world.objects.put(key, b"12345")

    class DeletedMeanwhile(MemoryObjects):
        def copy(self, source_key: str, key: str, etag: str) -> None:
            super().copy(source_key, key, etag)
            world.store.delete("ana", file_id, NOW)

    objects = DeletedMeanwhile(lambda: NOW)
    objects.held, objects.content_types = world.objects.held, world.objects.content_types
    replace(world.files, objects=objects).list_files("ana", {})
    assert world.objects.held == {key: b""} and own not in world.objects.held


def test_two_who_look_at_once_take_it_once() -> None:
    world = World()
    file_id = world.files.announce("ana", ANNOUNCED)["id"]
    world.objects.put(arrival_key("ana", file_id), b"12345")

    class TakenMeanwhile(MemoryObjects):
        def copy(self, source_key: str, key: str, etag: str) -> None:
            world.files.get("ana", file_id)
            super().copy(source_key, key, etag)

    objects = TakenMeanwhile(lambda: NOW)
    objects.held, objects.content_types = world.objects.held, world.objects.content_types
    assert replace(world.files, objects=objects).get("ana", file_id)["status"] == "processed"
    assert world.objects.held[object_key("ana", file_id)] == b"12345"


@pytest.mark.parametrize(("changes", "param"), [({"bytes": 200_000_001}, "bytes"), ({"purpose": "vision"}, "purpose")])
def test_an_announced_file_is_refused_by_field(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        World().files.announce("ana", {"filename": "p", "purpose": "batch", "bytes": 5} | changes)
    assert caught.value.param == param


def test_an_upload_at_an_address_through_the_real_parts(aws: Aws) -> None:
    body = {"filename": "p.jsonl", "purpose": "batch", "bytes": 3}
    made = call("POST /files", body=body)
    assert (made["status"], made["upload"]["method"]) == ("pending", "PUT")
    refused = call("POST /batches", body=batch_of(made["id"]), status=400)["error"]
    assert (refused["param"], refused["code"]) == ("input_file_id", "file_not_uploaded")
    put = partial(requests.put, made["upload"]["url"], headers=made["upload"]["headers"], timeout=5)
    assert [put(data=data).status_code for data in (b"{}\n", b"{}!")] == [200, 412]
    assert call("POST /batches", body=batch_of(made["id"]))["status"] == "validating"
    assert call("GET /files/{file_id}", file_id=made["id"])["status"] == "processed"


@pytest.mark.parametrize("arrived", [False, True])
def test_nothing_appears_under_a_deleted_files_key(aws: Aws, arrived: bool) -> None:
    made = call("POST /files", body={"filename": "p.jsonl", "purpose": "batch", "bytes": 3})
    address = made["upload"]
    if arrived:
        requests.put(address["url"], data=b"{}\n", headers=address["headers"], timeout=5)
    assert call("DELETE /files/{file_id}", file_id=made["id"])["deleted"]
    late = requests.put(address["url"], data=b"{}\n", headers=address["headers"], timeout=5)
    assert late.status_code == 412
    found = bootstrap.aws.client("s3").list_objects_v2(Bucket=aws.data_bucket).get("Contents", [])
    assert [(one["Key"], one["Size"]) for one in found] == [(arrival_key("ana", made["id"]), 0)]


def batch_of(input_file_id: str) -> dict[str, Any]:
    return {"input_file_id": input_file_id, "endpoint": CHAT, "completion_window": "24h"}


def call(route: str, body: Any = None, status: int = 200, **path: str) -> Any:
    method, resource = route.split(" ")
    event = {
        "httpMethod": method,
        "resource": resource,
        "pathParameters": path or None,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body) if body is not None else None,
        "requestContext": {"authorizer": {"user_id": "ana"}},
    }
    answer = api.handler(event, None)
    assert answer["statusCode"] == status, answer
    return json.loads(answer["body"])


def test_a_list_mixes_own_and_scheduled_files_by_age() -> None:
    world, names = World(), [f"file_{number:028x}" for number in range(5)]
    for owner, number in (("ana", 1), ("schedule", 2), ("bia", 3), ("ana", 4)):
        world.put(owner, names[number], b"")
    first = world.files.list_files("ana", {"limit": "2"})
    assert ([file["id"] for file in first["data"]], first["has_more"]) == ([names[4], names[2]], True)
    rest = world.files.list_files("ana", {"limit": "2", "after": names[2]})
    assert ([file["id"] for file in rest["data"]], rest["has_more"]) == ([names[1]], False)
    up = world.files.list_files("ana", {"order": "asc", "limit": "10000"})
    assert [file["id"] for file in up["data"]] == [names[1], names[2], names[4]]


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "10001"}, {"order": "up"}, {"page": "2"}])
def test_a_wrong_query_is_named(query: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        World().files.list_files("ana", query)
    assert caught.value.param == next(iter(query))


def test_only_the_owner_deletes() -> None:
    world = World()
    own, scheduled = world.put("ana", "file_1", b"1"), world.put("schedule", "file_2", b"2")
    assert world.files.get("ana", "file_2") == public_file(scheduled)
    with pytest.raises(NotAllowed):
        world.files.delete("ana", "file_2")
    with pytest.raises(NotFound):
        world.files.delete("bia", "file_1")
    assert world.files.delete("ana", "file_1") == {"id": "file_1", "object": "file", "deleted": True}
    assert world.objects.size(own.object_key) is None
    with pytest.raises(NotFound):
        world.files.get("ana", "file_1")


@pytest.mark.parametrize(
    ("data", "inline"),
    [
        (b"", True),
        (b'{"a": "\xc3\xa9"}\n', True),
        (b"x" * MAX_INLINE_BYTES, True),
        (b"x" * (MAX_INLINE_BYTES + 1), False),
        (b'"' * MAX_INLINE_BYTES, False),  # each is two bytes in Lambda's answer
        (b"\x01" * (MAX_ANSWER_BYTES // 6 + 1), False),  # and this is six
        (b"\xff", False),  # no text
    ],
)
def test_content_comes_inline_where_it_fits_the_answer(data: bytes, inline: bool) -> None:
    world = World()
    file = world.put("ana", "file_1", data)
    found = world.files.content("ana", "file_1")
    if inline:
        assert found.text is not None and found.text.encode() == data
        assert len(json.dumps(found.text, ensure_ascii=False).encode()) <= MAX_ANSWER_BYTES + 2
    else:
        assert (found.text, found.url) == (None, f"memory://get/{file.object_key}?filename=p.jsonl")


def test_an_answer_with_a_file_can_be_read_by_pages_of_any_origin(aws: Aws) -> None:
    for data in (b"{}", b"\xff"):
        file = new_file("file_1", "ana", 'a"b.jsonl', len(data), NOW)
        FileStore(aws.items).put(file)
        bootstrap.aws.client("s3").put_object(Bucket=aws.data_bucket, Key=file.object_key, Body=data)
        event = {
            "httpMethod": "GET",
            "resource": "/files/{file_id}/content",
            "pathParameters": {"file_id": "file_1"},
            "requestContext": {"authorizer": {"user_id": "ana"}},
        }
        answer = api.handler(event, None)
        assert answer["headers"]["Access-Control-Allow-Origin"] == "*"
        assert answer["statusCode"] == (200 if data == b"{}" else 302)
        if answer["statusCode"] == 200:
            assert answer["headers"]["Content-Type"] == "application/jsonl; charset=utf-8"
            assert answer["headers"]["Content-Disposition"] == "attachment; filename*=UTF-8''a%22b.jsonl"
        else:
            assert answer["headers"]["Location"].startswith("https://")
