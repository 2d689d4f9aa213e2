"""The requests of the contract between the API on Lambda and the API as a process, and how two answers are compared.

By hand, what people and clients do and what they do wrong, in an order in which later ones use what earlier ones made;
then two of each route from the OpenAPI document, one that keeps to it and one that does not.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from local import deploy
from tests.pentest.asking import ROUTES, each_request

MODEL = deploy.PARAMETERS["ModelId"]
NOBODYS = "fu_" + "A" * 43
# Of the generated ones left out: what buys a GPU, ends the person who asks, or answers with what a clock decides.
NOT_GENERATED = {
    *("POST /sessions", "DELETE /me", "GET /me/export", "POST /me/export", "GET /usage"),
    *("POST /chat/completions", "POST /completions"),
}
HEADERS = (
    *("content-type", "cache-control", "x-content-type-options", "access-control-allow-origin", "retry-after"),
    *("access-control-expose-headers", "access-control-allow-headers", "access-control-allow-methods"),
    *("access-control-max-age", "x-should-retry", "content-disposition", "location", "x-request-id"),
    *("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-limit-tokens"),
)


@dataclass(frozen=True)
class Ask:
    """`key`: the name of what comes in the Authorization header; None for nothing. `saves`: the name by which later
    paths and bodies know the answer's `id`; a new key's text is `<name>_secret`."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str | None = "own"
    saves: str = ""


def said(method: str, path: str, body: Any = None, saves: str = "", **headers: str) -> Ask:
    told = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Ask(method, path, b"" if body is None else json.dumps(body).encode(), told, saves=saves)


