"""The worker's package: fetched whole or not at all, once for each version of the code."""

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from local.instances.package import PackageMissing, prune, unpack
from tests.local.instance_lab import archive


def found(tmp_path: Path, data: bytes, digest: bytes | None = None) -> dict[str, Any]:
    """GetFunction's answer for a package that a file URL leads to."""
    file = tmp_path / "package.zip"
    file.write_bytes(data)
    digest = digest or hashlib.sha256(data).digest()
    return {"Configuration": {"CodeSha256": base64.b64encode(digest).decode()}, "Code": {"Location": file.as_uri()}}


def test_same_code_is_downloaded_once(tmp_path: Path) -> None:
    answer = found(tmp_path, archive("print('one')"))
    directory = unpack(answer, "api", tmp_path / "packages")
    assert (directory / "foreverus/worker/__main__.py").read_text() == "print('one')"
    (tmp_path / "package.zip").unlink()
    assert unpack(answer, "api", tmp_path / "packages") == directory


def test_changed_code_is_another_package(tmp_path: Path) -> None:
    one = unpack(found(tmp_path, archive("print('one')")), "api", tmp_path / "packages")
    two = unpack(found(tmp_path, archive("print('two')")), "api", tmp_path / "packages")
    assert one != two and (two / "foreverus/worker/__main__.py").read_text() == "print('two')"


def test_package_that_is_not_what_was_promised_is_not_run(tmp_path: Path) -> None:
    with pytest.raises(PackageMissing, match="CodeSha256"):
        unpack(found(tmp_path, archive("print('one')"), digest=b"0" * 32), "api", tmp_path / "packages")
    assert not (tmp_path / "packages").exists()


def test_old_packages_are_removed(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "old", "older", "oldest")):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1_000_000 - age, 1_000_000 - age))
    prune(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"new", "old"}
    prune(tmp_path / "nothing there")
