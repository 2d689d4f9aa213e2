"""`S3Objects`' twin in memory."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import quote

from foreverus.aws.s3 import (
    ADDRESS_S,
    CHUNK_BYTES,
    JSONL,
    ListedObject,
    ObjectChanged,
    ObjectHead,
    ObjectNotThere,
    PresignedUpload,
    Writer,
    upload_address,
)
from foreverus.aws.s3_parts import ContentDiffers, Piece


class MemoryObjects:
    """Twin of `S3Objects`. Its presigned addresses are recorded in `addresses`, not served."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.held: dict[str, bytes] = {}
        self.content_types: dict[str, str] = {}
        self.addresses: list[str] = []

    def head(self, key: str) -> ObjectHead | None:
        return ObjectHead(len(self.held[key]), _etag(self.held[key])) if key in self.held else None

    def size(self, key: str) -> int | None:
        return len(self.held[key]) if key in self.held else None

    def read(self, key: str, start: int, end: int) -> bytes:
        return self._get(key)[start:end] if start < end else b""

    def stream(self, key: str) -> Iterator[bytes]:
        data = self._get(key)
        for at in range(0, len(data), CHUNK_BYTES):
            yield data[at : at + CHUNK_BYTES]

    def copy(self, source_key: str, key: str, etag: str) -> None:
        data = self._get(source_key)
        if _etag(data) != etag:
            raise ObjectChanged(f"The object {source_key} has changed.")
        self.put(key, data, self.content_types[source_key])

    def put(self, key: str, data: bytes, content_type: str = JSONL) -> None:
        self.held[key], self.content_types[key] = data, content_type

    def join(self, pieces: Sequence[Piece], key: str, content_type: str, md5: str) -> None:
        data = b"".join(self._get(one.key)[: one.size] for one in pieces)
        if md5 and _etag(data) != md5:
            raise ContentDiffers(_etag(data))
        self.put(key, data, content_type)

    def delete(self, key: str) -> None:
        self.held.pop(key, None)

    def delete_all(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.delete(key)

    def erase(self, key: str) -> None:
        self.delete(key)

    def list(self, prefix: str) -> list[ListedObject]:
        keys = sorted(key for key in self.held if key.startswith(prefix))
        return [ListedObject(key, len(self.held[key]), _etag(self.held[key])) for key in keys]

    def presigned_put(self, key: str, size: int, content_type: str) -> PresignedUpload:
        self.addresses.append(f"memory://put/{key}?bytes={size}")
        return upload_address(self.addresses[-1], content_type, self.clock())

    def presigned_get(self, key: str, filename: str = "", seconds: int = ADDRESS_S) -> str:
        self.addresses.append(f"memory://get/{key}?filename={quote(filename, safe='')}")
        return self.addresses[-1]

    @contextmanager
    def writer(self, key: str, content_type: str = JSONL) -> Iterator[Writer]:
        writer = _MemoryWriter()
        yield writer
        if writer.size:
            self.put(key, bytes(writer.data), content_type)

    def _get(self, key: str) -> bytes:
        if key not in self.held:
            raise ObjectNotThere(f"There is no object {key}.")
        return self.held[key]


def _etag(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()  # noqa: S324


class _MemoryWriter:
    def __init__(self) -> None:
        self.data = bytearray()
        self.size = 0

    def write(self, data: bytes) -> None:
        self.data += data
        self.size += len(data)
