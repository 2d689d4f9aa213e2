"""The worker's package in the data bucket, where each GPU instance fetches it: this function's own code, so that worker
and Lambdas never differ in version.

An instance may read it there and nothing else of Lambda: GetFunction shows a function's variables too. Its key is its
SHA-256, which the launch template names beside it. Earlier ones stay: a session that was started before a deployment
may still launch a GPU with its own version.
"""

import hashlib
import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PREFIX = "worker"
PARTS = ("foreverus", "requirements")  # the rest are the Lambdas' own libraries: the instance installs the worker's
BEGINNING_OF_TIME = (1980, 1, 1, 0, 0, 0)  # a zip's: the same code is the same package


class WorkerPackage:
    def __init__(self, s3: Any, bucket: str, folder: Path):
        self.s3 = s3
        self.bucket = bucket
        self.folder = folder

    def publish(self, properties: Mapping[str, Any]) -> dict[str, str]:
        """Returns where it is: `Key` in the bucket, and its `Sha256` in hexadecimal."""
        package = pack(self.folder)
        digest = hashlib.sha256(package).hexdigest()
        self.s3.put_object(Bucket=self.bucket, Key=key_of(digest), Body=package, ContentType="application/zip")
        return {"Key": key_of(digest), "Sha256": digest}

    def withdraw(self, properties: Mapping[str, Any]) -> dict[str, str]:
        """Removes it: CloudFormation could not take back the bucket of a stack that was never made whole."""
        key = key_of(hashlib.sha256(pack(self.folder)).hexdigest())
        self.s3.delete_object(Bucket=self.bucket, Key=key)
        return {"Removed": key}


def key_of(digest: str) -> str:
    return f"{PREFIX}/{digest}.zip"


def pack(folder: Path) -> bytes:
    """A zip of what an instance needs of an unpacked package. Raises FileNotFoundError where a part is missing."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        for path in sorted(found for part in PARTS for found in _files(folder / part)):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), BEGINNING_OF_TIME)
            entry.external_attr = 0o644 << 16
            package.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _files(folder: Path) -> list[Path]:
    """Without bytecode, which is of Lambda's Python. Links are followed."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is missing: it belongs to the package that `sam build` makes (src/Makefile)")
    return [
        Path(where, name)
        for where, _, names in os.walk(folder, followlinks=True)
        if "__pycache__" not in where
        for name in names
    ]
