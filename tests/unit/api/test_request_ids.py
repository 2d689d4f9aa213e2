"""An answer of the API, good or bad, names the request; the lines of the log that it made have the same id."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from foreverus import logs
from foreverus.api.requests import Request
from foreverus.api.responses import Response, ok
from foreverus.api.routes import answer
from foreverus.errors import LimitReached, NotFound
from foreverus.handlers import api, websocket
from foreverus.openai_api.http import CONTEXT
from tests.unit import adapter
from tests.unit.conftest import Aws

REQUEST_ID = "6f1c3c35-5d3e-4b0a-9f0e-00000000000a"


class Context:
    aws_request_id = "invocation-1"


def refused(error: Exception) -> Callable[[Request, None], Response]:
    def route(request: Request, services: None) -> Response:
        raise error

    return route


ENDS: dict[str, tuple[Callable[[Request, None], Response], int, str | None]] = {
    "an answer": (lambda r, s: ok({}), 200, None),
    "a refusal": (refused(NotFound("There is none.", code="no_such")), 404, "GET /things: 404 no_such"),
    "a limit": (refused(LimitReached("Wait.", "too_many", 5)), 429, "GET /things: 429 too_many"),
    "a mistake of ours": (refused(KeyError("x")), 500, "GET /things failed"),
}


def event(**more: object) -> dict[str, Any]:
    context = {"requestId": REQUEST_ID, "authorizer": {"user_id": "user-1"}}
    return {"httpMethod": "GET", "resource": "/things", "path": "/things", "requestContext": context, **more}


@pytest.mark.parametrize("end", ENDS)
def test_whatever_the_end_the_id_is_in_the_header_and_in_the_log(end: str, caplog: pytest.LogCaptureFixture) -> None:
    route, status, line = ENDS[end]
    caplog.set_level(logging.INFO, "foreverus")
    logs.start(event(), Context())
    answered = answer(event(), {"GET /things": route}, lambda: None)
    assert (answered["statusCode"], answered["headers"]["x-request-id"]) == (status, REQUEST_ID)
    said = {record.getMessage(): vars(record).get("api_request_id") for record in caplog.records}
    assert said == ({line: REQUEST_ID} if line else {})


def test_without_a_user_or_a_route_too() -> None:
    nobody = event(requestContext={"requestId": REQUEST_ID})
    for asked, status in ((nobody, 401), (event(resource="/nothing"), 404)):
        answered = answer(asked, {"GET /things": lambda r, s: ok({})}, lambda: None)
        assert (answered["statusCode"], answered["headers"]["x-request-id"]) == (status, REQUEST_ID)


def test_the_next_request_of_the_same_environment_has_its_own(aws: Aws, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "foreverus")
    for number in (1, 2):
        context = {"requestId": f"request-{number}", "authorizer": {"user_id": "user-1"}}
        asked = event(resource="/batches/{batch_id}", pathParameters={"batch_id": "batch_x"}, requestContext=context)
        answered = api.handler(asked, Context())
        assert (answered["statusCode"], answered["headers"]["x-request-id"]) == (404, f"request-{number}")
        assert vars(caplog.records[-1])["api_request_id"] == f"request-{number}"


@pytest.mark.parametrize(("path", "body", "status"), [("/chat/completions", "{", 400), ("/nothing", "{}", 404)])
def test_openais_api_says_it_whatever_a_client_put_there(aws: Aws, path: str, body: str, status: int) -> None:
    headers = {"X-Request-Id": "mine", CONTEXT: "{}"}
    asked = event(httpMethod="POST", path=path, body=body, headers=headers)
    answered = adapter.answer(asked)
    assert (answered["statusCode"], answered["headers"]["X-Request-Id"]) == (status, REQUEST_ID)


def test_an_error_frame_says_it(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    live = websocket.build()
    monkeypatch.setattr(live.push, "post", lambda topic, connection, data: sent.append(data))
    monkeypatch.setattr(live.push, "close", lambda connection: None)
    context = {"requestId": REQUEST_ID, "connectionId": "c1", "routeKey": "$default"}
    websocket.handler({"requestContext": context, "body": "not json"}, Context())
    (frame,) = map(json.loads, sent)
    assert (frame["type"], frame["request_id"]) == ("error", REQUEST_ID)
