"""What REST routes answer with, as API Gateway takes it. Pure."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

Body = dict[str, object]  # a JSON object as the API shows it
Shown = Mapping[str, object]
Response = dict[str, Any]

HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",  # a browser takes it for what it says that it is
    # No cookies are used, so any page may ask; the bearer token is what counts.
    "Access-Control-Allow-Origin": "*",
    # The page measures time by the server's clock, which API Gateway writes into each answer; OpenAI's client in a
    # browser reads others; people copy the request's id.
    "Access-Control-Expose-Headers": "Date,X-Request-Id,*",
}
REQUEST_ID = "x-request-id"  # as OpenAI's clients read it: `error.request_id`
# OpenAI's clients try a conflict again, up to twice; here none goes away by itself.
_FINAL = {"x-should-retry": "false"}


def ok(body: Shown) -> Response:
    return json_response(200, body)


def created(body: Shown, is_new: bool = True) -> Response:
    return json_response(201 if is_new else 200, body)


def accepted(body: Shown) -> Response:
    return json_response(202, body)


def stopped(body: Shown, is_over: bool) -> Response:
    """It has ended, or will in a moment."""
    return json_response(200 if is_over else 202, body)


def download(content_type: str, filename: str, text: str | None, url: str) -> Response:
    """A file: its text, or a redirect to where its bytes are."""
    if text is None:
        return {"statusCode": 302, "headers": {**HEADERS, "Location": url}, "body": ""}
    disposition = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
    headers = {**HEADERS, "Content-Type": f"{content_type}; charset=utf-8", "Content-Disposition": disposition}
    return {"statusCode": 200, "headers": headers, "body": text}


def json_response(status: int, body: Shown, more: Mapping[str, str] | None = None) -> Response:
    """`more`: headers of this answer alone."""
    headers = {**HEADERS, **(_FINAL if status == 409 else {}), **(more or {})}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body, ensure_ascii=False)}
