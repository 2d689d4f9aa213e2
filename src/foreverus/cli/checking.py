"""The server's own rules, here, before anything is sent. They are pure: see docs/batches.md, "A line"."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from foreverus.cli.context import printable
from foreverus.cli.failures import UsageError
from foreverus.cli.objects.batches import ProblemObject
from foreverus.cli.text import problems
from foreverus.errors import InvalidRequest

CHUNK_BYTES = 1 << 18


def check(path: Path, endpoint: str, model: tuple[str, int | None], metadata: Mapping[str, str]) -> int:
    """How many lines the file has. `model`: its id and its context's tokens. Raises UsageError with every error's line
    number; memory stays flat."""
    # Only a submit pays for reading the rules.
    from foreverus.batches.input.file_check import Allowed, validate
    from foreverus.batches.input.lines import split
    from foreverus.batches.model import possible_backends
    from foreverus.files.records import MAX_FILE_BYTES

    name = printable(path.name)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise UsageError(f"{name} has more than {MAX_FILE_BYTES:,} bytes: split it. Nothing was sent. (file_too_large)")
    try:
        allowed = Allowed(possible_backends(metadata), model[1])
        report = validate(split(_chunks(path)), endpoint, model[0], allowed)
    except InvalidRequest as err:
        raise UsageError(f"{err} Nothing was sent.") from err
    except OSError as err:
        raise UsageError(f"{printable(str(path))} cannot be read: {err.strerror}.") from err
    if not report.errors:
        return report.total
    heading = f"{name} is not valid; nothing was sent."
    found = [ProblemObject(code=e.code, message=e.message, param=e.param, line=e.line) for e in report.errors]
    listed = problems(found, report.errors_total)
    raise UsageError("\n".join([heading, *(f"  {line}" for line in listed)]))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
