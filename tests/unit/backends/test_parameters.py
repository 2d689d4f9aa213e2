"""The table of OpenAI's parameters: every value is done, left out or refused by name, by each backend as it can."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from foreverus.api import schemas
from foreverus.backends.parameters import CHAT, COMPLETIONS, PARAMETERS, TABLE, Support, limit_of, options_of
from foreverus.backends.parameters import not_on_bedrock as not_on_bedrock_
from foreverus.backends.request_schema import LINE_FILES, body_schema, line_schema

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", LINE_FILES)
def test_schema_files_are_the_table_written_down(name: str) -> None:
    """To write one anew: json.dumps(line_schema(LINE_FILES[name]), indent=2)."""
    assert schemas.schema(name) == line_schema(LINE_FILES[name])


def test_documented_table_is_the_table() -> None:
    text = (ROOT / "docs/batches.md").read_text(encoding="utf-8")
    for one in PARAMETERS:
        assert table_row(one.name) in text, f"docs/batches.md lacks: {table_row(one.name)}"


def table_row(name: str) -> str:
    one = TABLE[name]
    bedrock = f"up to {one.bedrock_most:g}" if one.bedrock_most is not None else one.bedrock.value
    where = "" if len(one.endpoints) == 2 else " (chat)" if one.endpoints == (CHAT,) else " (text)"
    return f"| `{name}`{where} | {one.takes or 'never'} | {one.gpu.value} | {bedrock} |"


@pytest.mark.parametrize("endpoint", [CHAT, COMPLETIONS])
def test_null_is_taken_for_every_parameter(endpoint: str) -> None:
    known = body_schema(endpoint)["properties"]
    for name in known.keys() - {"model", "messages", "prompt"}:
        assert Draft202012Validator(known[name]).is_valid(None), name


NOTHING: list[dict[str, Any]] = [
    {"stop": ""},
    {"seed": -1},
    {"response_format": {"type": "text", "strict": False}},
    {"stop": []},
    {"stop": ["", ""]},
    {"n": 1, "stream": False, "store": False, "logprobs": False, "top_logprobs": 0},
    {"presence_penalty": 0, "frequency_penalty": 0.0},
    {"tools": [], "functions": [], "logit_bias": {}, "tool_choice": "auto", "parallel_tool_calls": True},
    {"service_tier": "default", "metadata": {"a": "b"}, "user": "ana", "modalities": ["text"]},
    {"response_format": {"type": "text"}, "reasoning_effort": "none", "verbosity": "medium"},
    {"best_of": 1, "echo": False, "suffix": ""},
]


@pytest.mark.parametrize("body", NOTHING, ids=str)
def test_what_asks_for_nothing_is_not_passed_on_and_any_backend_can_do_it(body: dict[str, Any]) -> None:
    assert options_of(body) == {}
    assert not_on_bedrock_(body, None) is None
    for name, value in body.items():
        schema = body_schema(TABLE[name].endpoints[0])["properties"][name]
        assert Draft202012Validator(schema).is_valid(value), name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("stream", True),
        ("store", True),
        ("logprobs", True),
        ("logprobs", 5),
        ("top_logprobs", 3),
        ("tools", [{"type": "function"}]),
        ("tool_choice", "required"),
        ("logit_bias", {"1": 5}),
        ("service_tier", "flex"),
        ("reasoning_effort", "high"),
        ("audio", {"voice": "x"}),
        ("stream_options", {"include_usage": True}),
        ("top_p", 1.1),
        ("top_p", -0.1),
        ("temperature", 2.01),
        ("presence_penalty", -2.5),
        ("max_tokens", 0),
        ("max_completion_tokens", -1),
        ("seed", 2**63),
        ("seed", 1.5),
        ("stop", ["a"] * 5),
        ("stop", [None]),
        ("response_format", {"type": "json_schema"}),
        ("response_format", {"type": "json_object", "schema": {"type": "object"}}),
        ("response_format", {"type": "json_schema", "schema": {"type": "object"}}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "two words", "schema": {}}}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "x\n", "schema": {}}}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "x" * 65, "schema": {}}}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "x", "schema": {}, "strict": "yes"}}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "x", "schema": []}}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "x", "schema": "{}"}}),
        ("response_format", "json_object"),
        ("n", True),
        ("top_logprobs", False),
        ("logprobs", 0),
        ("store", 0),
        ("max_tokens", True),
        ("max_tokens", "8"),
        ("max_tokens", 1_000_001),
        ("temperature", "0.5"),
        ("temperature", -0.1),
        ("stop", [["a"]]),
        ("user", 5),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "x", "schema": None}}),
    ],
)
def test_what_is_not_done_does_not_fit_its_schema(name: str, value: Any) -> None:
    schema = body_schema(TABLE[name].endpoints[0])["properties"][name]
    assert not Draft202012Validator(schema).is_valid(value)


def test_values_that_an_engine_refuses_are_translated() -> None:
    assert 0 < options_of({"top_p": 0})["top_p"] < 1e-5
    assert options_of({"stop": ["", "x", ""]}) == {"stop": ["x"]}
    form = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    assert options_of({"response_format": form})["response_format"]["json_schema"] == {
        "name": "answer",
        "schema": {"type": "object"},
    }
    named = {"type": "json_schema", "json_schema": {"name": "mine", "schema": {}}}
    assert options_of({"response_format": named})["response_format"] == named


@pytest.mark.parametrize(
    ("options", "temperature", "name"),
    [
        ({}, 1.0, None),
        ({}, 1.3, "temperature"),
        ({"seed": 7, "top_p": 0.5, "stop": ["x"]}, 0.0, None),
        ({"seed": 7}, None, "seed"),
        ({"seed": 0}, 0.5, "seed"),
        ({"seed": -1}, 0.5, None),
        ({"response_format": {"type": "json_object"}}, None, "response_format"),
        ({"presence_penalty": 0.1}, None, "presence_penalty"),
        ({"frequency_penalty": -2}, None, "frequency_penalty"),
        ({"somebody's own": 1}, None, "somebody's own"),
    ],
)
def test_bedrocks_part(options: dict[str, Any], temperature: float | None, name: str | None) -> None:
    assert not_on_bedrock_(options, temperature) == name


def test_the_newer_limit_wins() -> None:
    assert limit_of({"max_tokens": 5, "max_completion_tokens": 9}) == 9
    assert limit_of({"max_tokens": 5.0, "max_completion_tokens": None}) == 5
    assert limit_of({}) is None


def test_what_is_ignored_on_a_gpu_is_ignored_on_bedrock() -> None:
    for one in PARAMETERS:
        if one.gpu is not Support.DONE:
            assert one.bedrock is one.gpu, one.name
    json.dumps([dict(one.schema) for one in PARAMETERS])
