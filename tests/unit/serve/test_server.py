"""The server itself, over sockets: what clients do to a connection takes no place and no memory from the others."""

import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from foreverus.serve.__main__ import main, server
from foreverus.serve.application import HostedApi, application
from foreverus.settings.base import MissingSetting
from local.ports import Port
from tests.unit.serve.test_application import FUNCTIONS, KEY

HEAD = b"POST /v1/things/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\n"


class Running:
    """`api`: what stands below the stage."""

    def __init__(self, port: int, api: HostedApi):
        self.port = port
        self.api = api

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def connected(self, data: bytes) -> socket.socket:
        one = socket.create_connection(("127.0.0.1", self.port), timeout=600)
        one.sendall(data)
        return one

    def ask(self, data: bytes, breaks_off: bool = False) -> bytes:
        """All that comes back of it, until the server closes the connection."""
        with self.connected(data) as one:
            if breaks_off:
                one.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: one.recv(65536), b""))

    def still_answers(self) -> None:
        assert httpx.get(f"{self.url}/things", headers=KEY, timeout=600, trust_env=False).status_code == 200
        deadline = time.monotonic() + 600
        while (self.api.requests.taken, self.api.bodies.held) != (0, 0):
            assert time.monotonic() < deadline, "a place or a body is kept"
            time.sleep(0.01)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    app, port = application(FUNCTIONS), Port()
    (api,) = [route.app for route in app.routes if isinstance(getattr(route, "app", None), HostedApi)]
    one = server(app, "127.0.0.1", 0, 5)
    listener = port.listener()
    thread = threading.Thread(target=one.run, args=([listener],))
    thread.start()
    yield Running(port.number, api)
    one.should_exit = True
    thread.join(600)
    port.close()
    assert not thread.is_alive()


def test_a_body_in_chunks_is_read(running: Running) -> None:
    answer = running.ask(
        HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200") and b'"body": "abcde"' in answer
    assert b"server:" not in answer.lower() and b"\r\ndate:" in answer.lower()


def test_who_waits_for_a_word_before_the_body_is_told_to_send_it(running: Running) -> None:
    with running.connected(HEAD + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n") as one:
        assert one.recv(100).startswith(b"HTTP/1.1 100")
        one.sendall(b"abc")
        assert b'"body": "abc"' in b"".join(iter(lambda: one.recv(65536), b""))


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Content-Length: 100\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nnot a length\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        HEAD + b"X: " + b"a" * 100_000,
        HEAD,
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /v1/things HTTP/9.9\r\n\r\n",
        b"",
    ],
    ids=[
        "half a body",
        "half a chunk",
        "no chunk",
        "two lengths",
        "long header",
        "half a head",
        "TLS",
        "HTTP 9",
        "nothing",
    ],
)
def test_who_breaks_off_or_speaks_something_else_takes_nothing_from_others(running: Running, data: bytes) -> None:
    answer = running.ask(data, breaks_off=True)
    assert answer == b"" or b" 40" in answer[:20]
    running.still_answers()


@pytest.mark.parametrize("method", ["get", "TRACE", "CONNECTED", "OPTION"])
def test_methods_that_nobody_knows_are_no_routes(running: Running, method: str) -> None:
    answer = running.ask(f"{method} /v1/things HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404") and b"route_not_found" in answer


def test_one_who_wants_a_websocket_gets_the_routes_answer(running: Running) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n\r\n"
    with running.connected(b"GET /v1/things HTTP/1.1\r\nHost: h\r\n" + upgrade) as one:
        assert one.recv(65536).startswith(b"HTTP/1.1 401")
    running.still_answers()


def test_a_connection_is_good_after_a_refusal(running: Running) -> None:
    with httpx.Client(base_url=running.url, headers=KEY, timeout=600, trust_env=False) as client:
        sizes = [3, 11 << 20, 3, 7 << 20, 3]
        asked = [client.post("/things/x", content=b"x" * size).status_code for size in sizes]
        assert asked == [200, 413, 200, 413, 200]
        assert client.post("/things/x", content=b"x" * 99, headers={"Authorization": "no"}).status_code == 401
        assert client.post("/things/x", content=b"x").status_code == 200
    running.still_answers()


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def missing() -> None:
        raise MissingSetting("ApiSettings needs the environment variable DATA_BUCKET")

    monkeypatch.setattr("foreverus.serve.functions.build", missing)
    assert main([]) == 2
    assert "DATA_BUCKET. docs/hosting.md says where the settings come from." in capsys.readouterr().err
