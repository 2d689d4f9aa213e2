"""Errors name the field and say what it must be."""

import json

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
    assert refused("message_create", ["Olá"]).message.startswith("The body is not valid")


def test_a_very_long_value_is_not_repeated_in_the_error() -> None:
    error = refused("message_create", {"content": "x" * 300_001})
    assert "300001 characters" in error.message
    assert len(error.message) < 300


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
