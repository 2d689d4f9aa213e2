"""The worker's package: whole and as the launch template says, or not at all; once for each version of the code."""

import hashlib
import os
from pathlib import Path

import pytest

from local.instances.package import PackageMissing, prune, unpack
from tests.local.instance_lab import archive


def unpacked(tmp_path: Path, data: bytes, promised: bytes | None = None) -> Path:
    return unpack(data, hashlib.sha256(data if promised is None else promised).hexdigest(), tmp_path / "packages")


def test_same_code_is_unpacked_once(tmp_path: Path) -> None:
    directory = unpacked(tmp_path, archive("print('one')"))
    worker = directory / "foreverus/worker/__main__.py"
    assert worker.read_text() == "print('one')"
    worker.write_text("as the first machine left it")
    assert unpacked(tmp_path, archive("print('one')")) == directory
    assert worker.read_text() == "as the first machine left it"


def test_changed_code_is_another_package(tmp_path: Path) -> None:
    one, two = unpacked(tmp_path, archive("print('one')")), unpacked(tmp_path, archive("print('two')"))
    assert one != two and (two / "foreverus/worker/__main__.py").read_text() == "print('two')"


@pytest.mark.parametrize("promised", [b"", b"another"])
def test_package_that_is_not_what_was_promised_is_not_run(tmp_path: Path, promised: bytes) -> None:
    with pytest.raises(PackageMissing, match="PACKAGE_SHA256"):
        unpacked(tmp_path, archive("print('one')"), promised)
    assert not (tmp_path / "packages").exists()


def test_old_packages_are_removed(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "old", "older", "oldest")):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1_000_000 - age, 1_000_000 - age))
    prune(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"new", "old"}
    prune(tmp_path / "nothing there")
