"""What a client sends is its error, whatever it is: 400 with the place, never one of ours."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from foreverus import ids
from foreverus.api.listing import check_cursor
from foreverus.batches.finishing import file_ids
from foreverus.handlers import api
from tests.unit.conftest import Aws

HALF = "a\ud83d"


def ask(method: str, resource: str, **event: Any) -> tuple[int, dict[str, Any]]:
    user = {"authorizer": {"user_id": "ana"}}
    answer = api.handler({"httpMethod": method, "resource": resource, "requestContext": user, **event}, None)
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ('{"title": "oi \\ud83d"}', "title"),
        ('{"title": NaN}', "title"),
        ("[" * 200_000, None),
        ('{"title": "a", "title": "b"}', "title"),
        (HALF, None),
        ("[]", None),
        ("{", None),
    ],
)
@pytest.mark.parametrize("route", ["/conversations", "/sessions", "/batches", "/files"])
def test_a_body_that_is_no_json_is_refused_by_every_route(aws: Aws, route: str, body: str, param: str | None) -> None:
    status, answer = ask("POST", route, body=body)
    assert (status, answer["error"]["code"], answer["error"]["param"]) == (400, "invalid_json", param)


@pytest.mark.parametrize("body", ["%%%", base64.b64encode(b"\xff\xfe").decode(), base64.b64encode(b"{").decode()])
def test_a_body_in_base64_is_read_by_the_same_rule(aws: Aws, body: str) -> None:
    status, answer = ask("POST", "/conversations", body=body, isBase64Encoded=True)
    assert (status, answer["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("bad", [HALF, " ", "\u200b", "x" * 11_000])
def test_ids_queries_and_headers_hold_whole_text(aws: Aws, bad: str) -> None:
    status, answer = ask("GET", "/sessions/{session_id}", pathParameters={"session_id": bad})
    assert (status, answer["error"]["param"]) == (400, "session_id")
    status, answer = ask("GET", "/sessions", queryStringParameters={"after": bad})
    assert (status, answer["error"]["param"]) == (400, "after")
    path = {"conversation_id": "conv_1"}
    route, headers = "/conversations/{conversation_id}/messages", {"Idempotency-Key": bad}
    status, answer = ask("POST", route, pathParameters=path, headers=headers, body='{"content": "Olá"}')
    assert (status, answer["error"]["param"]) == (400, "Idempotency-Key")


def test_a_limit_is_said_in_words(aws: Aws) -> None:
    status, answer = ask("GET", "/conversations", queryStringParameters={"limit": "abc"})
    assert (status, answer["error"]["message"]) == (
        400,
        "The field 'limit' must be a whole number from 1 to 100, not 'abc'.",
    )


@pytest.mark.parametrize("route", ["/conversations", "/sessions", "/files", "/batches"])
@pytest.mark.parametrize("after", ["nope", "conv_1", "none_0000000000000000000000000001", "*", "batch_1output"])
def test_an_unknown_cursor_is_named(aws: Aws, route: str, after: str) -> None:
    status, answer = ask("GET", route, queryStringParameters={"after": after})
    assert (status, answer["error"]["code"], answer["error"]["param"]) == (400, "invalid_field", "after")


def test_every_id_that_we_make_is_a_cursor() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for prefix in ("conv", "ses", "file", "batch"):
        check_cursor({"after": ids.new_id(prefix, now)}, prefix)
    for file_id in file_ids(ids.new_id("batch", now)):
        check_cursor({"after": file_id}, "file")


def test_a_query_parameter_comes_once(aws: Aws) -> None:
    twice = {"limit": ["1", "2"]}
    event = {"queryStringParameters": {"limit": "2"}, "multiValueQueryStringParameters": twice}
    status, answer = ask("GET", "/sessions", **event)
    assert (status, answer["error"]["param"]) == (400, "limit")


@pytest.mark.parametrize("tiny", ["1e-200", "5e-324", "1e-129", "0.0", "-0.0"])
def test_a_number_that_is_nearly_zero_is_taken(aws: Aws, tiny: str) -> None:
    _, made = ask("POST", "/conversations", body="{}")
    path = {"conversation_id": made["id"]}
    body = f'{{"content": "Ol\u00e1", "temperature": {tiny}, "max_tokens": 8.0}}'
    status, _ = ask("POST", "/conversations/{conversation_id}/messages", pathParameters=path, body=body)
    assert status == 202


@pytest.mark.parametrize("name", ["file_" + "é" * 800, "s3://data/inputs/" + "é" * 1000])
def test_a_name_that_nothing_can_have_is_not_there(aws: Aws, name: str) -> None:
    asked = {"input_file_id": name, "endpoint": "/v1/completions", "completion_window": "24h"}
    status, answer = ask("POST", "/batches", body=json.dumps(asked))
    assert (status, answer["error"]["code"]) == (404, "file_not_found")
