"""The clients of the laptop send pings for as long as their socket is open."""

import json
import threading

import pytest
from websockets.sync.server import ServerConnection, serve

from local import pings


def test_a_socket_is_pinged_while_it_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pings, "EVERY_S", 0.01)
    heard: list[dict[str, str]] = []
    enough = threading.Event()

    def hear(line: ServerConnection) -> None:
        for text in line:
            heard.append(json.loads(text))
            if len(heard) >= 3:
                enough.set()

    with serve(hear, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        with pings.open_socket(f"ws://127.0.0.1:{port}") as socket:
            assert socket.ping_interval is None, "a slow machine keeps its connection"
            assert enough.wait(600)
        server.shutdown()
        thread.join()
    assert heard[:3] == [{"action": "ping"}] * 3
