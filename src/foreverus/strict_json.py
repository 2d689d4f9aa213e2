"""JSON as it is taken and as lines of it are written, one rule for every body, frame and line of a file. Pure.

Stricter than Python's reader: nothing that another reader would understand differently, or could not pass on.
Reading takes time in proportion to the size, for bad text too. A good text is read once; only a bad one is searched
for the place.
"""

import json
import re
from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any

from foreverus.text import half_character, quoted, whole

MAX_DEPTH = 64  # of lists and objects in each other; only a JSON Schema in response_format is deep at all
_EXACT = 2**53  # whole numbers up to here are the same as a float

_ESCAPED_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_TOKEN = re.compile(rf"{_STRING}|[\[\]{{}}]|\d{{1000,}}", re.DOTALL)
_LINE_BREAKS = re.compile("[\u0085\u2028\u2029]")  # of str.splitlines; JSON escapes the others itself

# The reader's words, and ours.
_WORDS = {
    "Expecting value": "a value is missing",
    "Expecting property name enclosed in double quotes": "a name in double quotes is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting ',' delimiter": "a comma, or the end of the list or object, is missing",
    "Extra data": "something stands behind its end",
    "Unterminated string starting at": "a text has no closing quote; it begins",
    "Invalid control character at": "a line break, tab or other control character must be escaped",
    "Invalid \\escape": "a backslash stands before something that it cannot escape",
    "Invalid \\uXXXX escape": "\\u must be followed by four hexadecimal digits",
    "Illegal trailing comma before end of object": "a comma stands before the end of the object",
    "Illegal trailing comma before end of array": "a comma stands before the end of the list",
}


class NotJson(ValueError):
    """Text that is not taken. The error's text follows a subject ("The body", "The line"); `param` is the place in the
    value where it is known, as `messages[0].content`. `bad_byte` counts from 1, for what is not UTF-8."""

    def __init__(self, message: str, param: str | None = None, bad_byte: int | None = None):
        super().__init__(message)
        self.param = param
        self.bad_byte = bad_byte


class _Refused(ValueError):
    """Something is in it that is looked for again, with its place."""


def read(data: bytes) -> dict[str, Any]:
    """The object in `data`. A number without a fraction is an int, however it is written. Raises NotJson."""
    try:
        text = data.decode()
    except UnicodeDecodeError as err:
        raise NotJson(f"is not UTF-8 text: see byte {err.start + 1}", bad_byte=err.start + 1) from err
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise _too_deep(text) from None
    except json.JSONDecodeError as err:
        raise _syntax(text, err) from err
    except ValueError:
        raise _what_was_refused(text) from None
    if not isinstance(value, dict):
        raise NotJson(f"must be a JSON object, not {shown(value)}")
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _depth_exceeds(value, MAX_DEPTH):
        raise _too_deep(text)
    if _ESCAPED_HALF.search(data) and (bad := _first_bad(value, [])):
        raise bad
    return value


def line(value: object) -> bytes:
    """A line of a JSON Lines file, without its break: no reader takes a character in it for another break."""
    return one_line(whole(json.dumps(value, ensure_ascii=False, separators=(",", ":")))).encode()