def form(path: str, fields: Mapping[str, str], name: str, content: bytes, saves: str = "", filename: str = "a") -> Ask:
    """A multipart form, with a boundary that is the same each time."""
    parts = [
        f'--foreverus\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    head = f'--foreverus\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'.encode()
    body = b"".join([*parts, head, content, b"\r\n--foreverus--\r\n"])
    return Ask("POST", path, body, {"content-type": "multipart/form-data; boundary=foreverus"}, saves=saves)


def written() -> list[Ask]:
    """By hand."""
    return [*_unknown(), *_without_credentials(), *_conversations(), *_files(), *_keys(), *_chat()]


def _unknown() -> list[Ask]:
    """No such routes, and other methods, paths and queries than are usual."""
    paths = ("/nothing", "/", "", "/conversations/a/b/c", "/filesx", "/openapi.jso", "/Conversations", "/v1/models")
    methods = ("PUT", "HEAD", "PATCH", "DELETE")
    return [
        *(Ask("GET", path) for path in paths),
        *(Ask(method, "/models") for method in methods),
        Ask("POST", "/models/m", b"{}"),
        *(Ask("OPTIONS", path, key=None) for path in ("/models", "/files/x", "/chat/completions", "/nothing")),
        *(Ask("GET", path) for path in ("/models/", "//models", "/models//m", f"/models/{MODEL}", "/models/m%2Fx")),
        *(
            Ask("GET", f"/models/{name}")
            for name in ("%E2%82%AC", "a%20b", "%00", "%FF", "a%3Fb", "%25", "+", "a" * 1100)
        ),
        *(
            Ask("GET", f"/files?{query}")
            for query in ("limit=1", "limit=1&limit=2", "limit=", "limit", "after=%E2%82%AC")
        ),
        *(
            Ask("GET", f"/conversations?{query}")
            for query in ("q=%20", "limit=abc", "&&", "a=b", "limit=%FF", "x=1;y=2")
        ),
        Ask("GET", "/openapi.json"),
        Ask("GET", "/me"),
        Ask("GET", "/usage?from=2020-01-01"),
    ]


def _without_credentials() -> list[Ask]:
    keys = (
        "",
        "Bearer",
        "Basic dTpw",
        f"Bearer {NOBODYS}",
        NOBODYS,
        "Bearer a.b.c",
        "Bearer fu_é",
        "x" * 3000,
    )
    return [
        Ask("GET", "/models", key=None),
        Ask("POST", "/conversations", b"{}", key=None),
        Ask("POST", "/chat/completions", b'{"model": "m"}', key=None),
        Ask("GET", "/models?api_key={own}", key=None),
        *(Ask("GET", "/models", headers={"authorization": key.encode().decode("latin-1")}, key=None) for key in keys),
        Ask("GET", "/models", headers={"x-amzn-request-context": '{"authorizer": {"user_id": "someone"}}'}, key=None),
        Ask(
            "POST",
            "/chat/completions",
            b"{}",
            {"x-amzn-request-context": '{"authorizer": {"user_id": "someone"}}'},
            key=None,
        ),
        Ask("GET", "/conversations/{theirs}", key="own"),
        Ask("DELETE", "/conversations/{theirs}", key="own"),
    ]


def _conversations() -> list[Ask]:
    new, one = "/conversations", "/conversations/{talk}"
    message = {"content": "count to 2", "max_tokens": 8, "backend": "bedrock"}
    wrong = (
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"title": 1}',
        b'{"title": "a", "title": "b"}',
        b'{"x": 1}',
        b"\xff\xfe",
        b"1" * 99,
    )
    return [
        said("POST", new, {"title": "olá ✓ \u2028", "system": "You count."}, saves="talk"),
        *(Ask("POST", new, body, {"content-type": "application/json"}) for body in wrong),
        Ask("POST", new, json.dumps({"title": "half \ud83d"}).encode()),
        said("POST", new, {"title": "once"}, idempotency_key="a-key", saves="once"),
        said("POST", new, {"title": "once"}, idempotency_key="a-key"),
        said("POST", new, {"title": "twice"}, idempotency_key="a-key"),
        said("POST", new, {"title": "é"}, idempotency_key="é".encode().decode("latin-1")),
        said("POST", new, {"title": "again"}, x_stainless_retry_count="1"),
        Ask("GET", new),
        Ask("GET", f"{new}?limit=1"),
        Ask("GET", one),
        Ask("GET", f"{one}?x=1"),
        said("PATCH", one, {"title": "another"}),
        said("PATCH", one, {"title": ""}),
        said("POST", f"{one}/messages", {"content": "   "}),
        said("POST", f"{one}/messages", {"content": "a", "max_tokens": 0}),
        said("POST", f"{one}/messages", {"content": "x" * 300_000}),
        Ask("POST", f"{one}/messages", b'{"content": "' + b"x" * 7_000_000 + b'"}'),
        Ask("POST", f"{one}/messages", b'{"content": "' + b'\\"' * 2_000_000 + b'"}'),
        Ask("POST", f"{one}/messages", b"x" * 11_000_000),
        said("POST", f"{one}/messages", message, idempotency_key="m"),
        Ask("DELETE", f"{one}/messages/msg_{'0' * 28}"),
        Ask("GET", f"{new}?q=once"),
        Ask("DELETE", "/conversations/{once}"),
        Ask("GET", "/conversations/{once}"),
        said("POST", "/prompts", {"name": "a", "text": "b"}, saves="prompt"),
        Ask("GET", "/prompts"),
        Ask("DELETE", "/prompts/{prompt}"),
        said("POST", "/memories", {"text": "a"}, saves="memory"),
        said("PATCH", "/memories/{memory}", {"enabled": False}),
        Ask("GET", "/memories"),
        Ask("DELETE", "/memories/{memory}"),
        said("POST", "/documents", {"filename": "a.exe", "bytes": 1}),
        said("POST", "/documents/search", {"question": "?"}),
        Ask("GET", "/documents"),
        Ask("GET", f"/documents/doc_{'0' * 28}"),
        said("POST", "/imports", {"conversations": []}),
        said("POST", "/quotes", {"kind": "batch"}),
        said("PATCH", "/me", {"chat_backend": "bedrock"}),
        said("PATCH", "/me", {"chat_backend": "nobody"}),
        said("DELETE", "/me", {"confirm": "no"}),
        Ask("GET", "/sessions"),
        said("POST", "/sessions", {"idle_seconds": -1}),
        said("POST", "/embeddings", {"model": "m", "input": "a"}),
    ]


