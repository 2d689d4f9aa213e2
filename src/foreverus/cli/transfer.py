"""Files up and down, streamed: memory stays flat whatever their size."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from foreverus.cli.api import Api, put, value_of
from foreverus.cli.context import Context, printable
from foreverus.cli.display import counted
from foreverus.cli.failures import Broken, Unreachable, UsageError
from foreverus.cli.objects.files import FileObject, UploadAddress
from foreverus.cli.streams import is_standard_output, is_stream, pour

SMALL_BYTES = 4_000_000  # what goes through the API itself; more is put at a presigned address
CHUNK_BYTES = 1 << 18


Counted = Callable[[Iterable[bytes]], Iterator[bytes]]


def upload(api: Api, path: Path, context: Context) -> FileObject:
    """The API's file. Raises UsageError when the file cannot be read, Broken when it changes meanwhile."""
    name = printable(path.name)
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            if before.st_size <= SMALL_BYTES:
                made = api.upload_small(name, file.read(before.st_size))
            else:
                made = api.upload_large(name, before.st_size)
                _put(api, value_of(made, "upload"), file, before.st_size, context)
            after = os.fstat(file.fileno())
    except OSError as err:
        raise UsageError(f"{printable(str(path))} cannot be read: {err.strerror}.") from err
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise Broken(f"{name} changed while it was uploaded. No batch was made: submit it again.")
    return made


def _put(api: Api, address: UploadAddress, file: BinaryIO, size: int, context: Context) -> None:
    with counted(context, "Uploading", size) as count:
        api.again(lambda: put(api.http, address, count(_chunks(file, size)), size))


def _chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Exactly `size` bytes from the file's beginning."""
    file.seek(0)
    left = size
    while left:
        chunk = file.read(min(CHUNK_BYTES, left))
        if not chunk:
            raise Broken("The file got shorter while it was uploaded. No batch was made: submit it again.")
        left -= len(chunk)
        yield chunk


def download(api: Api, file_id: str, target: Path, context: Context) -> int:
    """Bytes that were written to `target`: all of the file's, or nothing under that name.

    What arrives goes to `<target>.part`, which gets its name when it is complete and is removed otherwise. A link stays
    a link: what it leads to is written. A device or a pipe gets the bytes when all of them are there.
    """
    size = int(value_of(api.file(file_id), "bytes"))
    if is_standard_output(target) or is_stream(target):
        return _into_stream(api, file_id, target, size, context)
    part: Path | None = None
    try:
        target = target.resolve()
        part = target.with_name(target.name + ".part")
        _fetch(api, file_id, part, size, context)
        part.replace(target)
    except (OSError, RuntimeError) as err:  # RuntimeError: links in a circle, before Python 3.13
        raise UsageError(f"{printable(str(target))} cannot be written: {_reason(err)}.") from err
    finally:
        if part is not None:
            with contextlib.suppress(OSError):
                part.unlink()
    return size


def _into_stream(api: Api, file_id: str, target: Path, size: int, context: Context) -> int:
    with tempfile.TemporaryDirectory(prefix="foreverus-") as folder:
        part = Path(folder) / "part"
        try:
            _fetch(api, file_id, part, size, context)
            pour(part, target)
        except BrokenPipeError:  # `… | head`: who reads has had enough
            raise
        except OSError as err:
            raise UsageError(f"{printable(str(target))} cannot be written: {_reason(err)}.") from err
    return size


def _fetch(api: Api, file_id: str, part: Path, size: int, context: Context) -> None:
    with counted(context, "Downloading", size) as count:
        api.again(lambda: _receive(api, file_id, part, size, count))


def _reason(err: Exception) -> str:
    return str(getattr(err, "strerror", None) or err)


def _receive(api: Api, file_id: str, part: Path, size: int, count: Counted) -> None:
    with api.content(file_id) as response, part.open("wb") as file:
        for chunk in count(response.iter_bytes(CHUNK_BYTES)):
            file.write(chunk)
        if file.tell() != size:
            raise Unreachable(f"{file.tell()} of {size} bytes of {file_id} arrived")
