"""A small server on loopback that keeps to docs/batches.md, and can be told to fail."""

import json
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "fu_test"
MODEL = "mistral-7b-instruct-v0.3"
LARGE = 4_000_000

RESET = "reset"  # before anything is done
ADDRESS_HEADERS = {"Content-Type": "application/jsonl", "If-None-Match": "*"}
LOST = "lost"  # it is done, and the answer is lost
CUT = "cut"  # the answer breaks off in its middle


class Server:
    """`batches[id]` is a list of the states that GET shows one after the other; the last one stays."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self.batches: dict[str, list[dict[str, Any]]] = {}
        self.keys: dict[str, str] = {}
        self.api_keys: dict[str, dict[str, Any]] = {}
        self.created: list[dict[str, Any]] = []
        self.sessions: dict[str, dict[str, Any]] = {}
        self.work: dict[str, Any] = {"messages": {"yours": 0, "of_others": 0}, "batches": []}
        self.requests: list[tuple[str, str, Message]] = []
        self.url = ""
        self.more: Callable[[str, str, dict[str, list[str]], bytes], tuple[int, Any] | None] = lambda *_: None
        self._failures: dict[str, list[str | tuple[int, Any]]] = {}

    def fail_next(self, call: str, *failures: str | tuple[int, Any]) -> None:
        """`call` is a method and a path, e.g. `POST /batches`; a failure is RESET, LOST, CUT or (status, body)."""
        self._failures.setdefault(call, []).extend(failures)

    def failure(self, call: str) -> str | tuple[int, Any] | None:
        waiting = self._failures.get(call)
        return waiting.pop(0) if waiting else None

    def counts(self) -> Counter[str]:
        return Counter(f"{method} {path}" for method, path, _ in self.requests)

    def add_file(self, name: str, content: bytes, purpose: str = "batch") -> dict[str, Any]:
        file_id = f"file-{len(self.files) + 1}"
        made = {"id": file_id, "object": "file", "bytes": len(content), "created_at": 1_767_268_800}
        self.files[file_id] = made | {"filename": name, "purpose": purpose, "status": "uploaded"}
        self.contents[file_id] = content
        return self.files[file_id]


def batch(batch_id: str = "batch_1", status: str = "completed", **changes: Any) -> dict[str, Any]:
    """A batch as the API shows it."""
    ours = {
        "backend": "gpu",
        "round": 1,
        "cost_usd": 0.1234,
        "tokens_per_second": 512.4,
        "eta_seconds": 200,
        "sessions": 1,
    }
    return {
        "id": batch_id,
        "object": "batch",
        "endpoint": "/v1/chat/completions",
        "status": status,
        "errors": None,
        "input_file_id": "file-1",
        "output_file_id": None,
        "error_file_id": None,
        "completion_window": "24h",
        "created_at": 1_767_268_800,
        "request_counts": {"total": 400, "completed": 100, "failed": 2},
        "metadata": None,
        "model": MODEL,
        "foreverus": ours,
    } | changes


def api_key(key_id: str, **changes: Any) -> dict[str, Any]:
    """An API key as the API shows it."""
    return {
        "id": key_id,
        "object": "api_key",
        "name": "laptop",
        "last_four": "kkkk",
        "created_at": "2026-01-01T12:00:00.000Z",
        "last_used_at": None,
        "expires_at": None,
        "can_create_keys": False,
    } | changes


@contextmanager
def running() -> Iterator[Server]:
    state = Server()

    class Handler(_Handler):
        server_state = state

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield state
        finally:
            http.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server_state: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes: 40 ms each otherwise

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        path, query = parts.path.removeprefix("/v1"), parse_qs(parts.query)
        self.server_state.requests.append((self.command, path, self.headers))
        failure = self.server_state.failure(f"{self.command} {path}")
        self.cut = failure == CUT
        if failure == RESET:
            return self._reset()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if isinstance(failure, tuple):
            return self._answer(*failure)
        status, answer, headers = self._route(path, query, body)
        if failure == LOST:
            return self._reset()
        return self._answer(status, answer, headers)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(content[: len(content) // 2] if self.cut else content)
        self.close_connection = self.close_connection or self.cut

    def _route(self, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any, dict[str, str]]:
        state = self.server_state
        if path.startswith("/bucket/"):
            return self._bucket(path.removeprefix("/bucket/"), query, body)
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            return *error(401, "This key is not valid."), {}
        if found := state.more(self.command, path, query, body):
            return *found, {}
        match (self.command, *path.strip("/").split("/")):
            case ("GET", "models"):
                return 200, {"object": "list", "data": [{"id": MODEL}]}, {}
            case ("POST", "keys"):
                made = api_key(f"key_{len(state.api_keys) + 1}", **json.loads(body))
                state.api_keys[made["id"]] = made
                return 201, made | {"key": "fu_" + "k" * 43}, {}
            case ("GET", "keys"):
                return 200, {"object": "list", "data": [*state.api_keys.values()][::-1], "has_more": False}, {}
            case ("DELETE", "keys", key_id) if state.api_keys.pop(key_id, None):
                gone = {"id": key_id, "object": "api_key.deleted", "deleted": True, "effective_within_seconds": 60}
                return 200, gone, {}
            case ("GET", "sessions"):
                return 200, {"object": "list", "data": [*state.sessions.values()][::-1], "has_more": False}, {}
            case ("GET", "sessions", session_id, "work") if session_id in state.sessions:
                return 200, {"object": "session.work", "session_id": session_id, **state.work}, {}
            case ("DELETE", "sessions", session_id) if session_id in state.sessions:
                state.sessions[session_id]["end_requested"] = True
                return 202, state.sessions[session_id], {}
            case ("POST", "files"):
                return self._upload(body)
            case ("GET", "files", file_id) if file_id in state.files:
                return 200, state.files[file_id], {}
            case ("GET", "files", file_id, "content") if file_id in state.contents:
                if len(state.contents[file_id]) > LARGE:
                    return 302, b"", {"Location": f"{state.url}/bucket/{file_id}?X-Amz-Signature=a%2Fb"}
                return 200, state.contents[file_id], {}
            case ("POST", "batches"):
                return self._create(json.loads(body))
            case ("GET", "batches"):
                newest = [states[0] for states in state.batches.values()]
                ids = [item["id"] for item in newest]
                start = ids.index(query["after"][0]) + 1 if "after" in query else 0
                limit = int(query["limit"][0])
                assert 1 <= limit <= 100
                more = len(newest) > start + limit
                return 200, {"object": "list", "data": newest[start : start + limit], "has_more": more}, {}
            case ("GET", "batches", batch_id) if batch_id in state.batches:
                states = state.batches[batch_id]
                return 200, states.pop(0) if len(states) > 1 else states[0], {}
            case ("POST", "batches", batch_id, "cancel") if batch_id in state.batches:
                state.batches[batch_id] = [batch(batch_id, "cancelling")]
                return 200, state.batches[batch_id][0], {}
        return *error(404, f"There is no {path}.", code="not_found"), {}

    def _upload(self, body: bytes) -> tuple[int, Any, dict[str, str]]:
        state = self.server_state
        if self.headers.get_content_type() == "multipart/form-data":
            boundary = str(self.headers.get_param("boundary")).encode()
            name, content, purpose = "", b"", ""
            for part in body.split(b"--" + boundary)[1:-1]:
                head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
                if found := re.search(rb'filename="([^"]*)"', head):
                    name, content = found[1].decode(), data.removesuffix(b"\r\n")
                else:
                    assert (b'name="purpose"' in head) and data in (b"batch\r\n", b"vision\r\n")
                    purpose = data.decode().strip()
            return 200, state.add_file(name, content, purpose), {}
        asked = json.loads(body)
        made = state.add_file(asked["filename"], b"") | {"bytes": asked["bytes"], "status": "pending"}
        state.files[made["id"]] = made
        address = f"{state.url}/bucket/{made['id']}?X-Amz-Signature=a%2Fb%2Bc%3D"
        upload = {"method": "PUT", "url": address, "headers": ADDRESS_HEADERS, "expires_at": 0}
        return 200, made | {"upload": upload}, {}

    def _create(self, asked: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        state = self.server_state
        key = self.headers["Idempotency-Key"]
        if key not in state.keys:
            batch_id = f"batch_{len(state.created) + 1}"
            state.keys[key] = batch_id
            state.created.append(asked)
            state.batches.setdefault(batch_id, [batch(batch_id, "validating")])
        return 200, state.batches[state.keys[key]][0], {}

    def _bucket(self, file_id: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any, dict[str, str]]:
        """S3's: one signature alone, a length, and what was signed."""
        state = self.server_state
        if "Authorization" in self.headers or "X-Amz-Signature" not in query:
            return (
                400,
                b"<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>",
                {},
            )
        if self.command == "GET":
            return 200, state.contents[file_id], {}
        signed = {name: self.headers[name] for name in ("Content-Type", "If-None-Match")}
        if query["X-Amz-Signature"] != ["a/b+c="] or signed != ADDRESS_HEADERS:
            return 403, b"<Error><Code>SignatureDoesNotMatch</Code><Message>No.</Message></Error>", {}
        if len(body) != state.files[file_id]["bytes"] or "Transfer-Encoding" in self.headers:
            return 411, b"<Error><Code>MissingContentLength</Code><Message>Length.</Message></Error>", {}
        if state.files[file_id]["status"] == "uploaded":
            return 412, b"<Error><Code>PreconditionFailed</Code><Message>It is there.</Message></Error>", {}
        state.contents[file_id] = body
        state.files[file_id]["status"] = "uploaded"
        return 200, b"", {}


def error(status: int, message: str, param: str | None = None, code: str | None = None) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}
