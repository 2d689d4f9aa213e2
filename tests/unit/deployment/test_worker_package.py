"""The package that GPU instances run: this code, the same for the same code, and where the launch template says."""

import hashlib
import io
import os
import zipfile
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from foreverus.deployment.worker_package import WorkerPackage, pack
from tests.unit.conftest import Aws


@pytest.fixture
def function(tmp_path: Path) -> Path:
    """An unpacked package of a function, as Lambda has it."""
    for name in ("foreverus/worker/__main__.py", "foreverus/machine/start.sh", "requirements/worker.lock", "rpds/a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "foreverus/worker/__pycache__").mkdir()
    (tmp_path / "foreverus/worker/__pycache__/__main__.cpython-313.pyc").write_bytes(b"of Lambda's Python")
    return tmp_path


def names(package: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(package)).namelist()


def test_package_is_our_code_and_the_workers_lock(function: Path) -> None:
    assert names(pack(function)) == [
        "foreverus/machine/start.sh",
        "foreverus/worker/__main__.py",
        "requirements/worker.lock",
    ]


def test_same_code_is_the_same_package_whenever_it_was_unpacked(function: Path) -> None:
    before = pack(function)
    for path in function.rglob("*"):
        os.utime(path, (1, 1))
    (function / "foreverus/worker/__pycache__/__main__.cpython-313.pyc").unlink()
    assert pack(function) == before
    (function / "foreverus/machine/start.sh").write_text("another")
    assert pack(function) != before


def test_links_are_followed(function: Path, tmp_path: Path) -> None:
    """The laptop's cloud unpacks an archive once and links to it."""
    linked = tmp_path / "linked"
    linked.mkdir()
    for part in ("foreverus", "requirements"):
        (linked / part).symlink_to(function / part)
    assert pack(linked) == pack(function)


@pytest.mark.parametrize("part", ["foreverus", "requirements"])
def test_part_that_is_missing_is_named_and_fails_the_deployment(function: Path, part: str) -> None:
    (function / part).rename(function / "elsewhere")
    with pytest.raises(FileNotFoundError, match=part):
        pack(function)


def test_package_is_where_its_answer_says_and_goes_with_a_stack_that_was_never_whole(function: Path, aws: Aws) -> None:
    s3 = boto3.client("s3")
    publication = WorkerPackage(s3, aws.data_bucket, function)
    said = publication.publish({})
    assert publication.publish({}) == said, "an update that changed nothing leaves the launch template as it is"
    stored = s3.get_object(Bucket=aws.data_bucket, Key=said["Key"])["Body"].read()
    assert hashlib.sha256(stored).hexdigest() == said["Sha256"] and said["Key"] == f"worker/{said['Sha256']}.zip"
    s3.put_object(Bucket=aws.data_bucket, Key="worker/of-an-earlier-version.zip", Body=b"a running session's")
    publication.withdraw({})
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=aws.data_bucket, Key=said["Key"])
    assert s3.head_object(Bucket=aws.data_bucket, Key="worker/of-an-earlier-version.zip")
