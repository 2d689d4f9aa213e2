"""One WebSocket to the API, opened with a ticket. websockets is pure Python and needs nothing else."""

import json
import ssl
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, TypeAlias

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from foreverus.cli.failures import Broken
from foreverus.cli.loopback import is_safe_address
from foreverus.cli.objects.account import TicketObject
from foreverus.cli.proxies import certificates, proxy_of

Frame: TypeAlias = Mapping[str, Any]

OPEN_S = 10.0  # proxy, TLS and handshake
CLOSE_S = 1.0
MOST_BYTES = 1 << 20  # of a frame: the API's have at most 128 KB


class SocketDown(Exception):
    """It could not be opened, or broke: what comes is asked for until there is another."""


class Socket:
    def __init__(self, connection: ClientConnection, opened: ExitStack):
        self._connection, self._opened = connection, opened

    def send(self, frame: Frame) -> None:
        """Raises SocketDown."""
        try:
            self._connection.send(json.dumps(frame))
        except (OSError, WebSocketException) as err:
            raise SocketDown(str(err)) from err

    def receive(self, wait_s: float) -> Frame | None:
        """The next frame; None: nothing came in that time. Raises SocketDown."""
        try:
            text = self._connection.recv(timeout=wait_s)
        except TimeoutError:
            return None
        except (OSError, WebSocketException) as err:
            raise SocketDown(str(err)) from err
        try:
            frame = json.loads(text)
        except ValueError:
            return None
        return frame if isinstance(frame, dict) else None

    def close(self) -> None:
        self._opened.close()


def open_socket(ticket: TicketObject) -> Socket:
    """Raises SocketDown; Broken where the API leads to an address that is not encrypted."""
    address = str(ticket.get("url", ""))
    if not address:
        raise SocketDown("the API names no address for it")
    if not address.startswith(("ws://", "wss://")) or not is_safe_address(address.replace("ws", "http", 1)):
        raise Broken(f"The API leads to {address[:100]}, which is not encrypted: nothing is sent there.")
    encrypted = address.startswith("wss://")
    opened = ExitStack()
    try:
        wanted = connect(
            f"{address}?ticket={ticket.get('ticket', '')}",
            ssl=certificates() if encrypted else None,
            proxy=proxy_of(address),
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            ping_interval=None,  # our own pings keep it, and see that it is there (line.py)
            max_size=MOST_BYTES,
        )
        connection = opened.enter_context(wanted)
    except ssl.SSLError as err:
        raise SocketDown(str(err)) from err
    except ImportError as err:  # a SOCKS proxy without its library
        raise SocketDown("through a SOCKS proxy it needs `pip install python-socks`") from err
    except (OSError, EOFError, ValueError, WebSocketException) as err:
        raise SocketDown(str(err) or type(err).__name__) from err
    return Socket(connection, opened)
