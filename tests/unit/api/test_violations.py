"""Every keyword of every schema is broken once, and what is said of it is said in the words of people."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from foreverus.api import schemas
from foreverus.api.violations import MOST_PARAM_CHARACTERS, violations
from foreverus.errors import InvalidRequest

NAMES = sorted(path.stem for path in Path(schemas.__file__).parent.glob("*.json"))
# Words of Python, of jsonschema and of regular expressions.
FORBIDDEN = re.compile(
    r"\b(None|True|False|nan|inf|dict|NoneType|JSONDecodeError|Traceback|OrderedDict)\b|'(object|array|integer|number)'"
    r"|does not match|is not of type|is not valid under|\^|\[\^|\(\?|\\s|\\d|is too (long|short)|non-empty"
)
STATEMENTS = {"$schema", "title", "description", "properties", "items", "$defs", "$ref", "format", "propertyNames"} | {
    "if",
    "then",
    "else",
}


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and all schemas in it."""
    if isinstance(schema, dict):
        yield schema
        for name, inner in schema.items():
            if name in ("properties", "$defs"):
                for one in inner.values():
                    yield from parts(one)
            elif name in ("items", "additionalProperties", "propertyNames", "then", "else"):
                yield from parts(inner)


BAD_TYPES: list[Any] = [None, True, 5, 0.5, "x", ["x"], {"x": None}]


def bad_values(keyword: str, rule: Any, part: dict[str, Any]) -> list[Any]:
    """Values that break one keyword; some break others too."""
    match keyword:
        case "type":
            return BAD_TYPES
        case "enum" | "const":
            return [*BAD_TYPES, "another"]
        case "minimum":
            return [rule - 1]
        case "maximum":
            return [rule + 1, 10**400]
        case "minLength":
            return ["x" * (rule - 1)]
        case "maxLength":
            return ["é" * (rule + 1)]
        case "pattern":
            return ["", "\u200b", "^(?:abc)$"]
        case "minItems":
            return [[]]
        case "maxItems":
            return [["x"] * (rule + 1)]
        case "maxProperties":
            return [{f"k{n}": "x" for n in range(rule + 1)}]
        case "required":
            return [{}]
        case "additionalProperties":
            return [{"an unknown field": None}, {"\ud83d\n": None}]
        case "dependentRequired":
            return [{name: "x"} for name in rule]
        case "not":
            return [dict.fromkeys(rule["required"], "x")]
    raise AssertionError(f"no bad value is known for {keyword}: add one, and its sentence to api/violations.py")


@pytest.mark.parametrize("name", NAMES)
def test_every_keyword_is_explained_in_the_words_of_people(name: str) -> None:
    whole = schemas.schema(name)
    said: list[str] = []
    for part in parts(whole):
        broken: set[str] = set()
        for keyword in part.keys() - STATEMENTS:
            if keyword == "additionalProperties" and part[keyword] is not False:
                continue
            for bad in bad_values(keyword, part[keyword], part):
                for error in Draft202012Validator({"$defs": whole.get("$defs", {}), **part}).iter_errors(bad):
                    broken.add(error.validator)
                    said += [one.message for one in violations(error, "The body")]
        others = set() if part.get("additionalProperties") is False else {"additionalProperties"}  # a part of its own
        never = part.keys() - STATEMENTS - broken - others
        assert not never, f"{never} of {part} was not broken"
    assert said
    for message in said:
        told = re.sub(r"'[^']*'", lambda quote: quote[0] if quote[0] in ("'object'", "'array'") else "''", message)
        assert not FORBIDDEN.search(told), message
        assert message.endswith(".") and len(message) < 600, message


@pytest.mark.parametrize(
    ("name", "body", "sentence"),
    [
        ("session_create", {"idle_seconds": "300"}, "The field 'idle_seconds' must be a whole number from 5 to 3600, not '300'."),  # noqa: E501
        ("session_create", {"allow_on_demand": None}, "The field 'allow_on_demand' must be true or false, not null."),
        ("prompt_create", {"name": "a", "text": ""}, "The field 'text' must not be empty."),
        ("message_create", {"content": {}}, "The field 'content' must be a string of at most 300000 characters, not an object."),  # noqa: E501
        ("batch_create", {"endpoint": "x"}, "The field 'endpoint' must be '/v1/chat/completions' or '/v1/completions', not 'x'."),  # noqa: E501
        ("batch_create", {"metadata": {"k" * 65: ""}}, f"The key '{'k' * 59}…' in 'metadata' has 65 characters, the most is 64: shorten it."),  # noqa: E501
        ("websocket_frame", {"action": "x"}, "The field 'action' must be 'subscribe', 'unsubscribe' or 'ping', not 'x'."),  # noqa: E501
    ],
)  # fmt: skip
def test_known_sentences(name: str, body: dict[str, Any], sentence: str) -> None:
    said = [one.message for error in schemas.validator(name).iter_errors(body) for one in violations(error, "The body")]
    assert sentence in said
    with pytest.raises(InvalidRequest) as refused:  # as of a long text: the first reason
        schemas.check(name, body, schemas.LONG_BYTES + 1)
    assert refused.value.message == sentence or name == "batch_create"


def test_of_a_long_text_a_bad_name_is_told_with_its_place() -> None:
    body = {"input_file_id": "f", "endpoint": "/v1/completions", "completion_window": "24h", "metadata": {"k" * 65: ""}}
    with pytest.raises(InvalidRequest, match="The field 'metadata' has a key that is not allowed: each must be a st"):
        schemas.check("batch_create", body, schemas.LONG_BYTES + 1)


@pytest.mark.parametrize("name", ["x" * 1_000_000, "\U0001f600" * 9000])
def test_a_name_of_any_length_is_named_shortly(name: str) -> None:
    """A hundred of them are kept with a batch, in one item of the table."""
    for body in ({name: 1}, {"content": "?", name: 1}, {"metadata": {name: 5}}):
        schema = "batch_create" if "metadata" in body else "message_create"
        for error in schemas.validator(schema).iter_errors(body):
            for found in violations(error, "The body"):
                assert len(found.message) < 1000 and len(found.param or "") <= MOST_PARAM_CHARACTERS