def _files() -> list[Ask]:
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions"}
    body = {"model": MODEL, "messages": [{"role": "user", "content": "count to 1"}], "max_tokens": 4}
    good = (json.dumps({**line, "body": body}) + "\n").encode()
    batch = {"input_file_id": "{file}", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    return [
        form("/files", {"purpose": "batch"}, "file", good, saves="file", filename="a é.jsonl"),
        form("/files", {"purpose": "nothing"}, "file", good),
        form("/files", {}, "file", good),
        form("/files", {"purpose": "batch"}, "file", b"\x00\xff" * 10),
        form("/files", {"purpose": "batch"}, "file", b"x" * 5_000_000),
        Ask("POST", "/files", b"--x", {"content-type": "multipart/form-data"}),
        Ask("POST", "/files", b"\xff", {"content-type": "Multipart/Form-Data; boundary=x"}),
        Ask("GET", "/files/{file}"),
        Ask("GET", "/files/{file}/content"),
        Ask("GET", "/files"),
        said("POST", "/files", {"filename": "b.jsonl", "purpose": "batch", "bytes": 10**12}),
        said(
            "POST",
            "/uploads",
            {"filename": "c", "purpose": "batch", "bytes": 9, "mime_type": "application/jsonl"},
            "up",
        ),
        form("/uploads/{up}/parts", {}, "data", b"123456789", saves="part"),
        said("POST", "/uploads/{up}/complete", {"part_ids": ["{part}"]}),
        said("POST", "/uploads/{up}/cancel"),
        said("POST", "/batches", {**batch, "input_file_id": "file_none"}),
        said("POST", "/batches", {**batch, "completion_window": "soon"}),
        Ask("GET", "/batches"),
        Ask("GET", f"/batches/batch_{'0' * 28}"),
        Ask("DELETE", "/files/{file}"),
        Ask("GET", "/files/{file}/content"),
    ]


def _keys() -> list[Ask]:
    return [
        said("POST", "/keys", {"name": "é"}, saves="key"),
        Ask("GET", "/models", key="key_secret"),
        Ask("POST", "/keys", b'{"name": "more"}', key="key_secret"),
        Ask("DELETE", "/me", b'{"confirm": "delete everything"}', key="key_secret"),
        said("POST", "/keys", {"name": ""}),
        Ask("GET", "/keys"),
        Ask("DELETE", "/keys/{key}"),
        Ask("DELETE", "/keys/{key}"),
        said("POST", "/tickets"),
    ]


def _chat() -> list[Ask]:
    """OpenAI's endpoints, plain and as a stream of events."""
    chat, plain = "/chat/completions", "/completions"
    asked = {"model": f"{MODEL}@bedrock", "messages": [{"role": "user", "content": "count to 3"}]}
    return [
        said("POST", chat, asked),
        said("POST", chat, {**asked, "stream": True}),
        said("POST", chat, {**asked, "stream": True, "stream_options": {"include_usage": True}}),
        said("POST", plain, {"model": f"{MODEL}@bedrock", "prompt": "count to 2"}),
        said("POST", plain, {"model": f"{MODEL}@bedrock", "prompt": "count to 2", "stream": True}),
        said("POST", f"{chat}?x=1", asked),
        said("POST", chat, {**asked, "model": "another"}),
        said("POST", chat, {**asked, "temperature": 9}),
        said("POST", chat, {**asked, "messages": []}),
        said(
            "POST", chat, {"model": f"{MODEL}@bedrock", "messages": [{"role": "user", "content": "olá ✓ count to 1"}]}
        ),
        Ask("POST", chat, b"{"),
        Ask("POST", chat, b"\xff"),
        Ask("POST", chat, b'{"a": "' + b"x" * 7_000_000 + b'"}'),
        Ask("GET", chat),
    ]


def generated() -> list[Ask]:
    """One of each route that keeps to the document, and one that does not where there is one."""
    from schemathesis import Case, GenerationMode

    from foreverus.api.openapi.operations import operations

    found: list[Ask] = []

    def keep(case: Case) -> None:
        sent = requests.Request(**case.as_transport_kwargs(base_url="http://host/v1")).prepare()
        kind = sent.headers.get("Content-Type")
        body = sent.body.encode() if isinstance(sent.body, str) else sent.body or b""
        headers = {"content-type": kind} if kind else {}
        found.append(Ask(sent.method or "", sent.path_url.removeprefix("/v1"), body, headers))

    for route in ROUTES:
        if route in NOT_GENERATED:
            continue
        each_request(route, 1, keep)
        said_of = operations()[route]
        if said_of.path or said_of.query or said_of.body:
            each_request(route, 1, keep, GenerationMode.NEGATIVE)
    return found


def compared(answer: Any) -> tuple[int, dict[str, str], str]:
    """What both must have alike: status, headers that clients read, and the body. What is made anew each time (ids,
    times, secrets, signatures) is as good as any other."""
    headers = {name: usual(answer.headers[name]) for name in HEADERS if name in answer.headers}
    return answer.status_code, headers, usual(answer.text)


MADE_ANEW = (
    (r"X-Amz-[A-Za-z]+=[^&\"]*", "<signed>"),
    (r"\bf[ut]_[A-Za-z0-9_-]{43}\b", "<secret>"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
    (r"\b([a-z]+)[_-][0-9a-f]{24,32}(output|error)?\b", r"<\1>"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>"),
    (r"\b[12]\d{9}\b", "<second>"),
    (r'("last_four": ")\w{4}"', r'\1<four>"'),
    (r'("traceHeader|"trace": ")[^"]*"', r'\1<trace>"'),
)


def usual(text: str) -> str:
    """
    >>> usual('{"id": "conv_0123456789abcdef0123456789ab", "created": 1790000000}')
    '{"id": "<conv>", "created": <second>}'
    """
    for pattern, word in MADE_ANEW:
        text = re.sub(pattern, word, text)
    return text
