"""The laptop's person hears frames, whatever else comes over the line."""

import json
import threading

import pytest
from websockets.sync.server import ServerConnection, serve

from local.person import Person

GOOD = {"type": "delta", "text": "1"}


@pytest.mark.parametrize(
    "noise", ["Internal server error", "", "{", "[1]", "null", '"delta"', '{"message": "Forbidden"}']
)
def test_what_is_no_frame_is_passed_over(noise: str) -> None:
    def talk(line: ServerConnection) -> None:
        line.send(noise)
        line.send(json.dumps(GOOD))
        for _ in line:  # until the person goes
            pass

    with serve(talk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            port = server.socket.getsockname()[1]
            outputs = {"api_key": "k", "api_url": f"http://127.0.0.1:{port}", "websocket_url": f"ws://127.0.0.1:{port}"}
            with Person(outputs) as person:
                assert person.wait_for("delta")[1] == GOOD
        finally:
            server.shutdown()
            thread.join()
