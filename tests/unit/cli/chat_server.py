"""The chat's part of the small server: conversations, their answers, and WebSockets that play what a test says."""

import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from tests.unit.cli.server import Server

CONVERSATION = "conv_1"
FINAL = {
    "status": "answered",
    "backend": "bedrock",
    "usage": {"prompt_tokens": 9, "completion_tokens": 4},
    "finish_reason": "stop",
    "choice": {
        "backend": "bedrock",
        "reason": "nothing_live",
        "text": "No GPU is on, and Bedrock\x1b[2J answers now.",
        "numbers": {
            "bedrock_usd_per_million_prompt_tokens": 0.15,
            "bedrock_usd_per_million_completion_tokens": 0.2,
        },
    },
}
Step = tuple[Any, ...]


class ChatServer:
    """`lines[n]` is what the n-th WebSocket plays once somebody has subscribed; see `_play`. `gets`: what of the answer
    each GET shows, one after the other; the last one stays."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.conversations: dict[str, dict[str, Any]] = {}
        self.bodies: list[tuple[str, str, dict[str, Any]]] = []
        self.tickets: list[str] = []
        self.gets: list[dict[str, Any]] = [answer("", status="queued")]
        self.lines: list[list[Step]] = []
        self.session: dict[str, Any] | None = None
        self.documents: list[dict[str, Any]] | None = None
        self.headings: dict[str, list[dict[str, Any]]] = {}
        self.sockets_url = ""
        self.opened = 0
        self.interrupts_sending = False
        self.stopped = threading.Event()
        self.frames: list[dict[str, Any]] = []
        server.more = self.route

    def sent(self, method: str) -> list[dict[str, Any]]:
        """The bodies of the messages, or of what else was sent by that method."""
        return [body for used, _, body in self.bodies if used == method]

    def route(self, method: str, path: str, query: Mapping[str, list[str]], body: bytes) -> tuple[int, Any] | None:
        if path.strip("/") == "files":
            return None  # a form
        fields = json.loads(body) if body else {}
        match (method, *path.strip("/").split("/")):
            case ("POST", "tickets"):
                self.tickets.append(f"ft_{len(self.tickets)}")
                ticket = {"object": "ticket", "ticket": self.tickets[-1], "expires_in": 30}
                return 201, ticket | ({"url": self.sockets_url} if self.sockets_url else {})
            case ("POST", "conversations"):
                made = {
                    "id": f"conv_{len(self.conversations) + 1}",
                    "updated_at": f"2026-01-0{len(self.conversations)}",
                }
                self.conversations[made["id"]] = made | fields
                return 201, self.conversations[made["id"]]
            case ("GET", "conversations"):
                return 200, {"object": "list", "data": [*self.conversations.values()][::-1], "has_more": False}
            case ("GET" | "PATCH" | "DELETE", "conversations", one) if one in self.conversations:
                self.bodies.append((method, path, fields))
                return 200, self.conversations.pop(one) if method == "DELETE" else self.conversations[one] | fields
            case ("POST", "conversations", one, "messages") if one in self.conversations:
                self.bodies.append((method, path, fields))
                if self.interrupts_sending:
                    os.kill(os.getpid(), signal.SIGINT)
                return 202, {"message": {"id": "msg_1"}, "answer": answer("", status="queued"), "session": self.session}
            case ("GET", "conversations", one, "messages") if one in self.conversations:
                shown = self.gets.pop(0) if len(self.gets) > 1 else self.gets[0]
                asked = {"id": "msg_1", "role": "user", "content": "Why?"}
                newest_first = [shown, asked]
                return 200, {"object": "list", "data": newest_first if "order" in query else [shown], "has_more": False}
            case ("DELETE", "conversations", one, "messages", "msg_1" | "ans_1") if one in self.conversations:
                self.bodies.append((method, path, fields))
                self.stopped.set()
                return 200, answer("", status="answering")
            case ("GET", "documents") if self.documents is not None:
                return 200, {"object": "list", "data": self.documents, "has_more": False}
            case ("GET", "documents", document_id) if document_id in self.headings:
                (listed,) = [one for one in self.documents or [] if one["id"] == document_id]
                return 200, {**listed, "headings": self.headings[document_id]}
            case ("GET", "sessions", one) if self.session and self.session["id"] == one:
                return 200, self.session
        return None

    def _play(self, line: ServerConnection) -> None:
        """`("delta", offset, text)`, `("final", text, changes)`, `("frame", anything)`, `("bytes", [pieces])`: one text
        frame in these fragments, `("break",)`, `("interrupt",)`: Ctrl-C, `("stopped",)`: waits until it was asked to,
        `("get", answer)`: what a GET shows from now on."""
        for name, *given in self.lines.pop(0) if self.lines else []:
            if name == "break":
                return line.close()
            if name == "interrupt":
                os.kill(os.getpid(), signal.SIGINT)
            elif name == "stopped":
                self.stopped.wait(600)
            elif name == "get":
                self.gets = [given[0]]
            elif name == "bytes":
                line.send(given[0], text=True)
            else:
                line.send(json.dumps(_frame(name, given)))

    def serve(self, line: ServerConnection) -> None:
        self.opened += 1
        played = False
        try:
            for text in line:
                frame = json.loads(text)
                self.frames.append(frame)
                if frame["action"] == "ping":
                    line.send(json.dumps({"type": "pong"}))
                    continue
                topic = {name: value for name, value in frame.items() if name != "action"}
                line.send(json.dumps({"type": "subscribed", **topic}))
                if not played:
                    played = True
                    self._play(line)
        except ConnectionClosed:
            pass

    def check(self, line: ServerConnection, request: Request) -> Response | None:
        ticket = request.path.partition("?ticket=")[2]
        if ticket in self.tickets:
            self.tickets.remove(ticket)
            return None
        return line.respond(HTTPStatus.UNAUTHORIZED, "This ticket opens nothing.\n")


def answer(content: str | None, **changes: Any) -> dict[str, Any]:
    """An answer as the API shows it."""
    shown = {"id": "ans_1", "object": "message", "role": "assistant", "in_reply_to": "msg_1", "content": content}
    return shown | changes


def final(content: str | None, **changes: Any) -> dict[str, Any]:
    return answer(content, **(FINAL | changes))


def _frame(name: str, given: list[Any]) -> dict[str, Any]:
    of = {"conversation_id": CONVERSATION}
    match name, given:
        case "delta", [offset, text]:
            return {"type": "delta", **of, "message_id": "msg_1", "offset": offset, "text": text}
        case "final", [text, changes]:
            return {"type": "message", **of, "message": final(text, **changes)}
        case "frame", [frame]:
            return dict(frame)
    raise AssertionError(name)


@contextmanager
def chatting(server: Server) -> Iterator[ChatServer]:
    state = ChatServer(server)
    with serve(state.serve, "127.0.0.1", 0, process_request=state.check) as sockets:
        state.sockets_url = f"ws://127.0.0.1:{sockets.socket.getsockname()[1]}/v1"
        thread = threading.Thread(target=sockets.serve_forever)
        thread.start()
        try:
            yield state
        finally:
            sockets.shutdown()
            thread.join()
