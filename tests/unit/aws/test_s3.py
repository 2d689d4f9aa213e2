"""The bucket and its twin behave alike; what only S3 has is shown on moto's."""

import base64
import hashlib
import re
import zlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlparse

import boto3
import pytest
import requests
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from foreverus import bootstrap
from foreverus.aws.s3 import (
    CHUNK_BYTES,
    JSONL,
    ObjectChanged,
    ObjectNotThere,
    Objects,
    S3Objects,
)
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.aws.s3_parts import PART_BYTES, ContentDiffers, Piece, groups
from tests.unit.conftest import NOW, Aws

KEY = "files/ana/file_1"


@pytest.fixture(params=["s3", "memory"])
def objects(request: pytest.FixtureRequest, aws: Aws) -> Objects:
    return bucket(aws) if request.param == "s3" else MemoryObjects(lambda: NOW)


def bucket(aws: Aws) -> S3Objects:
    return S3Objects(bootstrap.aws.client("s3"), aws.data_bucket, lambda: NOW)


def test_what_was_put_can_be_read_in_pieces(objects: Objects) -> None:
    objects.put(KEY, b"0123456789")
    assert objects.size(KEY) == 10
    assert objects.read(KEY, 2, 5) == b"234"
    assert objects.read(KEY, 8, 99) == b"89"
    assert objects.read(KEY, 10, 12) == b""
    assert objects.read(KEY, 3, 3) == b""
    assert b"".join(objects.stream(KEY)) == b"0123456789"


def test_an_empty_object_is_one(objects: Objects) -> None:
    objects.put(KEY, b"")
    assert objects.size(KEY) == 0
    assert list(objects.stream(KEY)) in ([], [b""])


def test_a_stream_comes_in_small_pieces(objects: Objects) -> None:
    data = bytes(range(256)) * 3000
    objects.put(KEY, data)
    pieces = list(objects.stream(KEY))
    assert b"".join(pieces) == data
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= CHUNK_BYTES


def test_what_is_not_there_is_said(objects: Objects) -> None:
    assert objects.size(KEY) is None
    with pytest.raises(ObjectNotThere):
        objects.read(KEY, 0, 1)
    with pytest.raises(ObjectNotThere):
        list(objects.stream(KEY))
    with pytest.raises(ObjectNotThere):
        objects.copy(KEY, "batches/b/input.jsonl", "etag")
    objects.delete(KEY)


def test_a_copy_outlives_its_source(objects: Objects) -> None:
    objects.put("inputs/nächtlich + 1.jsonl", b"{}")
    head = objects.head("inputs/nächtlich + 1.jsonl")
    assert head and head.size == 2
    objects.copy("inputs/nächtlich + 1.jsonl", KEY, head.etag)
    objects.delete("inputs/nächtlich + 1.jsonl")
    assert objects.read(KEY, 0, 2) == b"{}"
    assert objects.size("inputs/nächtlich + 1.jsonl") is None


def test_what_changed_since_it_was_looked_at_is_not_copied() -> None:
    objects = MemoryObjects(lambda: NOW)
    objects.put("inputs/1", b"{}")
    head = objects.head("inputs/1")
    objects.put("inputs/1", b"[]")
    assert head
    with pytest.raises(ObjectChanged):
        objects.copy("inputs/1", KEY, head.etag)
    assert objects.head(KEY) is None


def test_s3_is_told_which_bytes_to_copy_and_its_refusal_is_understood(aws: Aws) -> None:
    """moto copies whatever is there."""
    client = boto3.client("s3")
    with Stubber(client) as s3:
        asked = {"Bucket": "data", "Key": KEY, "CopySource": {"Bucket": "data", "Key": "inputs/1"}}
        s3.add_client_error(
            "copy_object",
            service_error_code="PreconditionFailed",
            http_status_code=412,
            expected_params={**asked, "CopySourceIfMatch": '"etag"', "TaggingDirective": "REPLACE"},
        )
        with pytest.raises(ObjectChanged):
            S3Objects(client, "data", lambda: NOW).copy("inputs/1", KEY, '"etag"')


def test_what_is_erased_leaves_no_earlier_version(aws: Aws) -> None:
    objects, client = bucket(aws), bootstrap.aws.client("s3")
    objects.put(KEY, b"before versioning")
    for status in ("Enabled", "Suspended", "Enabled"):
        client.put_bucket_versioning(Bucket=aws.data_bucket, VersioningConfiguration={"Status": status})
        objects.put(KEY, status.encode())
        objects.put(KEY, b"again")
        objects.delete(KEY)
    objects.put(KEY + "0", b"a neighbour")
    for _ in range(2):
        objects.erase(KEY)
        left = client.list_object_versions(Bucket=aws.data_bucket)
        assert [one["Key"] for one in (*left["Versions"], *left.get("DeleteMarkers", []))] == [KEY + "0"]


