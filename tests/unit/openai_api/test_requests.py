"""What comes in: read as it is meant, or refused by the name of what is wrong with it."""

import json
from typing import Any

import pytest

from foreverus.backends.parameters import CHAT, COMPLETIONS
from foreverus.backends.port import BackendName, Message
from foreverus.errors import InvalidRequest, NotFound
from foreverus.openai_api.records import CompletionRequest
from foreverus.openai_api.requests import Served, read_body, read_request
from tests.unit.conftest import NOW

SERVED = Served("m")
BAD_FORMAT = {"type": "json_schema", "json_schema": {"schema": {"type": "text"}}}
NO_OBJECTS = [b"", b"[]", b"{", b'{"model": "m", "model": "m"}', b'{"a": NaN}', b"\xff", b"[" * 9999]
SAID = [{"role": "user", "content": "Hi"}]


def read(endpoint: str = CHAT, **body: Any) -> CompletionRequest:
    asked = {"messages": SAID} if endpoint == CHAT else {"prompt": "Hi"}
    return read_request(
        endpoint, read_body(endpoint, json.dumps({"model": "m", **asked, **body}).encode()), SERVED, NOW
    )


@pytest.mark.parametrize(
    ("model", "backend"), [("m", BackendName.AUTO), ("m@gpu", BackendName.GPU), ("m@bedrock", BackendName.BEDROCK)]
)
def test_model_names_a_backend_too(model: str, backend: BackendName) -> None:
    asked = read(model=model)
    assert (asked.model, asked.backend) == ("m", backend)


@pytest.mark.parametrize("model", ["M", "m@auto", "m@GPU", "m@", "@gpu", "m@gpu@gpu", "", "m" * 100_000])
def test_other_names_are_404(model: str) -> None:
    with pytest.raises(NotFound) as caught:
        read(model=model)
    assert caught.value.param == "model" and len(caught.value.message) < 1000


def test_newer_limit_wins_and_a_text_without_one_has_openais() -> None:
    assert read(max_tokens=5, max_completion_tokens=9).prompt.limit == 9
    assert read().prompt.limit is None and read(COMPLETIONS).prompt.limit == 16


def test_usage_is_only_for_streams() -> None:
    assert read(stream=True, stream_options={"include_usage": True}).include_usage
    assert not read(stream=True, stream_options=None).include_usage
    with pytest.raises(InvalidRequest) as caught:
        read(stream_options={"include_usage": True})
    assert caught.value.param == "stream_options"


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"messages": [{"role": "user", "content": " \u200b"}]}, "messages", "invalid_field"),
        ({"messages": [{"role": "system", "content": "Be brief."}]}, "messages", "invalid_field"),
        ({"messages": []}, "messages", "invalid_field"),
        ({"messages": [{"role": "tool", "content": "3"}]}, "messages[0].tool_call_id", "missing_field"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0]", "missing_field"),
        ({"n": 2}, "n", "invalid_field"),
        ({"temprature": 1}, "temprature", "unknown_field"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "text"}}}},
            "response_format",
            "",
        ),
        ({"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "x"}}}]}, "tools[0]", ""),
    ],
)
def test_bad_field_is_named(body: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(**body)
    assert (caught.value.param or "").startswith(param) and (not code or caught.value.reason == code)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b'{"model": "m", "model": "m"}', b'{"a": NaN}', b"\xff", b"[" * 9999]
)
def test_what_is_no_json_object_is_400(data: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_request(CHAT, read_body(CHAT, data), SERVED, NOW)
    assert caught.value.reason == "invalid_json"


def test_what_an_answer_held_can_be_sent_back() -> None:
    answer = {"role": "assistant", "content": "Hello", "refusal": None, "annotations": [], "tool_calls": None}
    asked = read(messages=[*SAID, answer, {"role": "user", "content": "Bye"}])
    assert asked.prompt.messages[1] == Message("assistant", "Hello")
