"""Fetches the worker's code the way the machine does: `lambda:GetFunction` under the instance's role."""

import base64
import hashlib
import io
import shutil
import tempfile
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from botocore.credentials import InstanceMetadataProvider
from botocore.exceptions import BotoCoreError, ClientError
from botocore.utils import InstanceMetadataFetcher

from local.instances.cloud import Cloud

DOWNLOAD_TIMEOUT_S = 30


class PackageMissing(Exception):
    """The function's package could not be fetched; the text says why."""


def fetch(cloud: Cloud, metadata_url: str, function: str, packages: Path) -> Path:
    """The directory of the function's unpacked code. It is named by the code's SHA-256 and kept for the next boot."""
    fetcher = InstanceMetadataFetcher(
        timeout=5, num_attempts=2, env={}, config={"ec2_metadata_service_endpoint": metadata_url}
    )
    role = InstanceMetadataProvider(iam_role_fetcher=fetcher).load()
    if role is None:
        raise PackageMissing("the metadata service has no credentials: has the instance profile a role?")
    keys = role.get_frozen_credentials()
    try:
        found = cloud.lambda_as(keys.access_key, keys.secret_key, keys.token).get_function(FunctionName=function)
    except (ClientError, BotoCoreError) as error:
        raise PackageMissing(f"lambda:GetFunction {function}: {error}") from error

    return unpack(found, function, packages)


def unpack(found: dict[str, Any], function: str, packages: Path) -> Path:
    """`found`: GetFunction's answer."""
    digest = base64.b64decode(found["Configuration"]["CodeSha256"])
    directory = packages / digest.hex()
    if directory.is_dir():
        return directory
    with urllib.request.urlopen(found["Code"]["Location"], timeout=DOWNLOAD_TIMEOUT_S) as answer:
        archive = answer.read()
    if hashlib.sha256(archive).digest() != digest:
        raise PackageMissing(f"the package of {function} is not what its CodeSha256 says")
    packages.mkdir(parents=True, exist_ok=True)
    # Unpacked beside and moved: two machines may fetch the same code, and a half one must not look whole.
    new = Path(tempfile.mkdtemp(dir=packages))
    zipfile.ZipFile(io.BytesIO(archive)).extractall(new)
    try:
        new.rename(directory)
    except OSError:
        shutil.rmtree(new)
        if not directory.is_dir():
            raise
    return directory


def prune(packages: Path, keep: int = 2) -> None:
    """Removes all but the newest: every change of the code leaves one. Only while no machine runs."""
    found = sorted(packages.iterdir(), key=lambda path: path.stat().st_mtime) if packages.is_dir() else []
    for path in found[: max(0, len(found) - keep)]:
        shutil.rmtree(path, ignore_errors=True)
