"""What is wrong with an answer's JSON Schema is found before a GPU is bought for it; what is right is let through."""

from typing import Any

import pytest

from foreverus.backends.answer_schema import flaw_of
from foreverus.backends.grammar_limits import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_ENUM_VALUES,
    MAX_GRAMMAR,
    MAX_PROPERTIES,
    MAX_REPETITIONS,
)
from foreverus.backends.pattern_size import MAX_PATTERN
from foreverus.batches.input.file_check import validate
from foreverus.batches.input.lines import CHAT, split
from tests.unit.batches.input.test_validation import MODEL, line

GOOD: list[dict[str, Any]] = [
    {},
    {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]},
    {"$defs": {"a/b": {"type": "string"}}, "items": {"$ref": "#/$defs/a~1b"}},
    {"definitions": {"day": {"enum": ["sábado"]}}, "properties": {"day": {"$ref": "#/definitions/day"}}},
    {"properties": {"next": {"type": "null"}, "$ref": {"type": "string"}, "enum": {"$ref": "#/properties/next"}}},
    {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]},
    {"const": {"$ref": "https://example.com/this is a value"}, "x-order": 1, "default": None},
    {"pattern": r"\p{Lu}+", "format": "no such format"},
    {"anyOf": [{"type": "null"}, {"$ref": "#/anyOf/0"}]},
    {"$defs": {"a": {"$anchor": "day", "type": "string"}}, "items": {"$ref": "#day"}},
    {"$defs": {"a": {"$dynamicAnchor": "node"}}, "properties": {"next": {"$dynamicRef": "#node"}}},
    {"type": ["string", "null"], "const": None, "items": True, "additionalProperties": False},
    {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 0, "exclusiveMinimum": True, "id": "#a"},
    {"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": ["b"], "c": {"required": ["d"]}}},
    {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"a": {"$id": "#day"}},
        "items": {"$ref": "#day"},
    },
    {"$schema": "a draft that is not known"},
]
BAD: list[tuple[dict[str, Any], str]] = [
    ({"type": "strin"}, "type"),
    ({"type": "object", "properties": {"age": {"type": "int"}}}, "properties.age.type"),
    ({"properties": []}, "properties"),
    ({"required": "age"}, "required"),
    ({"minimum": "0"}, "minimum"),
    ({"items": [{"type": "string"}]}, "items"),
    ({"enum": "a"}, "enum"),
    ({"maxLength": -1}, "maxLength"),
    ({"properties": {"a": {"$ref": "#/$defs/a"}}}, "properties.a.$ref"),
    ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, "$ref"),
    ({"items": {"$ref": "other.json#/a"}}, "items.$ref"),
    ({"anyOf": [{"$ref": "#/anyOf/1"}]}, "anyOf[0].$ref"),
    ({"anyOf": [{"$ref": "#/anyOf/" + "1" * 5000}]}, "anyOf[0].$ref"),
    ({"items": {"$ref": "#day"}}, "items.$ref"),
    ({"properties": {"a": {"$dynamicRef": "#node"}}}, "properties.a.$dynamicRef"),
    ({"$recursiveRef": "https://example.com/tree"}, "$recursiveRef"),
    ({"type": ["string", "string"]}, "type"),
    ({"type": []}, "type"),
    ({"required": ["a", "a"]}, "required"),
    ({"required": [["a"], {"b": 1}, "a"]}, "required"),
    ({"allOf": []}, "allOf"),
    ({"not": "a"}, "not"),
    ({"properties": {"a": 5}}, "properties.a"),
    ({"anyOf": [{"type": "null"}, None]}, "anyOf[1]"),
    ({"multipleOf": 0}, "multipleOf"),
    ({"maxItems": True}, "maxItems"),
    ({"dependentRequired": {"a": "b"}}, "dependentRequired"),
    ({"exclusiveMinimum": True}, "exclusiveMinimum"),
    ({"$ref": 7}, "$ref"),
    ({"x": {"type": "strin"}, "items": {"$ref": "#/x"}}, "items.$ref.type"),
    ({"$schema": ["https://json-schema.org/draft/2020-12/schema"]}, "$schema"),
    ({"$schema": {}}, "$schema"),
    ({"$schema": 7}, "$schema"),
    ({"$schema": None}, "$schema"),
    ({"$schema": "http://[json-schema.org"}, "$schema"),
]


