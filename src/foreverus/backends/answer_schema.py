"""The JSON Schema that an answer is to follow: what is wrong with it, or too much, before an engine sees it. Pure.

An engine makes a grammar of it when the request comes, on the processor that all of its users share, and refuses what
it cannot: a keyword's value that is none, a reference to nowhere or to the network. These are found here, and so is a
schema whose grammar could keep the engine busy (`grammar_limits.py`). What is left to the engine is what JSON Schema
allows and its grammar does not have: some `pattern`s and `format`s.

A table of keywords rather than the drafts' own schemas: those take 0.1 ms a place with jsonschema (a file may hold a
million places), compare each entry of a list with each other one, and know no limits. Each place is looked at once.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from foreverus.backends.grammar_limits import MAX_BYTES, LimitPassed, Path, Place, check_limits
from foreverus.strict_json import shown
from foreverus.text import quoted

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_NAMES = ("$anchor", "$dynamicAnchor", "$id", "id")  # how a place in a schema is called, "id" in drafts before 6
_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_LATEST = "2020-12"  # what a schema without `$schema` is, and one whose draft is not known
_OLDER = ("draft-03", "draft-04", "draft-06", "draft-07", "2019-09")


class Flaw(NamedTuple):
    """`path`: the place in the schema. `says`: what follows "The field … "."""

    path: Path
    says: str


class _Flawed(Exception):
    def __init__(self, path: Path, says: str):
        super().__init__(says)
        self.flaw = Flaw(path, says)


def flaw_of(schema: object) -> Flaw | None:
    """The first thing that is wrong with it."""
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    size = len(text.encode(errors="replace"))
    if size > MAX_BYTES:
        return Flaw((), f"has {size:,} bytes, the most is {MAX_BYTES:,}: shorten it.")
    return _flaw_of(text)  # most lines of a batch have the same one


@lru_cache(maxsize=256)
def _flaw_of(text: str) -> Flaw | None:
    schema = json.loads(text)
    try:
        places = _places(schema)
        check_limits(schema, places)
    except _Flawed as err:
        return err.flaw
    except LimitPassed as err:
        return Flaw(err.path, err.says)
    return None


def _places(root: object) -> dict[int, Place]:
    """Every schema in it, by identity, and what else is referred to, each checked by itself. Raises _Flawed."""
    older = isinstance(root, dict) and _is_older(root)
    names: dict[str, object] | None = None
    found: dict[int, Place] = {}
    left: list[tuple[object, Path]] = [(root, ())]
    while left:
        schema, path = left.pop()
        if not isinstance(schema, dict) or id(schema) in found:
            if not isinstance(schema, dict | bool):
                raise _wrong(path, schema)
            continue
        place = found[id(schema)] = Place(path)
        inner: list[tuple[object, Path]] = []
        for keyword, value in schema.items():
            _check_keyword(keyword, value, path, older)
            inner += ((part, (*path, keyword, *where)) for part, where in _inside(keyword, value))
            if keyword in REFERENCES:
                names = _named_places(root) if names is None else names
                place.refers[keyword] = _referred(root, names, value, (*path, keyword))
                inner.append((place.refers[keyword], (*path, keyword)))
        left += reversed(inner)
    return found


def _check_keyword(keyword: str, value: object, path: Path, older: bool) -> None:
    fits = _KEYWORDS.get(keyword)
    if fits is None or fits(value):
        return
    if older and _OLDER_KEYWORDS.get(keyword, fits)(value):
        return
    if keyword == "$schema":
        said = f"must be the address of a draft of JSON Schema, not {shown(value)}: leave it out."
        raise _Flawed((*path, keyword), said)
    raise _wrong((*path, keyword), value)


def _wrong(path: Path, value: object) -> _Flawed:
    return _Flawed(path, f"is not as JSON Schema has it: {shown(value)}. Correct it, or leave it out.")


def _inside(keyword: str, value: object) -> Iterator[tuple[object, tuple[str | int, ...]]]:
    """The schemas that a keyword's value holds, and where in it."""
    if keyword in _ONE and isinstance(value, dict | bool):
        yield value, ()
    elif keyword in _LISTS and isinstance(value, list):
        yield from ((one, (number,)) for number, one in enumerate(value))
    elif keyword in _NAMED and isinstance(value, dict):
        of_schemas = value.items() if keyword != "dependencies" else _schemas_of(value)
        yield from ((one, (name,)) for name, one in of_schemas)


