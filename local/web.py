"""A small HTTP server on loopback in threads of this process, for the page and the inbox."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.ports import Port
from local.processes import LOOPBACK


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads an access log here."""

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def host_is_ours(self) -> bool:
        """Refuses names that only resolve here: a stranger's page must not read this one through DNS rebinding."""
        name = (self.headers.get("Host") or "").rpartition(":")[0] or (self.headers.get("Host") or "")
        if name in ("localhost", LOOPBACK, "[::1]"):
            return True
        self.answer(421, b"Unknown host name.\n", {"Content-Type": "text/plain"})
        return False


class Server(ThreadingHTTPServer):
    daemon_threads = True


class Web:
    """One server; `start` and `stop` it."""

    def __init__(self, handler: type[Handler], port: int = 0) -> None:
        self._port = Port(port)
        self.port = self._port.number
        self.server = Server((LOOPBACK, self.port), handler, bind_and_activate=False)
        self.server.socket.close()
        self.server.socket = self._port.listener()
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.1,), daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        if self.thread.is_alive():
            self.server.shutdown()
        self.server.server_close()
        self._port.close()
