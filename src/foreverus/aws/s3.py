"""Objects of the data bucket (S3), streamed. Their twin in memory: `s3_memory.py`.

S3 says 403 instead of 404 for what is not there to whoever may not list the bucket: callers need `s3:ListBucket`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

from foreverus.aws.s3_parts import PartsWriter, Piece, join
from foreverus.errors import ForeverUsError

JSONL = "application/jsonl"
CHUNK_BYTES = 256 * 1024
STREAM_TRIES = 4  # in a row without a byte
ADDRESS_S = 3600  # how long a presigned address can be used

_ONCE = {"If-None-Match": "*"}
_NOT_THERE = frozenset({"404", "NoSuchKey", "NotFound"})


class ObjectNotThere(ForeverUsError):
    """There is no object under this key."""


class ObjectChanged(ForeverUsError):
    """The object is another one than the one that was looked at."""


class ObjectHead(NamedTuple):
    """`size`: bytes. `etag`: changes with the content."""

    size: int
    etag: str


class ListedObject(NamedTuple):
    """`size`: bytes. `etag`: changes with the content."""

    key: str
    size: int
    etag: str


class PresignedUpload(NamedTuple):
    """Where an object can be uploaded to, once begun until `expires_at`, with these `headers`."""

    url: str
    headers: dict[str, str]
    expires_at: datetime


class Writer(Protocol):
    """`size`: bytes written so far."""

    size: int

    def write(self, data: bytes) -> None: ...


class Objects(Protocol):
    """`read`, `stream`, `copy` and `join` raise ObjectNotThere; deleting what is not there is fine; `erase` leaves no
    earlier version. `copy` takes the bytes that have this etag and raises ObjectChanged when they have another one.
    `join`: aws/s3_parts.py."""

    def head(self, key: str) -> ObjectHead | None: ...
    def size(self, key: str) -> int | None: ...
    def read(self, key: str, start: int, end: int) -> bytes: ...
    def stream(self, key: str) -> Iterator[bytes]: ...
    def copy(self, source_key: str, key: str, etag: str) -> None: ...
    def put(self, key: str, data: bytes, content_type: str = JSONL) -> None: ...
    def join(self, pieces: Sequence[Piece], key: str, content_type: str, md5: str) -> None: ...
    def delete(self, key: str) -> None: ...
    def delete_all(self, keys: Sequence[str]) -> None: ...
    def erase(self, key: str) -> None: ...
    def list(self, prefix: str) -> list[ListedObject]: ...
    def presigned_put(self, key: str, size: int, content_type: str) -> PresignedUpload: ...
    def presigned_get(self, key: str, filename: str = "", seconds: int = ADDRESS_S) -> str: ...
    def writer(self, key: str, content_type: str = JSONL) -> AbstractContextManager[Writer]: ...


def upload_address(url: str, content_type: str, now: datetime) -> PresignedUpload:
    """Of an address that was signed now, for one upload of this type."""
    return PresignedUpload(url, {"Content-Type": content_type, **_ONCE}, now + timedelta(seconds=ADDRESS_S))


class S3Objects:
    """The client must sign with version 4, else a presigned PUT does not bind the size."""

    def __init__(self, client: Any, bucket: str, clock: Callable[[], datetime]):
        self.client = client
        self.bucket = bucket
        self.clock = clock

    def head(self, key: str) -> ObjectHead | None:
        """None when there is no such object."""
        try:
            found = self.client.head_object(Bucket=self.bucket, Key=key)
        except ClientError as err:
            if _is_missing(err):
                return None
            raise
        return ObjectHead(int(found["ContentLength"]), found["ETag"])

    def size(self, key: str) -> int | None:
        """Bytes; None when there is no such object."""
        found = self.head(key)
        return found.size if found else None

    def read(self, key: str, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`, exclusive."""
        if start >= end:
            return b""
        return b"".join(self._from(key, start, end))

    def stream(self, key: str) -> Iterator[bytes]:
        return self._from(key, 0, None)

    def _from(self, key: str, start: int, end: int | None) -> Iterator[bytes]:
        """Goes on where a broken connection stopped, in the same version of the object."""
        at, etag, failures = start, "", 0
        while True:
            try:
                found = self._get(key, at, end, etag)
                if found is None:
                    return
                etag = found["ETag"]
                for chunk in found["Body"].iter_chunks(CHUNK_BYTES):
                    at, failures = at + len(chunk), 0
                    yield chunk
                return
            except (ReadTimeoutError, ResponseStreamingError, IncompleteReadError):
                failures += 1
                if failures == STREAM_TRIES:
                    raise

    def _get(self, key: str, at: int, end: int | None, etag: str) -> Any:
        """None: there is nothing from there on."""
        request = {"Range": f"bytes={at}-{'' if end is None else end - 1}"} if at or end is not None else {}
        if etag:
            request["IfMatch"] = etag
        try:
            return self.client.get_object(Bucket=self.bucket, Key=key, **request)
        except ClientError as err:
            if err.response["Error"]["Code"] == "InvalidRange":
                return None
            raise _translated(err, key) from err

    def copy(self, source_key: str, key: str, etag: str) -> None:
        """Its tags are not copied: to read and to write them are permissions of their own."""
        try:
            self.client.copy_object(
                Bucket=self.bucket,
                Key=key,
                CopySource={"Bucket": self.bucket, "Key": source_key},
                CopySourceIfMatch=etag,
                TaggingDirective="REPLACE",
            )
        except ClientError as err:
            if err.response["Error"]["Code"] == "PreconditionFailed":
                raise ObjectChanged(f"The object {source_key} has changed.") from err
            raise _translated(err, source_key) from err

    def put(self, key: str, data: bytes, content_type: str = JSONL) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data, ContentType=content_type)

    def join(self, pieces: Sequence[Piece], key: str, content_type: str, md5: str) -> None:
        where = {"Bucket": self.bucket, "Key": key}
        join(self.client, where, content_type, lambda one: self.read(one.key, 0, one.size), pieces, md5)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def delete_all(self, keys: Sequence[str]) -> None:
        """At most 1,000."""
        if keys:
            named = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
            self.client.delete_objects(Bucket=self.bucket, Delete=named)

    def erase(self, key: str) -> None:
        """Deletes it with its earlier versions, where somebody has switched versioning on for the bucket."""
        done = self.client.delete_object(Bucket=self.bucket, Key=key)
        if "VersionId" not in done:
            return
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=key):
            for one in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                if one["Key"] == key:
                    self.client.delete_object(Bucket=self.bucket, Key=key, VersionId=one["VersionId"])

    def list(self, prefix: str) -> list[ListedObject]:
        """(key, bytes, etag) of every object whose key begins so, in the order of keys."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        found = (one for page in pages for one in page.get("Contents", []))
        return [ListedObject(one["Key"], int(one["Size"]), one["ETag"].strip('"')) for one in found]

    def presigned_put(self, key: str, size: int, content_type: str) -> PresignedUpload:
        """Takes exactly `size` bytes of this type, and only while nothing is there. All of that is signed: without one
        of the headers S3 refuses it."""
        asked = {"Bucket": self.bucket, "Key": key, "ContentType": content_type, "ContentLength": size}
        once = {"IfNoneMatch": _ONCE["If-None-Match"]}
        url = self.client.generate_presigned_url("put_object", Params=asked | once, ExpiresIn=ADDRESS_S)
        return upload_address(str(url), content_type, self.clock())

    def presigned_get(self, key: str, filename: str = "", seconds: int = ADDRESS_S) -> str:
        """Where the object can be downloaded under this name; without one: where it is to be looked at."""
        params = {"Bucket": self.bucket, "Key": key}
        if filename:
            params["ResponseContentDisposition"] = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        return str(self.client.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds))

    @contextmanager
    def writer(self, key: str, content_type: str = JSONL) -> Iterator[Writer]:
        """Writes an object in parts. Nothing is there before the block ends well; nothing at all when it was given
        nothing, or raised."""
        writer = PartsWriter(self.client, self.bucket, key, content_type)
        try:
            yield writer
            writer.close()
        except BaseException:
            writer.abort()
            raise


def _is_missing(err: ClientError) -> bool:
    return err.response["Error"]["Code"] in _NOT_THERE


def _translated(err: ClientError, key: str) -> Exception:
    return ObjectNotThere(f"There is no object {key}.") if _is_missing(err) else err
