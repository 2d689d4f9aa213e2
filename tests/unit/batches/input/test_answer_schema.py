"""What is wrong with an answer's JSON Schema is found before a GPU is bought for it; what is right is let through."""

from typing import Any

import pytest

from foreverus.batches.input.answer_schema import flaw_of
from foreverus.batches.input.file_check import validate
from foreverus.batches.input.lines import CHAT, split
from tests.unit.batches.input.test_validation import MODEL, line

GOOD: list[dict[str, Any]] = [
    {},
    {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]},
    {"$defs": {"a/b": {"type": "string"}}, "items": {"$ref": "#/$defs/a~1b"}},
    {"definitions": {"day": {"enum": ["sábado"]}}, "properties": {"day": {"$ref": "#/definitions/day"}}},
    {"properties": {"next": {"$ref": "#"}, "$ref": {"type": "string"}, "enum": {"$ref": "#/properties/next"}}},
    {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]},
    {"const": {"$ref": "https://example.com/this is a value"}, "x-order": 1, "default": None},
    {"pattern": r"\p{Lu}+", "format": "no such format"},
    {"anyOf": [{"type": "null"}, {"$ref": "#/anyOf/0"}]},
    {"$defs": {"a": {"$anchor": "day", "type": "string"}}, "items": {"$ref": "#day"}},
    {"$dynamicAnchor": "node", "properties": {"next": {"$dynamicRef": "#node"}}},
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
