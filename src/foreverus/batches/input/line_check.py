"""One line of a batch's file by itself: is it JSON, and does it fit its endpoint's schema? Pure."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from foreverus.api import schemas
from foreverus.batches.input.lines import CHAT, COMPLETIONS, MAX_LINE_BYTES

SCHEMAS = {CHAT: "chat_line", COMPLETIONS: "completion_line"}
MAX_ERRORS_A_LINE = 10
MAX_DEPTH = 64  # of lists and objects in each other; only response_format is deep at all

_HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")
_SHOWN = 60  # characters of a wrong value


class Problem(NamedTuple):
    code: str
    message: str
    param: str | None = None


class _NotJson(ValueError):
    pass


def check_line(data: bytes | None, endpoint: str) -> tuple[Any, list[Problem]]:
    """(the line as far as it can be read, else None; what is wrong with it)."""
    if data is None:
        return None, [
            Problem("line_too_long", f"The line is longer than {MAX_LINE_BYTES:,} bytes: shorten its prompt.")
        ]
    try:
        line = _read(data)
    except UnicodeDecodeError as err:
        return None, [
            Problem("invalid_utf8", f"Byte {err.start + 1} of the line is not UTF-8: save the file as UTF-8.")
        ]
    except RecursionError:
        return None, [_too_deep()]
    except json.JSONDecodeError as err:
        return None, [Problem("invalid_json", f"The line is not JSON: {err.msg}, at character {err.pos + 1}.")]
    except _NotJson as err:
        return None, [Problem("invalid_json", f"The line is not JSON that can be used: {err}.")]
    except ValueError:  # Python reads whole numbers of up to 4300 digits
        return None, [Problem("invalid_json", "The line is not JSON that can be used: a number has too many digits.")]
    if not isinstance(line, dict):
        return None, [Problem("invalid_json", f"The line must be a JSON object, not {_shown(line)}.")]
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _depth_exceeds(line, MAX_DEPTH):
        return None, [_too_deep()]
    if schemas.quick_check(SCHEMAS[endpoint])(line):  # nearly every line; jsonschema is slow, but says why not
        return line, []
    problems: dict[tuple[str, str | None], Problem] = {}
    for error in schemas.validator(SCHEMAS[endpoint]).iter_errors(line):
        problems |= {(one.code, one.param): one for one in _problems(error, endpoint)}
        if ("mismatched_url", "url") in problems:  # its body is another endpoint's: the rest would mislead
            return line, [problems["mismatched_url", "url"]]
        if len(problems) >= MAX_ERRORS_A_LINE:
            break
    return line, list(problems.values())[:MAX_ERRORS_A_LINE]


def _read(data: bytes) -> Any:
    line = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite)
    if _HALF_CHARACTER.search(data):
        try:
            json.dumps(line, ensure_ascii=False).encode()
        except UnicodeEncodeError as err:
            raise _NotJson("a \\ud800 … \\udfff stands without its other half and is no character") from err
    return line


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _NotJson(f"the key {_shown(twice)} stands in it twice")
    return made


def _no_constant(name: str) -> Any:
    raise _NotJson(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _NotJson(f"the number {digits[:20]} is too large")
    return value


def _depth_exceeds(value: Any, most: int) -> bool:
    """Level by level, so that depth costs no stack."""
    level = [value]
    for _ in range(most):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _too_deep() -> Problem:
    return Problem("invalid_json", f"Lists and objects are nested deeper than {MAX_DEPTH} levels: flatten them.")


def _problems(error: Any, endpoint: str) -> Iterator[Problem]:
    """jsonschema's error in OpenAI's words: a code, the parameter, and what to do."""
    param = _path(error.absolute_path)
    if error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                full = _join(param, name)
                yield Problem("missing_field", f"The field {full!r} is missing.", full)
    elif error.validator == "additionalProperties":
        known = sorted(error.schema["properties"])
        for name in sorted(set(error.instance) - set(known)):
            full = _join(param, name)
            yield Problem(
                "unknown_parameter", f"Unknown parameter {full!r}: leave it out. Known: {', '.join(known)}.", full
            )
    elif param == "url" and isinstance(error.instance, str):
        message = f"The url is {_shown(error.instance)}, the batch's endpoint is '{endpoint}': make them the same."
        yield Problem("mismatched_url", message, "url")
    else:
        must = error.schema.get("description", "valid")
        where = f"The field {param!r}" if param else "The line"
        yield Problem("invalid_field", f"{where} must be {must}, not {_shown(error.instance)}.", param or None)


def _path(parts: Iterable[str | int]) -> str:
    """`["body", "messages", 0]` → `body.messages[0]`."""
    path = ""
    for part in parts:
        path = f"{path}[{part}]" if isinstance(part, int) else _join(path, part)
    return path


def _join(path: str, name: str) -> str:
    name = name if len(name) <= _SHOWN else name[: _SHOWN - 1] + "…"
    return f"{path}.{name}" if path else name


def _shown(value: Any) -> str:
    """A wrong value, short."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else f"a list of {len(value)}" if value else "an empty list"
    text = repr(value) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