def test_what_is_erased_is_not_there(objects: Objects) -> None:
    objects.put(KEY, b"1")
    for _ in range(2):
        objects.erase(KEY)
        assert objects.size(KEY) is None


def test_a_listing_is_in_order_and_its_etag_changes_with_the_content(objects: Objects) -> None:
    for key in ("inputs/b", "inputs/a", "other"):
        objects.put(key, b"12")
    (first, second) = objects.list("inputs/")
    assert (first[:2], second[:2]) == (("inputs/a", 2), ("inputs/b", 2))
    objects.put("inputs/a", b"21")
    assert objects.list("inputs/")[0].etag != first.etag
    assert objects.list("nothing/") == []


@pytest.mark.parametrize("size", [1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 3])
def test_a_writer_makes_one_object_of_many_pieces(objects: Objects, size: int) -> None:
    piece = b"0123456789abcdef" * 8192
    with objects.writer(KEY) as writer:
        left = size
        while left:
            writer.write(piece[:left])
            left -= len(piece[:left])
        assert objects.size(KEY) is None
    assert (writer.size, objects.size(KEY)) == (size, size)
    assert objects.read(KEY, size - 1, size) == piece[(size - 1) % len(piece) :][:1]


def test_a_writer_that_was_given_nothing_writes_nothing(objects: Objects) -> None:
    with objects.writer(KEY) as writer:
        writer.write(b"")
    assert (writer.size, objects.size(KEY)) == (0, None)


