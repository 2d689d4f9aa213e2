"""Errors name the field and say what it must be."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.api import schemas
from foreverus.errors import InvalidRequest


def refused(name: str, body: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        schemas.parse(name, json.dumps(body))
    return caught.value


def test_unknown_field_is_named_with_the_known_ones() -> None:
    error = refused("session_create", {"idle": 5})
    assert error.param == "idle"
    assert "allow_on_demand, idle_seconds" in error.message


def test_wrong_type_is_named() -> None:
    assert refused("session_create", {"idle_seconds": "300"}).param == "idle_seconds"


def test_a_list_is_no_body() -> None:
    assert refused("message_create", ["Olá"]).message.startswith("The body must be a JSON object, not a list of 1.")


def test_a_very_long_value_is_not_repeated_in_the_error() -> None:
    error = refused("message_create", {"content": "x" * 300_001})
    assert "300001 characters" in error.message
    assert len(error.message) < 300


@pytest.mark.parametrize(
    ("name", "body", "param"),
    [
        ("list_query", {"limit": "10\n"}, "limit"),
        ("files_query", {"limit": "10000\n"}, "limit"),
        ("messages_query", {"limit": "1\n"}, "limit"),
        ("conversation_create", {"title": "\n"}, "title"),
        ("conversation_create", {"system": "\n"}, "system"),
        ("upload_complete", {"part_ids": ["part_1"], "md5": "a" * 32 + "\n"}, "md5"),
        (
            "batch_create",
            {"input_file_id": "f", "endpoint": "/v1/completions", "completion_window": "24h\n"},
            "completion_window",
        ),
    ],
)
def test_a_last_line_break_is_a_character_like_any_other(name: str, body: dict[str, Any], param: str) -> None:
    assert refused(name, body).param == param
    assert schemas.first_error(name)(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
    )
)
def test_any_json_is_accepted_or_refused_clearly(body: object) -> None:
    for name in ("session_create", "conversation_create", "message_create", "websocket_frame"):
        try:
            schemas.parse(name, json.dumps(body))
        except InvalidRequest as err:
            assert err.message
            assert err.body()["error"]["type"] == "invalid_request_error"


NAMES = sorted(path.stem for path in Path(schemas.__file__).parent.glob("*.json"))
KNOWN = {"type", "properties", "additionalProperties", "required", "enum", "const", "items", "pattern", "propertyNames"}
KNOWN |= {
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "maxProperties",
    "$ref",
    "$defs",
    "if",
    "then",
    "else",
    "not",
}
SAYS_NOTHING = {"$schema", "title", "description", "format"}  # `format`: fastjsonschema is the stricter one


def keywords(schema: Any, are_names: bool = False) -> Iterator[str]:
    """`are_names`: of properties, as people chose them."""
    for key, value in schema.items() if isinstance(schema, dict) else ():
        if not are_names:
            yield key
        yield from keywords(value, are_names=not are_names and key in ("properties", "$defs"))


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_with_a_keyword_that_the_quick_check_passes_over_is_checked_slowly(name: str) -> None:
    unknown = set(keywords(schemas.schema(name))) - KNOWN - SAYS_NOTHING
    assert bool(unknown) == (name in schemas.NOT_QUICK), unknown


def test_a_keyword_that_the_quick_check_does_not_know_is_enforced() -> None:
    assert "user_id" in refused("store_results", {"batch_id": "batch_1"}).message
