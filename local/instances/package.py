"""Fetches the worker's code the way the machine does: from the data bucket, under the instance's role."""

import hashlib
import io
import shutil
import tempfile
import zipfile
from pathlib import Path

from botocore.credentials import InstanceMetadataProvider
from botocore.exceptions import BotoCoreError, ClientError
from botocore.utils import InstanceMetadataFetcher

from local.instances.cloud import Cloud


class PackageMissing(Exception):
    """The worker's package could not be fetched; the text says why."""


def fetch(cloud: Cloud, metadata_url: str, package: tuple[str, str, str], packages: Path) -> Path:
    """The directory of the unpacked code. It is named by the code's SHA-256 and kept for the next boot. `package`:
    `user_data.Boot.package`."""
    bucket, key, digest = package
    fetcher = InstanceMetadataFetcher(
        timeout=5, num_attempts=2, env={}, config={"ec2_metadata_service_endpoint": metadata_url}
    )
    role = InstanceMetadataProvider(iam_role_fetcher=fetcher).load()
    if role is None:
        raise PackageMissing("the metadata service has no credentials: has the instance profile a role?")
    keys = role.get_frozen_credentials()
    try:
        s3 = cloud.s3_as(keys.access_key, keys.secret_key, keys.token)
        archive = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except (ClientError, BotoCoreError) as error:
        raise PackageMissing(f"s3:GetObject {bucket}/{key}: {error}") from error

    return unpack(archive, digest, packages)


def unpack(archive: bytes, digest: str, packages: Path) -> Path:
    """`digest`: what the launch template says."""
    if hashlib.sha256(archive).hexdigest() != digest:
        raise PackageMissing(f"the package is not what the launch template's PACKAGE_SHA256 says: {digest}")
    directory = packages / digest
    if directory.is_dir():
        return directory
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