def asked(schema: dict[str, Any]) -> str:
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": True}}
    return line("a", response_format=form)


@pytest.mark.parametrize("schema", GOOD, ids=str)
def test_a_schema_that_is_one_is_taken(schema: dict[str, Any]) -> None:
    assert flaw_of(schema) is None
    assert validate(split([asked(schema).encode()]), CHAT, MODEL).errors == []


@pytest.mark.parametrize(("schema", "where"), BAD, ids=str)
def test_a_schema_that_is_none_is_named_with_its_place(schema: dict[str, Any], where: str) -> None:
    report = validate(split([asked(schema).encode()]), CHAT, MODEL)
    (error,) = report.errors
    assert (error.code, error.line) == ("invalid_field", 1)
    assert error.param == f"body.response_format.json_schema.schema.{where}"
    assert error.message.startswith(f"The field '{error.param}'"[:60]) and error.message.endswith(".")


def test_a_text_with_braces_is_shown_as_it_is() -> None:
    flaw = flaw_of({"$ref": "x{0}{name}"})
    assert flaw and "'x{0}{name}'" in flaw.says


def nested(levels: int) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "string"}
    for _ in range(levels - 1):
        made = {"properties": {"a": made}}
    return made


def chain(length: int) -> dict[str, Any]:
    """A reference to a reference to …"""
    defs: dict[str, Any] = {f"d{i}": {"$ref": f"#/$defs/d{i + 1}"} for i in range(length)}
    return {"$defs": defs | {f"d{length}": {"type": "null"}}, "$ref": "#/$defs/d0"}


def doubled(times: int) -> dict[str, Any]:
    """Each definition is two of the next one: 2**times in all."""
    twice: dict[str, Any] = {f"d{i}": {"prefixItems": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(times)}
    return {"$defs": twice | {f"d{times}": {"enum": list(range(900))}}, "$ref": "#/$defs/d0"}


def lists(*most: int) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "string"}
    for one in most:
        made = {"type": "array", "items": made, "maxItems": one}
    return made


def all_of(ways: int, times: int) -> dict[str, Any]:
    return {"allOf": [{"anyOf": [{"const": f"{i}.{j}"} for j in range(ways)]} for i in range(times)]}