@pytest.mark.parametrize("setting", ["when_supported", "when_required"])
def test_an_uploads_checksums_are_announced_sent_and_named(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """S3 has refused objects whose parts had checksums that creation did not announce, or completion did not name."""
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", setting)
    client = boto3.session.Session().client("s3")
    sent: dict[str, list[Any]] = {}
    for call in ("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"):
        client.meta.events.register(
            f"before-send.s3.{call}", lambda request, call=call, **_: sent.setdefault(call, []).append(request)
        )
    data = bytes(range(256)) * (3 * PART_BYTES // 256)
    with S3Objects(client, aws.data_bucket, lambda: NOW).writer(KEY) as writer:
        writer.write(data)
    (created,), (completed,) = sent["CreateMultipartUpload"], sent["CompleteMultipartUpload"]
    assert created.headers["x-amz-checksum-algorithm"] == b"CRC32"
    parts = [data[at : at + PART_BYTES] for at in range(0, len(data), PART_BYTES)]
    expected = [base64.b64encode(zlib.crc32(part).to_bytes(4, "big")).decode() for part in parts]
    assert len(sent["UploadPart"]) == len(parts)
    assert re.findall(rb"<ChecksumCRC32>([^<]+)<", completed.body) == [one.encode() for one in expected]
    # Behind the part's bytes: the client computes it while it sends them.
    assert {one.headers["x-amz-trailer"] for one in sent["UploadPart"]} == {b"x-amz-checksum-crc32"}


@pytest.mark.parametrize("size", [10, PART_BYTES + 1])
def test_nothing_is_left_when_writing_fails(objects: Objects, size: int) -> None:
    def write() -> None:
        with objects.writer(KEY) as writer:
            writer.write(b"x" * size)
            raise OSError("the disk of the writer")

    with pytest.raises(OSError, match="the disk"):
        write()
    assert objects.size(KEY) is None
    if isinstance(objects, S3Objects):
        assert "Uploads" not in objects.client.list_multipart_uploads(Bucket=objects.bucket)


def test_an_address_to_upload_to_binds_size_and_type(aws: Aws) -> None:
    url, headers, expires_at = bucket(aws).presigned_put(KEY, 5, "application/jsonl")
    asked = parse_qs(urlparse(url).query)
    assert asked["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert asked["X-Amz-SignedHeaders"] == ["content-length;content-type;host;if-none-match"]
    assert headers == {"Content-Type": "application/jsonl", "If-None-Match": "*"}
    assert expires_at == NOW + timedelta(seconds=int(asked["X-Amz-Expires"][0]))
    assert not [name for name in asked if "checksum" in name.lower()], "a browser could not send what they promise"
    assert requests.put(url, data=b"12345", headers=headers, timeout=5).status_code == 200
    assert bucket(aws).size(KEY) == 5


def test_an_address_to_download_from_names_the_file(aws: Aws) -> None:
    bucket(aws).put(KEY, b"12345")
    url = bucket(aws).presigned_get(KEY, 'out "ção"\n.jsonl')
    disposition = parse_qs(urlparse(url).query)["response-content-disposition"]
    assert disposition == ["attachment; filename*=UTF-8''out%20%22%C3%A7%C3%A3o%22%0A.jsonl"]
    assert requests.get(url, timeout=5).content == b"12345"


class Breaking:
    """An S3 client whose connection breaks after so many bytes, so many times."""

    def __init__(self, client: Any, after: int, times: int):
        self.client, self.after, self.times = client, after, times
        self.asked: list[dict[str, Any]] = []

    def get_object(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        found = self.client.get_object(**request)
        return {**found, "Body": self if self.times else found["Body"]}

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        self.times -= 1
        if self.after:
            found = self.client.get_object(**self.asked[-1])
            yield found["Body"].read(self.after)
        raise ReadTimeoutError(endpoint_url="https://data.s3.amazonaws.com")


def test_a_stream_goes_on_where_its_connection_broke(aws: Aws) -> None:
    bucket(aws).put(KEY, b"0123456789")
    breaking = Breaking(bootstrap.aws.client("s3"), after=4, times=2)
    assert b"".join(S3Objects(breaking, aws.data_bucket, lambda: NOW).stream(KEY)) == b"0123456789"
    assert [one.get("Range") for one in breaking.asked] == [None, "bytes=4-", "bytes=8-"]
    assert breaking.asked[1]["IfMatch"] == breaking.asked[2]["IfMatch"]


def test_a_stream_that_never_comes_ends(aws: Aws) -> None:
    bucket(aws).put(KEY, b"0123456789")
    breaking = Breaking(bootstrap.aws.client("s3"), after=0, times=100)
    with pytest.raises(ReadTimeoutError):
        list(S3Objects(breaking, aws.data_bucket, lambda: NOW).stream(KEY))
    assert len(breaking.asked) == 4


def test_an_object_that_changed_while_it_was_read_is_no_mixture(aws: Aws) -> None:
    objects = bucket(aws)
    objects.put(KEY, b"0123456789")
    breaking = Breaking(bootstrap.aws.client("s3"), after=4, times=1)
    stream = S3Objects(breaking, aws.data_bucket, lambda: NOW).stream(KEY)
    assert next(stream) == b"0123"
    objects.put(KEY, b"abcdefghij")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        list(stream)


MIB = 2**20


@given(st.lists(st.integers(1, 4 * MIB), min_size=1, max_size=60))
def test_all_parts_but_the_last_are_as_large_as_s3_needs(sizes: list[int]) -> None:
    pieces = [Piece(f"{n}", size) for n, size in enumerate(sizes)]
    found = list(groups(pieces))
    assert [piece for group in found for piece in group] == pieces
    assert all(5 * MIB <= sum(piece.size for piece in group) <= 12 * MIB for group in found[:-1])
    assert sum(piece.size for piece in found[-1]) <= 12 * MIB


@pytest.mark.parametrize("sizes", [[3], [4 * MIB, 4 * MIB, 1], [1] * 20, [3 * MIB] * 7])
def test_pieces_become_one_object_in_their_order(objects: Objects, sizes: list[int]) -> None:
    contents = [bytes([n]) * size for n, size in enumerate(sizes)]
    pieces = [Piece(f"uploads/ana/{n}", len(data)) for n, data in enumerate(contents)]
    for piece, data in zip(pieces, contents, strict=True):
        objects.put(piece.key, data)
    whole = b"".join(contents)
    objects.join(pieces, KEY, JSONL, hashlib.md5(whole).hexdigest())
    assert objects.read(KEY, 0, len(whole) + 1) == whole
    objects.join(pieces[::-1], KEY, JSONL, "")
    assert objects.read(KEY, 0, len(whole) + 1) == b"".join(contents[::-1])
    objects.delete_all([piece.key for piece in pieces])
    objects.delete_all([])
    assert [key for key, _, _ in objects.list("")] == [KEY]


@pytest.mark.parametrize("missing", [False, True])
def test_nothing_is_left_of_pieces_that_do_not_fit(objects: Objects, missing: bool) -> None:
    pieces = [Piece(f"uploads/ana/{n}", 3 * MIB) for n in range(4)]
    for piece in pieces[: 3 if missing else 4]:
        objects.put(piece.key, b"x" * piece.size)
    with pytest.raises(ObjectNotThere if missing else ContentDiffers):
        objects.join(pieces, KEY, JSONL, "0" * 32)
    assert objects.size(KEY) is None
    if isinstance(objects, S3Objects):
        assert "Uploads" not in objects.client.list_multipart_uploads(Bucket=objects.bucket)
