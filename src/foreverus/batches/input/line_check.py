"""One line of a batch's file by itself: is it JSON, and does it fit its endpoint's schema? Pure."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from foreverus import strict_json
from foreverus.api import schemas
from foreverus.api.violations import violations
from foreverus.backends.messages import without_nulls
from foreverus.backends.parameters import TABLE, Support
from foreverus.batches.input.lines import CHAT, COMPLETIONS, MAX_LINE_BYTES
from foreverus.strict_json import path_of, shown
from foreverus.text import quoted

SCHEMAS = {CHAT: "chat_line", COMPLETIONS: "completion_line"}
MAX_ERRORS_A_LINE = 10


class Problem(NamedTuple):
    code: str
    message: str
    param: str | None = None


def check_line(data: bytes | None, endpoint: str, most: int = MAX_ERRORS_A_LINE) -> tuple[Any, list[Problem]]:
    """(the line as far as it can be read, else None; what is wrong with it). Of a long line, or where `most` is 1, only
    the first thing: a file may hold 50,000 lines, of which everything is wrong."""
    if data is None:
        message = f"The line is longer than {MAX_LINE_BYTES:,} bytes: shorten its prompt. An image in it is uploaded "
        message += "instead (a file with purpose 'vision'), and named by its file_id in a part of type 'file'."
        return None, [Problem("line_too_long", message)]
    try:
        line = strict_json.read(data)
    except strict_json.NotJson as err:
        if err.bad_byte:
            message = f"Byte {err.bad_byte} of the line is not UTF-8: save the file as UTF-8."
            return None, [Problem("invalid_utf8", message)]
        return None, [Problem("invalid_json", f"The line {err}.")]
    line = _meant(line)
    first = schemas.first_error(SCHEMAS[endpoint])(line)
    if first is None:  # nearly every line; jsonschema is slow, but finds everything
        return line, []
    problems: dict[tuple[str, str | None], Problem] = {}
    is_short = len(data) <= schemas.LONG_BYTES and most > 1
    errors = schemas.validator(SCHEMAS[endpoint]).iter_errors(line) if is_short else [first]
    for one in (problem for error in errors for problem in _problems(error, endpoint)):
        if one.code == "mismatched_url":  # its body is another endpoint's: the rest would mislead
            return line, [one]
        problems[one.code, one.param] = one
        if len(problems) == most:
            break
    return line, list(problems.values())


def _meant(line: Any) -> Any:
    """Without what `null` stands for, where it can be seen what that is."""
    if not isinstance(line, dict):
        return line
    kept = {name: value for name, value in line.items() if value is not None}
    return kept | {"body": without_nulls(kept["body"])} if isinstance(kept.get("body"), dict) else kept


def _problems(error: Any, endpoint: str) -> Iterator[Problem]:
    """jsonschema's error in OpenAI's words: a code, the parameter, and what to do."""
    path = list(error.absolute_path)
    if path == ["url"] and isinstance(error.instance, str):
        message = f"The url is {shown(error.instance)}, the batch's endpoint is '{endpoint}': make them the same."
        yield Problem("mismatched_url", message, "url")
        return
    if error.validator == "enum" and error.validator_value == [None]:
        where = path_of(path)
        message = f"The field {quoted(where)} must be {error.schema['description']}. Leave it out."
        yield Problem("unsupported_parameter", message, where)
        return
    for code, message, param in violations(error, "The line"):
        if code == "unknown_field":
            known = sorted(name for name in error.schema["properties"] if _is_done(name))
            message = f"Unknown parameter {quoted(str(param))}: leave it out. Known: {', '.join(known)}."
            yield Problem("unknown_parameter", message, param)
        else:
            yield Problem(code, message, param)


def _is_done(name: str) -> bool:
    """Whether it is worth naming to somebody who looks for a parameter."""
    return name not in TABLE or TABLE[name].gpu is Support.DONE