# Just within a limit, just beyond it, where that is said, and the limit that is named.
LIMITS: list[tuple[dict[str, Any], dict[str, Any], str, int]] = [
    ({"title": "a" * (MAX_BYTES - 12)}, {"title": "a" * MAX_BYTES}, "", MAX_BYTES),
    ({"title": "ã" * (MAX_BYTES // 2 - 6)}, {"title": "ã" * (MAX_BYTES // 2)}, "", MAX_BYTES),
    (nested(MAX_DEPTH), nested(MAX_DEPTH + 1), ".properties.a" * MAX_DEPTH, MAX_DEPTH),
    (chain(MAX_DEPTH - 2), chain(MAX_DEPTH * 20), "", MAX_DEPTH),
    (
        {"properties": {f"k{i}": {} for i in range(MAX_PROPERTIES)}},
        {"properties": {f"k{i}": {} for i in range(MAX_PROPERTIES + 1)}},
        ".properties",
        MAX_PROPERTIES,
    ),
    (
        {"anyOf": [{"properties": {f"k{i}": {} for i in range(MAX_PROPERTIES // 2)}}] * 2},
        {"anyOf": [{"patternProperties": {f"k{i}": {} for i in range(MAX_PROPERTIES // 2)}}] * 3},
        ".anyOf[2].patternProperties",
        MAX_PROPERTIES,
    ),
    ({"enum": list(range(MAX_ENUM_VALUES))}, {"enum": list(range(MAX_ENUM_VALUES + 1))}, ".enum", MAX_ENUM_VALUES),
    ({"items": {"enum": [1] * 1000}}, {"items": {"enum": [1] * 999}, "enum": [[], []]}, "", MAX_ENUM_VALUES),
    ({"maxLength": MAX_REPETITIONS}, {"maxLength": MAX_REPETITIONS + 1}, ".maxLength", MAX_REPETITIONS),
    ({"minItems": MAX_REPETITIONS}, {"minItems": 2**53}, ".minItems", MAX_REPETITIONS),
    ({"pattern": "a" * MAX_PATTERN}, {"pattern": "a" * (MAX_PATTERN + 1)}, ".pattern", MAX_PATTERN),
    ({"pattern": "(a{100}){100}"}, {"pattern": "(a{100}){101}"}, ".pattern", MAX_REPETITIONS),
    (
        {"pattern": "a{9999}"},
        {"patternProperties": {"a{9999}{9}": {}}},
        ".patternProperties.a{9999}{9}",
        MAX_REPETITIONS,
    ),
    (doubled(3), doubled(7), "", MAX_GRAMMAR),
    (lists(100, 100), lists(300, 300), "", MAX_GRAMMAR),
    ({"items": lists(), "minItems": 9000}, {"items": lists(300), "minItems": 300}, "", MAX_GRAMMAR),
    (
        {"additionalProperties": lists(10), "maxProperties": 100},
        {"additionalProperties": lists(1000), "maxProperties": 1000},
        "",
        MAX_GRAMMAR,
    ),
    (all_of(3, 5), all_of(5, 9), "", MAX_GRAMMAR),
    ({"anyOf": all_of(9, 2)["allOf"]}, {"anyOf": [{}] * 300, "oneOf": [{}] * 300}, "", MAX_GRAMMAR),
]


@pytest.mark.parametrize(("within", "beyond", "where", "limit"), LIMITS)
def test_a_schema_beyond_a_limit_is_refused_with_the_place_and_the_limit(
    within: dict[str, Any], beyond: dict[str, Any], where: str, limit: int
) -> None:
    assert flaw_of(within) is None
    (error,) = validate(split([asked(beyond).encode()]), CHAT, MODEL).errors
    assert error.code == "invalid_field" and f"{limit:,}" in error.message and error.line == 1
    param = f"body.response_format.json_schema.schema{where}"
    assert (error.param or "").startswith(param[:199])
    assert len(error.message) < 500 and len(error.param or "") <= 200


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"properties": {"next": {"$ref": "#"}}},
        {"$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}},
        {"$dynamicAnchor": "node", "properties": {"next": {"$dynamicRef": "#node"}}},
        {"$recursiveRef": "#"},
        {"$id": "#me", "not": {"$ref": "#me"}},
        {"additionalProperties": {"if": {"$ref": "#/additionalProperties"}}},
    ],
    ids=str,
)
def test_a_schema_that_contains_itself_is_refused(schema: dict[str, Any]) -> None:
    flaw = flaw_of(schema)
    assert flaw and "may not contain itself" in flaw.says and flaw.path


NESTED = [
    "(a+)+",
    "(a*)*$",
    "^([a-zA-Z]+)*",
    "(x+x+)+y",
    "(a|b+){2,}",
    "(.*a){20}",
    "((a*)b?)*",
    r"(\w+\s?)*",
    "(a*ba*)*",
]
FINE = [
    "^[a-z0-9]+(-[a-z0-9]+)*$",
    r"^(\d{3}-)+\d$",
    "^.*$",
    "([A-Z][a-z]+ ?){1,4}",
    '^("[^"]*",?)*$',
    "(",
    ")",
    "[",
    "{",
    "\\",
]


@pytest.mark.parametrize("pattern", NESTED)
def test_a_pattern_that_repeats_repetitions_is_refused(pattern: str) -> None:
    flaw = flaw_of({"properties": {"a": {"pattern": pattern}}})
    assert flaw and flaw.path == ("properties", "a", "pattern") and "repeats without an end" in flaw.says


@pytest.mark.parametrize("pattern", FINE)
def test_an_ordinary_pattern_is_taken(pattern: str) -> None:
    assert flaw_of({"pattern": pattern}) is None


def test_what_is_long_is_not_repeated_in_an_error() -> None:
    long = "k" * 20_000
    for schema in ({long: {"$ref": long}}, {"properties": {long: {"type": long}}}, {"pattern": f"({long}+)+"}):
        errors = validate(split([asked(schema).encode()]), CHAT, MODEL).errors
        assert all(len(one.message) < 500 and len(one.param or "") <= 200 for one in errors)