def one_line(text: str) -> str:
    """The same JSON, with the characters escaped at which `str.splitlines` and JavaScript's readers cut.

    >>> one_line('"a\\u2028b"')
    '"a\\\\u2028b"'
    """
    if text.isascii():
        return text
    return _LINE_BREAKS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def shown(value: Any) -> str:
    """A value as an error names it, short and in JSON's words."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, str):
        return quoted(value)
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def path_of(parts: Iterable[str | int]) -> str:
    """`["body", "messages", 0]` → `body.messages[0]`, each name short."""
    path = ""
    for part in parts:
        path = f"{path}[{part}]" if isinstance(part, int) else joined(path, part)
    return path


def joined(path: str, name: str) -> str:
    name = quoted(name)[1:-1]
    return f"{path}.{name}" if path else name


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Refused
    return made


def _no_constant(name: str) -> Any:
    raise _Refused


def _number(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise _Refused
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_number)


def _syntax(text: str, err: json.JSONDecodeError) -> NotJson:
    if text.startswith("\ufeff"):
        return NotJson("is not JSON: it begins with a byte order mark (U+FEFF), which must go")
    if not text.strip():
        return NotJson("is not JSON: there is nothing in it")
    words = _WORDS.get(err.msg, "something is not as JSON has it")
    at = f"at character {err.pos + 1}"
    if "\n" in text.strip():
        at += f" (line {err.lineno}, column {err.colno})"
    return NotJson(f"is not JSON: {words}, {at}")


def _too_deep(text: str) -> NotJson:
    depth, at = 0, 0
    for token in _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > MAX_DEPTH:
            at = token.start()
            break
    message = f"is not JSON that can be used: lists and objects are nested deeper than {MAX_DEPTH} levels"
    return NotJson(f"{message}, from character {at + 1} on: flatten them")


def _what_was_refused(text: str) -> NotJson:
    """Reads it again and keeps what the first reading stopped at."""
    twice: list[tuple[dict[str, Any], str]] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            seen: set[str] = set()
            twice.append((made, next(name for name, _ in pairs if name in seen or seen.add(name))))  # type: ignore[func-returns-value]
        return made

    try:
        value = json.JSONDecoder(object_pairs_hook=note).decode(text)
    except RecursionError:
        return _too_deep(text)
    except json.JSONDecodeError as err:
        return _syntax(text, err)
    except ValueError:  # Python reads whole numbers of up to 4300 digits
        long = next((found for found in _TOKEN.finditer(text) if found[0].isdigit() and len(found[0]) > 4300), None)
        at = f", at character {long.start() + 1}" if long else ""
        return NotJson(f"is not JSON that can be used: a number has too many digits{at}")
    return _first_bad(value, twice) or _unusable(f"the key {quoted(twice[0][1])} stands in it twice", [twice[0][1]])


def _first_bad(value: Any, twice: list[tuple[dict[str, Any], str]]) -> NotJson | None:
    """The first thing in a value that is not taken, with its place."""
    doubled = {id(made): name for made, name in twice}
    for one, place in _walk(value):
        if isinstance(one, dict) and id(one) in doubled:
            name = doubled[id(one)]
            return _unusable(f"the key {quoted(name)} stands in it twice", [*_parts(place), name])
        if isinstance(one, float) and not isfinite(one):
            words = "NaN and Infinity are no JSON numbers, and no number may be as large as 1e309"
            return _unusable(words, _parts(place))
        if isinstance(one, str) and half_character(one) is not None:
            words = "a \\ud800 … \\udfff stands without its other half and is no character"
            return _unusable(words, _parts(place))
    return None


_Place = tuple[Any, str | int] | None  # a chain to the root: copying paths would take time in proportion to names


def _walk(value: Any) -> Iterator[tuple[Any, _Place]]:
    """Every value in it and every name, in order; depth costs no stack."""
    left: list[tuple[Any, _Place]] = [(value, None)]
    while left:
        one, place = left.pop()
        yield one, place
        if isinstance(one, dict):
            for name, inner in reversed(one.items()):
                left += ((inner, (place, name)), (name, (place, name)))
        elif isinstance(one, list):
            left += ((inner, (place, number)) for number, inner in reversed(list(enumerate(one))))


def _parts(place: _Place) -> list[str | int]:
    parts: list[str | int] = []
    while place is not None:
        place, part = place
        parts.append(part)
    return parts[::-1]


def _unusable(words: str, parts: list[str | int]) -> NotJson:
    if len(parts) > MAX_DEPTH:
        parts = parts[:MAX_DEPTH]
    param = path_of(parts)
    at = f" (at {param})" if param else ""
    return NotJson(f"is not JSON that can be used: {words}{at}", param or None)


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
