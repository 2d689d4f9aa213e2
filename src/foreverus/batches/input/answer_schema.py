"""The JSON Schema that an answer is to follow: what can be known to be wrong with it before an engine sees it. Pure.

An engine makes a grammar of it when the request comes, and refuses what it cannot: a keyword's value that is none, a
reference to nowhere or to the network. These are found here. What is left to the engine is what JSON Schema allows and
its grammar does not have: some `pattern`s and `format`s, bounds of huge lists.
"""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from foreverus.strict_json import shown
from foreverus.text import quoted

Path = tuple[str | int, ...]
_VALUES = ("const", "enum", "default", "examples")  # what is in them is no schema
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_NAMES = ("$anchor", "$dynamicAnchor", "$id", "id")  # how a place in a schema is called, "id" in drafts before 6
_INDEX = re.compile("0|[1-9][0-9]{0,5}", re.ASCII)  # RFC 6901; a line of 1 MiB has fewer entries


class Flaw(NamedTuple):
    """`path`: the place in the schema. `says`: what follows "The field … "."""

    path: Path
    says: str


def flaw_of(schema: object) -> Flaw | None:
    """The first thing that is wrong with it."""
    return _flaw_of(json.dumps(schema))  # most lines of a batch have the same one


@lru_cache(maxsize=256)
def _flaw_of(text: str) -> Flaw | None:
    from jsonschema import Draft202012Validator  # 60 ms to import: few batches need it
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for

    schema = json.loads(text)
    try:
        known = validator_for(schema, Draft202012Validator)
    except (TypeError, ValueError, AttributeError):  # it looks the address up, and not everything is one
        asked = schema["$schema"]
        return Flaw(("$schema",), f"must be the address of a draft of JSON Schema, not {shown(asked)}: leave it out.")
    # Without formats: whether a `pattern` is one, Python's regular expressions cannot say for another language's.
    if error := best_match(known(known.META_SCHEMA).iter_errors(schema)):
        said = f"is not as JSON Schema has it: {shown(error.instance)}. Correct it, or leave it out."
        return Flaw(tuple(error.absolute_path), said)
    for path, reference in _references(schema, ()):
        if not reference.startswith("#"):
            return Flaw(path, f"is {quoted(reference)}: write what it refers to into the schema, under `$defs`.")
        if not _is_there(schema, reference):
            return Flaw(path, f"is {quoted(reference)}, and nothing is in the schema at that place.")
    return None


def _references(part: object, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(part, list):
        for index, inner in enumerate(part):
            yield from _references(inner, (*path, index))
    elif isinstance(part, dict):
        for name, inner in part.items():
            if name in _REFERENCES and isinstance(inner, str):
                yield (*path, name), inner
            elif name not in _VALUES or (path and path[-1] == "properties"):
                yield from _references(inner, (*path, name))


def _is_there(schema: object, reference: str) -> bool:
    """Whether a fragment leads to something: a JSON Pointer (RFC 6901), a name that a place has, or the whole."""
    fragment = unquote(reference.removeprefix("#"))
    if not fragment:
        return True
    if not fragment.startswith("/"):
        return fragment in _named_places(schema)
    part = schema
    for token in fragment[1:].split("/"):
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(part, dict) and name in part:
            part = part[name]
        elif isinstance(part, list) and _INDEX.fullmatch(name) and int(name) < len(part):
            part = part[int(name)]
        else:
            return False
    return True


def _named_places(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (part[name].removeprefix("#") for name in _NAMES if isinstance(part.get(name), str))
    if isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from _named_places(inner)
