"""How large a grammar an answer's JSON Schema may ask for: the engine makes it while others wait. Pure.

Counted as if everything was written out: a reference is its target at each place, a list of up to ten entries is ten of
them, of alternatives that must hold together each is combined with each. Engines are cleverer than that, one more and
another less; a schema within these limits is harmless to all of them. That of enums is OpenAI's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from foreverus.backends.pattern_size import MAX_PATTERN, NestedRepetition, pattern_size

MAX_BYTES = 32_768  # of the schema, as compact JSON
MAX_DEPTH = 24  # of schemas in each other, references followed
MAX_PROPERTIES = 500  # in all
MAX_ENUM_VALUES = 1_000  # in all
MAX_REPETITIONS = 10_000  # of anything: minItems, maxLength, {m,n} in a pattern
MAX_GRAMMAR = 50_000  # places, everything written out
CHARACTERS_A_PLACE = 100  # a bound of a text's length is a counter, hardly more than one place

Path = tuple[str | int, ...]

_COUNTS = ("minItems", "maxItems", "minContains", "maxContains", "minProperties", "maxProperties")
_LENGTHS = ("minLength", "maxLength")
_ENTRIES = ("items", "additionalItems", "unevaluatedItems", "contains")
_BOUNDS = dict.fromkeys(_ENTRIES, ("minItems", "maxItems", "minContains", "maxContains")) | dict.fromkeys(
    ("additionalProperties", "unevaluatedProperties", "patternProperties"), ("minProperties", "maxProperties")
)
_ALTERNATIVES = ("anyOf", "oneOf")
_PARTS = ("additionalProperties", "unevaluatedProperties", "propertyNames", "not", "if", "then", "else")
_LISTS = ("prefixItems", "allOf", *_ALTERNATIVES)
_NAMED = ("properties", "patternProperties", "dependentSchemas", "dependencies")


@dataclass(slots=True)
class Place:
    """A schema within the schema. `refers`: what its references lead to, by keyword."""

    path: Path
    refers: dict[str, object] = field(default_factory=dict)


class LimitPassed(Exception):
    """`says`: what follows "The field … "."""

    def __init__(self, path: Path, says: str):
        super().__init__(says)
        self.path = path
        self.says = says


@dataclass(frozen=True, slots=True)
class _Size:
    """`places`: of the grammar. `ways`: of which one has to be chosen. `height`: levels, itself counted."""

    places: int
    ways: int
    height: int


_LEAF = _Size(1, 1, 1)


def check_limits(root: object, places: Mapping[int, Place]) -> None:
    """`places`: every schema in it by its identity. Raises LimitPassed."""
    _check_totals(root, places)
    measure = _Measure(places)
    measure.size(root, (), 1)
    for schema, path in _schemas(root, places):  # what nothing leads to, engines may read all the same
        measure.size(schema, path, 1)


def _check_totals(root: object, places: Mapping[int, Place]) -> None:
    properties = values = 0
    for schema, path in _schemas(root, places):
        properties += sum(len(schema[name]) for name in ("properties", "patternProperties") if name in schema)
        if properties > MAX_PROPERTIES:
            where = (*path, "properties" if "properties" in schema else "patternProperties")
            raise LimitPassed(where, f"goes beyond {MAX_PROPERTIES:,} properties in the whole schema: leave some out.")
        values += len(schema.get("enum", ()))
        if values > MAX_ENUM_VALUES:
            says = f"goes beyond {MAX_ENUM_VALUES:,} values of all enums together: leave some out."
            raise LimitPassed((*path, "enum"), says)
        for name in (*_COUNTS, *_LENGTHS):
            if schema.get(name, 0) > MAX_REPETITIONS:
                raise LimitPassed((*path, name), f"is {schema[name]:,}, the most is {MAX_REPETITIONS:,}.")


def _schemas(root: object, places: Mapping[int, Place]) -> Iterator[tuple[Mapping[str, Any], Path]]:
    """In the order of the text."""
    left = [root]
    seen: set[int] = set()
    while left:
        part = left.pop()
        if isinstance(part, dict):
            if id(part) in places and id(part) not in seen:
                seen.add(id(part))
                yield part, places[id(part)].path
            left += reversed(part.values())
        elif isinstance(part, list):
            left += reversed(part)


class _Measure:
    """Each place is measured once; depth is bounded, and so is the stack."""

    def __init__(self, places: Mapping[int, Place]):
        self._places = places
        self._known: dict[int, _Size] = {}
        self._open: set[int] = set()

    def size(self, schema: object, path: Path, level: int) -> _Size:
        if not isinstance(schema, dict) or id(schema) not in self._places:
            return _LEAF
        if id(schema) in self._open:
            raise LimitPassed(path, "leads back to a place that it is in: a schema may not contain itself.")
        known = self._known.get(id(schema))
        if level + (known.height if known else 1) - 1 > MAX_DEPTH:
            says = f"is nested deeper than {MAX_DEPTH} levels, references followed: flatten the schema."
            raise LimitPassed(path, says)
        if known is None:
            self._open.add(id(schema))
            known = self._known[id(schema)] = self._measured(schema, path, level)
            self._open.remove(id(schema))
        return known

    def _measured(self, schema: Mapping[str, Any], path: Path, level: int) -> _Size:
        inner = [(keyword, self.size(part, where, level + 1)) for keyword, part, where in self._inner(schema, path)]
        height = 1 + max((one.height for _, one in inner), default=0)
        ways, combined = 1, 1
        for name in _ALTERNATIVES:
            chosen = sum(one.ways for keyword, one in inner if keyword == name)
            ways *= max(1, chosen)
        for keyword, one in inner:
            if keyword == "allOf" or keyword in self._places[id(schema)].refers:
                combined = min(combined * one.ways, MAX_GRAMMAR + 1)
        places = 1 + len(schema.get("enum", ()))
        places += sum(one.places * _times(keyword, schema) for keyword, one in inner)
        places += max(int(schema.get(name, 0)) for name in _LENGTHS) // CHARACTERS_A_PLACE
        ways = min(ways * combined, MAX_GRAMMAR + 1)
        places += ways + self._patterns(schema, path)
        if places > MAX_GRAMMAR:
            says = (
                f"makes a grammar of more than {MAX_GRAMMAR:,} places once its references, lists (maxItems), patterns "
                "and combinations of alternatives are written out: make it smaller."
            )
            raise LimitPassed(path, says)
        return _Size(places, ways, height)

    def _inner(self, schema: Mapping[str, Any], path: Path) -> Iterator[tuple[str, object, Path]]:
        for keyword in (*_PARTS, *_ENTRIES):
            if isinstance(part := schema.get(keyword), dict):
                yield keyword, part, (*path, keyword)
        for keyword in (*_LISTS, "items"):
            if isinstance(parts := schema.get(keyword), list):
                yield from ((keyword, part, (*path, keyword, number)) for number, part in enumerate(parts))
        for keyword in _NAMED:
            yield from ((keyword, part, (*path, keyword, name)) for name, part in schema.get(keyword, {}).items())
        for keyword, part in self._places[id(schema)].refers.items():
            yield keyword, part, (*path, keyword)

    def _patterns(self, schema: Mapping[str, Any], path: Path) -> int:
        """The size of its patterns, written out."""
        asked: list[tuple[str, Path]] = [(name, (*path, "patternProperties", name)) for name in _names(schema)]
        if "pattern" in schema:
            asked.append((schema["pattern"], (*path, "pattern")))
        return sum(_pattern(pattern, where) for pattern, where in asked)


def _times(keyword: str, schema: Mapping[str, Any]) -> int:
    """How often what this keyword holds may stand in an answer, as far as the schema bounds it."""
    bounds = _BOUNDS.get(keyword, ())
    return max((int(schema.get(name, 1)) for name in bounds), default=1) or 1


def _names(schema: Mapping[str, Any]) -> Sequence[str]:
    return list(schema.get("patternProperties", ()))


def _pattern(pattern: str, path: Path) -> int:
    if len(pattern) > MAX_PATTERN:
        raise LimitPassed(
            path, f"is a pattern of {len(pattern):,} characters, the most is {MAX_PATTERN:,}: shorten it."
        )
    try:
        size = pattern_size(pattern)
    except NestedRepetition as err:
        says = (
            f"repeats without an end what itself repeats without an end ({err.shown}): write it so that each round "
            "begins or ends with a character of its own."
        )
        raise LimitPassed(path, says) from err
    if size > MAX_REPETITIONS:
        says = f"is a pattern of {size:,} places when its repetitions are written out, the most is {MAX_REPETITIONS:,}."
        raise LimitPassed(path, says)
    return size
