"""A presigned upload takes exactly what was announced, once: the emulator holds its signature as S3 does."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from foreverus.aws.s3 import JSONL, S3Objects
from local.emulator import REGION, Emulator

pytestmark = pytest.mark.cloud

KEY = "uploads/ana/file_1/content"


def version_4(emulator: Emulator) -> Any:
    """As the API's own client signs (bootstrap/aws.py)."""
    return boto3.client(
        "s3",
        endpoint_url=emulator.url,
        region_name=REGION,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@pytest.fixture
def objects(emulator: Emulator) -> S3Objects:
    client, bucket = version_4(emulator), f"presigned-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=bucket)
    return S3Objects(client, bucket, lambda: datetime.now(UTC))


def put(url: str, headers: Mapping[str, str], data: bytes = b"12345") -> int:
    return httpx.put(url, headers=dict(headers), content=data, timeout=300).status_code


def test_it_takes_the_announced_bytes_once(objects: S3Objects) -> None:
    url, headers, _ = objects.presigned_put(KEY, 5, JSONL)
    assert [put(url, headers), put(url, headers)] == [200, 412]
    assert objects.size(KEY) == 5


@pytest.mark.parametrize("size", [0, 4, 6, 5000])
def test_another_size_is_refused(objects: S3Objects, size: int) -> None:
    url, headers, _ = objects.presigned_put(KEY, 5, JSONL)
    assert put(url, headers, b"x" * size) == 403
    assert objects.size(KEY) is None


@pytest.mark.parametrize(
    "change",
    [
        {"Content-Type": "text/html"},
        {"Content-Type": None},
        {"If-None-Match": None},
        {"If-None-Match": '"0"'},
    ],
)
def test_another_header_is_refused(objects: S3Objects, change: dict[str, str | None]) -> None:
    url, headers, _ = objects.presigned_put(KEY, 5, JSONL)
    sent = {name: value for name, value in {**headers, **change}.items() if value is not None}
    assert put(url, sent) == 403
    assert objects.size(KEY) is None


def test_another_place_is_refused(objects: S3Objects) -> None:
    url, headers, _ = objects.presigned_put(KEY, 5, JSONL)
    assert put(url.replace("file_1", "file_2"), headers) == 403


def test_nothing_arrives_where_an_empty_object_is(objects: S3Objects) -> None:
    url, headers, _ = objects.presigned_put(KEY, 5, JSONL)
    objects.put(KEY, b"")
    assert put(url, headers) == 412
    assert objects.size(KEY) == 0
