"""An object of S3 that several processes write, one after the other: each goes on where the one before it stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foreverus.aws.s3_parts import CHECKED, PART_BYTES


@dataclass(frozen=True, slots=True)
class Progress:
    """Of an upload that goes on later. `tail`: bytes that are no part yet. `size`: of all that was written."""

    upload_id: str
    parts: Sequence[Mapping[str, object]]
    size: int
    tail: bytes


class ResumableObject:
    """Holds one part at most. It has a `tell` and no `seek`, as `zipfile` wants of a stream."""

    def __init__(self, client: Any, bucket: str, key: str, content_type: str, progress: Progress | None = None):
        self.client = client
        self.where = {"Bucket": bucket, "Key": key}
        begun = progress or self._begin(content_type)
        self.upload_id = begun.upload_id
        self.parts = list(begun.parts)
        self.size = begun.size
        self.buffer = bytearray(begun.tail)

    def _begin(self, content_type: str) -> Progress:
        made = self.client.create_multipart_upload(**self.where, ContentType=content_type, **CHECKED)
        return Progress(made["UploadId"], (), 0, b"")

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        """`zipfile` asks for it; parts are sent when they are full."""

    def close(self) -> None:
        """Nor does this: `complete` does."""

    def write(self, data: bytes) -> int:
        self.buffer += data
        self.size += len(data)
        while len(self.buffer) > PART_BYTES:
            self._send(bytes(self.buffer[:PART_BYTES]))
            del self.buffer[:PART_BYTES]
        return len(data)

    def progress(self) -> Progress:
        return Progress(self.upload_id, tuple(self.parts), self.size, bytes(self.buffer))

    def complete(self) -> None:
        self._send(bytes(self.buffer))
        self.client.complete_multipart_upload(
            **self.where, UploadId=self.upload_id, MultipartUpload={"Parts": self.parts}
        )

    def abort(self) -> None:
        self.client.abort_multipart_upload(**self.where, UploadId=self.upload_id)

    def _send(self, part: bytes) -> None:
        number = len(self.parts) + 1
        sent = self.client.upload_part(**self.where, UploadId=self.upload_id, PartNumber=number, Body=part, **CHECKED)
        self.parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32": sent["ChecksumCRC32"]})
