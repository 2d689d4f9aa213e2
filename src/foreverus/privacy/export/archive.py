"""A zip file that is written in several goes.

`zipfile` writes to a stream that cannot be rewound, and keeps of each entry what the end of the file repeats. That, and
how far the object has come, is all that the next go needs; it is kept as JSON. Goes end between entries.
"""

import base64
import json
import zipfile
from collections.abc import Iterable
from typing import Any

from foreverus import ids
from foreverus.aws.s3_resumable import Progress, ResumableObject

# As ZipInfo has them; sizes and places beyond 4 GB are whole numbers here as well.
_KEPT = ("compress_type", "CRC", "compress_size", "file_size", "header_offset", "flag_bits", "external_attr")
_VERSIONS = ("create_version", "extract_version", "create_system")
_LEVEL = 1  # text shrinks to a third; a better level takes three times as long for a tenth more


class Archive:
    """`made_at`: the time that all entries have."""

    def __init__(self, to: ResumableObject, made_at: str, entries: Iterable[zipfile.ZipInfo] = ()):
        self.to = to
        moment = ids.parse_timestamp(made_at)
        self.date = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
        self.zip = zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)
        for one in entries:
            self.zip.filelist.append(one)
            self.zip.NameToInfo[one.filename] = one

    def __contains__(self, name: str) -> bool:
        return name in self.zip.NameToInfo

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        """Any size."""
        entry = zipfile.ZipInfo(name, self.date)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o600 << 16
        with self.zip.open(entry, "w", force_zip64=True) as out:
            for chunk in chunks:
                out.write(chunk)

    def state(self) -> bytes:
        """What `resumed` goes on with."""
        at = self.to.progress()
        entries = [
            {"name": one.filename, "date": one.date_time, **{f: getattr(one, f) for f in (*_KEPT, *_VERSIONS)}}
            for one in self.zip.filelist
        ]
        tail = base64.b64encode(at.tail).decode()
        kept = {"upload_id": at.upload_id, "parts": list(at.parts), "size": at.size, "tail": tail}
        return json.dumps({**kept, "entries": entries}).encode()

    def close(self) -> int:
        """The object is there, whole, and has so many bytes."""
        self.zip.close()
        self.to.complete()
        return self.to.size


def progress_in(state: bytes) -> Progress:
    found = json.loads(state)
    return Progress(found["upload_id"], found["parts"], found["size"], base64.b64decode(found["tail"]))


def entries_in(state: bytes) -> list[zipfile.ZipInfo]:
    return [_entry(one) for one in json.loads(state)["entries"]]


def _entry(kept: "dict[str, Any]") -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(kept["name"], tuple(kept["date"]))
    for name in (*_KEPT, *_VERSIONS):
        setattr(entry, name, kept[name])
    return entry
