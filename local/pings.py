"""What a client of the WebSocket API does so that its subscriptions go on: a ping every 20 s (docs/architecture.md)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

EVERY_S = 20.0


@contextmanager
def open_socket(address: str) -> Iterator[ClientConnection]:
    """A WebSocket that is pinged until the block ends; what the pings are answered comes to its reader. The library's
    own pings are off: they end the connection of a machine that is slow for 20 s. Raises WebSocketException or OSError
    where it cannot be opened within 60 s."""
    with connect(address, open_timeout=60, proxy=None, ping_interval=None) as socket, pinged(socket):
        yield socket


@contextmanager
def pinged(socket: ClientConnection) -> Iterator[None]:
    """Pings in a thread of its own, until the block ends. `socket` may be written to from any thread."""
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
