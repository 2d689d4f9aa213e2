"""What a client of the WebSocket API does so that its subscriptions go on: a ping every 20 s (docs/architecture.md)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed

EVERY_S = 20.0


@contextmanager
def pinged(socket: Any) -> Iterator[None]:
    """`socket`: of websockets.sync, which may be written to from any thread. What it answers comes to its reader."""
    over = threading.Event()

    def ping() -> None:
        while not over.wait(EVERY_S):
            try:
                socket.send('{"action": "ping"}')
            except (ConnectionClosed, OSError):
                return

    thread = threading.Thread(target=ping, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
