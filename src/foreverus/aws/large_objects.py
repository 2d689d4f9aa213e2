"""Objects of many gigabytes, between files and the data bucket (S3), in parts at once; conditional puts of small ones.

Nobody here may list the bucket, and S3 says 403 to such a caller for what is not there: a refusal is the same as
nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from foreverus.errors import ForeverUsError

PARTS_AT_ONCE = 8
PART_BYTES = 16 << 20

_NOTHING = frozenset({"404", "NoSuchKey", "NotFound", "403", "AccessDenied", "Forbidden"})
_TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


class Already(ForeverUsError):
    """Somebody else has written the object before."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    data: bytes
    etag: str


class LargeObjects:
    """Raises what boto3 raises for what is not named below."""

    def __init__(self, client: Any, bucket: str):
        self.client = client
        self.bucket = bucket
        self._parts = TransferConfig(
            max_concurrency=PARTS_AT_ONCE, multipart_chunksize=PART_BYTES, multipart_threshold=PART_BYTES
        )

    def read(self, key: str) -> StoredObject | None:
        """A small object; None when it is not there, or not for us."""
        try:
            found = self.client.get_object(Bucket=self.bucket, Key=key)
        except ClientError as err:
            if err.response["Error"]["Code"] in _NOTHING:
                return None
            raise
        return StoredObject(found["Body"].read(), found["ETag"].strip('"'))

    def sha256(self, key: str) -> str:
        """What `upload` has noted with it; empty when there is no such object."""
        try:
            return str(self.client.head_object(Bucket=self.bucket, Key=key)["Metadata"].get("sha256", ""))
        except ClientError as err:
            if err.response["Error"]["Code"] in _NOTHING:
                return ""
            raise

    def download(self, key: str, path: Path) -> None:
        self.client.download_file(self.bucket, key, str(path), Config=self._parts)

    def upload(self, path: Path, key: str, sha256: str) -> None:
        """Nothing is there before all of it is."""
        noted = {"Metadata": {"sha256": sha256}, "ChecksumAlgorithm": "CRC32"}
        self.client.upload_file(str(path), self.bucket, key, ExtraArgs=noted, Config=self._parts)

    def put_once(self, key: str, data: bytes) -> None:
        """Writes a small object where none is. Raises Already: what is there stays."""
        try:
            self.client.put_object(
                Bucket=self.bucket, Key=key, Body=data, ContentType="application/json", IfNoneMatch="*"
            )
        except ClientError as err:
            if err.response["Error"]["Code"] in _TAKEN:
                raise Already(key) from err
            raise
