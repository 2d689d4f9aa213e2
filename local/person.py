"""One person at the API: sessions, conversations, and what comes back over the WebSocket, with the time it came."""

import contextlib
import json
import queue
import threading
import time
from typing import Any, Self

import httpx
from websockets.exceptions import ConnectionClosed

from local.pings import open_socket

PATIENCE_S = 300.0


class Person:
    """Frames are stamped with `time.perf_counter()` by a reader thread, so that waiting for them costs nothing."""

    def __init__(self, outputs: dict[str, Any]) -> None:
        key = outputs["api_key"]
        self.http = httpx.Client(
            base_url=outputs["api_url"], headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False
        )
        self.open = contextlib.ExitStack()
        address = f"{outputs['websocket_url']}?token={key}"
        self.socket = self.open.enter_context(open_socket(address))
        self.frames: queue.SimpleQueue[tuple[float, dict[str, Any]]] = queue.SimpleQueue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.open.close()
        self.reader.join()
        self.http.close()

    def _read(self) -> None:
        """What is no frame of ours (not JSON, or no object) is passed over: the next one may be waited for."""
        with contextlib.suppress(ConnectionClosed):
            for data in self.socket:
                at = time.perf_counter()
                with contextlib.suppress(ValueError):
                    frame = json.loads(data)
                    if isinstance(frame, dict):
                        self.frames.put((at, frame))

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self.http.request(method, path, json=body)
        answer.raise_for_status()
        return dict(answer.json())

    def wait_for(self, kind: str, **fields: Any) -> tuple[float, dict[str, Any]]:
        """The next frame of that kind with these fields, and when it came; others are passed over."""
        deadline = time.perf_counter() + PATIENCE_S
        while True:
            at, frame = self.frames.get(timeout=max(deadline - time.perf_counter(), 0.001))
            if frame.get("type") == kind and all(frame.get(name) == value for name, value in fields.items()):
                return at, frame

    def subscribe(self, **topic: str) -> None:
        self.socket.send(json.dumps({"action": "subscribe", **topic}))
        self.wait_for("subscribed", **topic)

    def unsubscribe(self, **topic: str) -> None:
        self.socket.send(json.dumps({"action": "unsubscribe", **topic}))
        self.wait_for("unsubscribed", **topic)

    def start_session(self) -> tuple[str, float]:
        """The session's id, and the seconds from the request to healthy."""
        begun = time.perf_counter()
        session = self.call("POST", "/sessions", {"idle_seconds": 600})
        self.subscribe(session_id=session["id"])
        if not self.call("GET", f"/sessions/{session['id']}")["healthy_at"]:
            while True:
                at, frame = self.wait_for("session")
                if frame["session"]["healthy_at"] or any(p["name"] == "healthy" for p in frame["session"]["phases"]):
                    return session["id"], at - begun
        return session["id"], time.perf_counter() - begun

    def end_session(self, session_id: str) -> None:
        self.call("DELETE", f"/sessions/{session_id}")
        while self.call("GET", f"/sessions/{session_id}")["status"] not in ("ended", "failed"):
            time.sleep(0.1)

    def converse(self, system: str, title: str = "A test") -> str:
        """With a title of its own: a model asked for one would be one more answer to count."""
        conversation = self.call("POST", "/conversations", {"title": title, "system": system})["id"]
        self.subscribe(conversation_id=conversation)
        return str(conversation)

    def ask(self, conversation: str, content: str, max_tokens: int, backend: str = "gpu") -> str:
        """Of the GPU, which it starts where none is on, unless another backend is named."""
        body = {"content": content, "max_tokens": max_tokens, "temperature": 0, "backend": backend}
        return str(self.call("POST", f"/conversations/{conversation}/messages", body)["message"]["id"])
