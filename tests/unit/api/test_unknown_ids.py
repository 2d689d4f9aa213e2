"""An id that nothing has is named shortly, and nothing in it can be seen that a terminal or a log would obey."""

import base64
import json
import re
from typing import Any

import pytest

from foreverus.handlers import api, manage_keys
from tests.unit import test_events
from tests.unit.conftest import Aws

world, push = test_events.world, test_events.push  # fixtures
HANDLERS = {
    **dict.fromkeys(api.ROUTES, api.handler),
    **dict.fromkeys(manage_keys.ROUTES, manage_keys.handler),
}
ROUTES = sorted(route for route in HANDLERS if "{" in route)
STRANGE = {
    "control characters": "a\x1b[31m\r\n\x00b",
    "a long one": "x" * 1000,
    "characters that turn the line": "a\u202eb\u2028c",
    "quotes": "a' \"b",
    "emoji": "\U0001f600" * 250,
}
FORM = b'--B\r\nContent-Disposition: form-data; name="data"; filename="d"\r\n\r\nx\r\n--B--\r\n'
BODIES: dict[str, Any] = {
    "POST /conversations/{conversation_id}/messages": {"content": "Hi"},
    "POST /uploads/{upload_id}/complete": {"part_ids": ["part_1"]},
}


def error_of(route: str, names: dict[str, str], body: Any = None) -> dict[str, Any]:
    method, resource = route.split(" ")
    is_form = route.endswith("/parts")
    event = {
        "httpMethod": method,
        "resource": resource,
        "path": resource.format(**names),
        "pathParameters": names or None,
        "headers": {"content-type": "multipart/form-data; boundary=B" if is_form else "application/json"},
        "body": base64.b64encode(FORM).decode() if is_form else json.dumps(body or BODIES.get(route, {})),
        "isBase64Encoded": is_form,
        "requestContext": {"authorizer": {"user_id": "ana"}},
    }
    answer = HANDLERS.get(route, api.handler)(event, None)
    assert 400 <= answer["statusCode"] < 500, answer
    return dict(json.loads(answer["body"])["error"])


def is_tame(message: str, given: str) -> bool:
    return len(message) < 300 and not re.search(r"[\x00-\x1f\x7f\u2028-\u202e]", message) and given not in message


@pytest.mark.parametrize("route", ROUTES)
def test_of_every_route(world: Aws, route: str) -> None:
    for kind, given in STRANGE.items():
        error = error_of(route, dict.fromkeys(re.findall(r"{(\w+)}", route), given))
        assert is_tame(error["message"], given if kind != "quotes" else "\x00"), (kind, error)
        assert len(error["param"]) < 100, kind


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.parametrize("prefix", ["", "s3://elsewhere/", "s3://"])
def test_of_a_batchs_input(world: Aws, kind: str, prefix: str) -> None:
    given = prefix + STRANGE[kind]
    asked = {"input_file_id": given, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    error = error_of("POST /batches", {}, asked)
    assert error["param"] == "input_file_id" and is_tame(error["message"], given if kind != "quotes" else "\x00"), error


@pytest.mark.parametrize("kind", STRANGE)
def test_of_a_route_that_is_none(world: Aws, kind: str) -> None:
    error = error_of("GET /{x}", {"x": STRANGE[kind]})
    assert is_tame(error["message"], STRANGE[kind] if kind != "quotes" else "\x00"), error
