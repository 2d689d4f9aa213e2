"""Events as API Gateway makes them."""

import base64
from dataclasses import replace

import pytest

from foreverus.api.requests import Request
from foreverus.serve.events import HttpRequest, event_of, headers_of, is_too_large
from foreverus.serve.gateway import MOST_EVENT_BYTES
from foreverus.serve.resources import FoundResource

ASKED = HttpRequest(
    "id-1", "POST", "/files/f1", "", {"content-type": "application/json"},
    FoundResource("/files/{file_id}", {"file_id": "f1"}, frozenset({"POST"})),
)  # fmt: skip


def test_a_handler_reads_of_it_what_was_asked() -> None:
    asked = replace(ASKED, query="limit=1&q=ol%C3%A1&empty=", headers={"idempotency-key": "k"})
    one = Request(event_of(asked, {"user_id": "u", "key_id": "k1", "is_admin": "true"}, '{"a": "ü"}'.encode()))
    assert (one.request_id, one.user_id, one.key_id, one.person.is_admin) == ("id-1", "u", "k1", True)
    assert (one.path, one.query) == ({"file_id": "f1"}, {"limit": "1", "q": "olá", "empty": ""})
    assert (one.idempotency_key, one.raw_body) == ("k", '{"a": "ü"}'.encode())


def test_what_is_not_there_is_none() -> None:
    event = event_of(replace(ASKED, resource=FoundResource("/files", {}, frozenset())))
    names = ("body", "pathParameters", "queryStringParameters", "multiValueQueryStringParameters")
    assert [event[name] for name in names] == [None] * 4
    assert "authorizer" not in event["requestContext"]  # type: ignore[operator]


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "Multipart/Form-Data", "multipart/form-data ;a"])
def test_a_form_comes_in_base64(kind: str) -> None:
    event = event_of(replace(ASKED, headers={"content-type": kind}), {}, b"\x00\xff")
    assert (event["body"], event["isBase64Encoded"]) == (base64.b64encode(b"\x00\xff").decode(), True)


@pytest.mark.parametrize("kind", ["", "application/json", "multipart/mixed", "text/plain"])
def test_everything_else_comes_as_text(kind: str) -> None:
    event = event_of(replace(ASKED, headers={"content-type": kind}), {}, b"a\xff")
    assert (event["body"], event["isBase64Encoded"]) == ("a\ufffd", False)


def test_headers_are_utf_8_where_they_can_be() -> None:
    raw = [(b"A", "é".encode()), (b"b", b"\xe9"), (b"C", b"1"), (b"c", b"2")]
    assert headers_of(raw) == {"a": "é", "b": "é", "c": "1, 2"}


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data"])
@pytest.mark.parametrize("text", [b"x", b'"', b"\x1f", "€".encode()])
def test_an_event_may_be_as_large_as_lambda_takes(kind: str, text: bytes) -> None:
    """However much larger JSON makes the body."""
    asked = replace(ASKED, headers={"content-type": kind})
    one = len(_encoded(asked, text * 6000)) - len(_encoded(asked, text * 3000))
    most = (MOST_EVENT_BYTES - len(_encoded(asked, b""))) * 3000 // one
    fits, does_not = text * (most - 2000), text * (most + 2000)
    assert not is_too_large(event_of(asked, {}, fits), fits)
    assert is_too_large(event_of(asked, {}, does_not), does_not)


def _encoded(asked: HttpRequest, body: bytes) -> bytes:
    import json

    return json.dumps(event_of(asked, {}, body), ensure_ascii=False).encode()
