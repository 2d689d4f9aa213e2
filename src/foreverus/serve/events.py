"""A request of HTTP as the event that API Gateway makes of it, which the functions' handlers take. Pure."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from foreverus.serve.gateway import MOST_EVENT_BYTES
from foreverus.serve.resources import FoundResource

BINARY = "multipart/form-data"  # the template's BinaryMediaTypes: such bodies come in base64
STAGE = "v1"
# A character takes six bytes of JSON at most (\u001f), a byte of a form four thirds: below this no event is too large.
SURELY_SMALL_BYTES = MOST_EVENT_BYTES // 7

Event = dict[str, object]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`path`: below the stage. `headers`: by names in small letters."""

    request_id: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    resource: FoundResource


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Of ASGI. One that comes more than once is one with commas, as HTTP has it.

    >>> headers_of([(b"X-A", b"1"), (b"x-a", b"2"), (b"x-b", "é".encode())])
    {'x-a': '1, 2', 'x-b': 'é'}
    """
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), _text(value)
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def event_of(asked: HttpRequest, authorizer: Mapping[str, str] | None = None, body: bytes = b"") -> Event:
    """`authorizer`: what the authorizer has told of the caller."""
    query = parse_qs(asked.query, keep_blank_values=True)
    is_form = asked.headers.get("content-type", "").split(";", 1)[0].strip().lower() == BINARY
    context: Event = {
        "requestId": asked.request_id,
        "httpMethod": asked.method,
        "resourcePath": asked.resource.path,
        "path": f"/{STAGE}{asked.path}",
        "stage": STAGE,
    }
    return {
        "resource": asked.resource.path,
        "path": asked.path,
        "httpMethod": asked.method,
        "headers": dict(asked.headers),
        "queryStringParameters": {name: values[0] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(asked.resource.values) or None,
        "requestContext": context if authorizer is None else {**context, "authorizer": dict(authorizer)},
        "body": (base64.b64encode(body).decode() if is_form else body.decode("utf-8", "replace")) or None,
        "isBase64Encoded": bool(body) and is_form,
    }


def is_too_large(event: Event, body: bytes) -> bool:
    """More than Lambda takes."""
    if len(body) <= SURELY_SMALL_BYTES:
        return False
    return len(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")) > MOST_EVENT_BYTES


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
