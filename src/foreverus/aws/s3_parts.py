"""An object of S3, written in parts, and one that is put together from others."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from foreverus.errors import ForeverUsError

PART_BYTES = 8 << 20  # of a multipart upload; S3 takes 5 MiB to 5 GiB

# Named in all three calls of a multipart upload. boto3 sends a part's CRC32 by itself and names none when it creates
# and completes the upload: S3 has refused what is put together of parts with checksums that were not announced.
CHECKED = {"ChecksumAlgorithm": "CRC32"}

JOINED_AT_ONCE = 6  # parts in memory, of 12 MiB at most where pieces have 4


class ContentDiffers(ForeverUsError):
    """`md5`: of what is there, in hexadecimal."""

    def __init__(self, md5: str):
        super().__init__(md5)
        self.md5 = md5


class Piece(NamedTuple):
    """An object that becomes a part of another one."""

    key: str
    size: int


class PartsWriter:
    """A plain put up to PART_BYTES, a multipart upload above. Holds one part at most."""

    def __init__(self, client: Any, bucket: str, key: str, content_type: str):
        self.client = client
        self.where = {"Bucket": bucket, "Key": key}
        self.content_type = content_type
        self.size = 0
        self.buffer = bytearray()
        self.upload_id = ""
        self.parts: list[dict[str, object]] = []

    def write(self, data: bytes) -> None:
        self.buffer += data
        self.size += len(data)
        while len(self.buffer) > PART_BYTES:
            self._send(bytes(self.buffer[:PART_BYTES]))
            del self.buffer[:PART_BYTES]

    def close(self) -> None:
        if not self.size:
            return
        if not self.upload_id:
            self.client.put_object(**self.where, Body=bytes(self.buffer), ContentType=self.content_type)
            return
        self._send(bytes(self.buffer))
        self.client.complete_multipart_upload(
            **self.where, UploadId=self.upload_id, MultipartUpload={"Parts": self.parts}
        )

    def abort(self) -> None:
        if self.upload_id:
            self.client.abort_multipart_upload(**self.where, UploadId=self.upload_id)

    def _send(self, part: bytes) -> None:
        client, number = self.client, len(self.parts) + 1
        if not self.upload_id:
            begun = client.create_multipart_upload(**self.where, ContentType=self.content_type, **CHECKED)
            self.upload_id = begun["UploadId"]
        sent = client.upload_part(**self.where, UploadId=self.upload_id, PartNumber=number, Body=part, **CHECKED)
        self.parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32": sent["ChecksumCRC32"]})


def join(
    client: Any,
    where: dict[str, str],
    content_type: str,
    read: Callable[[Piece], bytes],
    pieces: Sequence[Piece],
    md5: str,
) -> None:
    """Puts the pieces together, in this order. They go through our memory, because S3 itself joins nothing that has
    less than 5 MiB. Raises ContentDiffers, and nothing is there, when they have another MD5 sum; empty: any is right.
    """
    sent_together, seen = list(groups(pieces)), hashlib.md5(usedforsecurity=False)
    begun = client.create_multipart_upload(**where, ContentType=content_type, **CHECKED)
    upload = {**where, "UploadId": begun["UploadId"]}

    def read_group(group: Sequence[Piece]) -> bytes:
        return b"".join(map(read, group))

    def send(number: int, data: bytes) -> dict[str, object]:
        sent = client.upload_part(**upload, PartNumber=number, Body=data, **CHECKED)
        return {"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32": sent["ChecksumCRC32"]}

    parts: list[dict[str, object]] = []
    try:
        with ThreadPoolExecutor(JOINED_AT_ONCE) as threads:
            for first in range(0, len(sent_together), JOINED_AT_ONCE):
                contents = list(threads.map(read_group, sent_together[first : first + JOINED_AT_ONCE]))
                if md5:
                    for content in contents:
                        seen.update(content)
                parts += threads.map(send, range(first + 1, len(sent_together) + 1), contents)
        if md5 and seen.hexdigest() != md5:
            raise ContentDiffers(seen.hexdigest())
        client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    except BaseException:
        client.abort_multipart_upload(**upload)
        raise


def groups(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Neighbours that have PART_BYTES together: every part but the last one needs 5 MiB."""
    group: list[Piece] = []
    for piece in pieces:
        group.append(piece)
        if sum(one.size for one in group) >= PART_BYTES:
            yield group
            group = []
    if group:
        yield group
