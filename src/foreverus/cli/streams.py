"""What is named like a file and is none: `-`, pipes, devices, links. Read whole; written to, never replaced."""

import contextlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from foreverus.cli.context import Context, printable
from foreverus.cli.failures import UsageError

STANDARD = "-"
STREAM_NAME = "stdin.jsonl"  # what a pipe's content is called where a name is shown
CHUNK_BYTES = 1 << 18


@contextlib.contextmanager
def readable(given: str, context: Context, most_bytes: int) -> Iterator[Path]:
    """A regular file with what `given` holds: itself, or for `-`, a pipe or a device a copy that goes again.

    A copy ends one byte after `most_bytes`, so that its size is refused and an endless device ends.
    Raises UsageError where there is nothing to read.
    """
    path = context.folder / given
    if given != STANDARD and path.is_file():
        yield path
        return
    if given != STANDARD and (path.is_dir() or not path.exists()):
        raise UsageError(f"There is no file {printable(given)}.")
    with tempfile.TemporaryDirectory(prefix="foreverus-") as folder:
        copy = Path(folder) / STREAM_NAME
        try:
            with _source(given, path, context) as source, copy.open("wb") as target:
                _copy(source, target, most_bytes + 1)
        except OSError as err:
            raise UsageError(f"{printable(given)} cannot be read: {err.strerror}.") from err
        yield copy


@contextlib.contextmanager
def _source(given: str, path: Path, context: Context) -> Iterator[BinaryIO]:
    if given != STANDARD:
        with path.open("rb") as file:
            yield file
        return
    if context.input.isatty():
        context.say("Reading lines from the terminal; Ctrl-D ends them.")
    yield context.input


def _copy(source: BinaryIO, target: BinaryIO, most_bytes: int) -> None:
    left = most_bytes
    while left and (chunk := source.read(min(CHUNK_BYTES, left))):
        target.write(chunk)
        left -= len(chunk)


def is_standard_output(target: Path) -> bool:
    """`-`, and every name of what the standard output is already: opened anew, writing would begin at its start."""
    if str(target) == STANDARD:
        return True
    with contextlib.suppress(OSError, ValueError):
        named = str(target).startswith(("/dev/", "/proc/"))
        return named and os.path.samestat(target.stat(), os.fstat(sys.stdout.fileno()))
    return False


def is_stream(target: Path) -> bool:
    """A device, a pipe or a socket, also behind a link."""
    try:
        return not stat.S_ISREG(target.stat().st_mode)
    except OSError:
        return False


def pour(source: Path, target: Path) -> None:
    """Writes the file into the stream. OSError where it cannot be written."""
    with source.open("rb") as file:
        if is_standard_output(target):
            sys.stdout.flush()
            shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            with target.open("wb", buffering=0) as stream:
                shutil.copyfileobj(file, stream)