def _schemas_of(dependencies: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Before 2019-09 a dependency is a schema, or names."""
    return ((name, one) for name, one in dependencies.items() if not _is_texts(one))


def _referred(root: object, names: Mapping[str, object], reference: str, path: Path) -> object:
    """Where a fragment leads: a JSON Pointer (RFC 6901), a name that a place has, or the whole. Raises _Flawed."""
    if not reference.startswith("#"):
        raise _Flawed(path, f"is {quoted(reference)}: write what it refers to into the schema, under `$defs`.")
    fragment = unquote(reference.removeprefix("#"))
    if not fragment:
        return root
    nowhere = _Flawed(path, f"is {quoted(reference)}, and nothing is in the schema at that place.")
    if not fragment.startswith("/"):
        if fragment not in names:
            raise nowhere
        return names[fragment]
    part = root
    for token in fragment[1:].split("/"):
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(part, dict) and name in part:
            part = part[name]
        elif isinstance(part, list) and _is_index(name) and int(name) < len(part):
            part = part[int(name)]
        else:
            raise nowhere
    return part


def _is_index(name: str) -> bool:
    """RFC 6901: no zeros in front. A schema of 32 KiB has fewer entries than six digits."""
    return name.isascii() and name.isdigit() and len(name) <= 6 and (name == "0" or name[0] != "0")


def _named_places(root: object) -> dict[str, object]:
    found: dict[str, object] = {}
    left = [root]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            for name in _NAMES:
                if isinstance(said := part.get(name), str):
                    found.setdefault(said.removeprefix("#"), part)
            left += part.values()
        elif isinstance(part, list):
            left += part
    return found


def _is_older(root: Mapping[str, object]) -> bool:
    draft = root.get("$schema")
    return isinstance(draft, str) and any(name in draft for name in _OLDER)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value) and len(set(value)) == len(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_schema(value: object) -> bool:
    return isinstance(value, dict | bool)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_some(value: object) -> bool:
    return isinstance(value, list) and bool(value)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_type(value: object) -> bool:
    return value in _TYPES if isinstance(value, str) else _is_some(value) and _is_texts(value) and set(value) <= _TYPES  # type: ignore[call-overload]


def _is_address(value: object) -> bool:
    try:
        return isinstance(value, str) and urlsplit(value) is not None
    except ValueError:
        return False


_Fits = Callable[[object], bool]
_ONE = (
    *("items", "additionalItems", "unevaluatedItems", "contains", "additionalProperties", "unevaluatedProperties"),
    *("propertyNames", "not", "if", "then", "else", "contentSchema"),
)
_LISTS = ("prefixItems", "allOf", "anyOf", "oneOf", "items")  # `items`: of older drafts
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
_KEYWORDS: Mapping[str, _Fits] = {
    **dict.fromkeys(_LISTS, _is_some),
    **dict.fromkeys(_ONE, _is_schema),
    **dict.fromkeys(_NAMED, _is_object),
    **dict.fromkeys((*REFERENCES, "$id", "$anchor", "$dynamicAnchor", "$comment", "title", "description"), _is_text),
    **dict.fromkeys(("pattern", "format", "contentEncoding", "contentMediaType"), _is_text),
    **dict.fromkeys(("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"), _is_number),
    **dict.fromkeys(("maxLength", "minLength", "maxItems", "minItems", "maxContains", "minContains"), _is_count),
    **dict.fromkeys(("maxProperties", "minProperties"), _is_count),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), _is_bool),
    **dict.fromkeys(("enum", "examples"), _is_list),
    "$schema": _is_address,
    "$vocabulary": _is_object,
    "type": _is_type,
    "required": _is_texts,
    "multipleOf": lambda value: _is_number(value) and value > 0,  # type: ignore[operator]
    "dependentRequired": lambda value: isinstance(value, dict) and all(map(_is_texts, value.values())),
}
# What a draft before 2020-12 has beside these.
_OLDER_KEYWORDS: Mapping[str, _Fits] = {
    "items": _is_list,
    "exclusiveMaximum": _is_bool,
    "exclusiveMinimum": _is_bool,
    "required": _is_bool,
}
