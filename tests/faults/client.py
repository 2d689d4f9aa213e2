"""A patient person at the API who notices every repeated and every missing word."""

import json
import threading
import time
import uuid
from collections.abc import Sequence
from typing import Any

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from local.pings import pinged

TRIES = 15
PAUSE_S = 0.4


class NotAnswered(Exception):
    """The API refused or failed every time; the text has the last answer."""


class Client:
    """Asks again what fails, with the same Idempotency-Key; joins the text of each answer as the page does."""

    def __init__(self, outputs: dict[str, Any]) -> None:
        key = outputs["api_key"]
        self.http = httpx.Client(
            base_url=outputs["api_url"], headers={"Authorization": f"Bearer {key}"}, timeout=35, trust_env=False
        )
        self.address = f"{outputs['websocket_url']}?token={key}"
        self.conversation = ""
        self.text: dict[str, str] = {}
        self.contradictions: list[str] = []
        self.words = threading.Event()  # some words of an answer have come
        self.closing = False
        self.socket: Any = None
        self.subscribed = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)

    def close(self) -> None:
        self.closing = True
        if self.socket is not None:
            self.socket.close()
        if self.reader.ident:
            self.reader.join(10)
        self.http.close()

    def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        tries: int = TRIES,
        form: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """`form`: a file and fields, as httpx takes them, instead of a JSON body."""
        return dict(self._try(method, path, tries, **(form or {"json": body})).json())

    def read(self, file_id: str) -> str:
        """A file's content."""
        return self._try("GET", f"/files/{file_id}/content", TRIES).text

    def _try(self, method: str, path: str, tries: int, **request: Any) -> httpx.Response:
        headers = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
        problem = ""
        for _ in range(tries):
            try:
                answer = self.http.request(method, path, headers=headers, **request)
                if answer.status_code < 300:
                    return answer
                problem = f"{answer.status_code} {answer.text[:200]}"
                if answer.status_code in (400, 402, 404, 409):
                    break
            except httpx.HTTPError as error:
                problem = repr(error)
            time.sleep(PAUSE_S)
        raise NotAnswered(f"{method} {path}: {problem}")

    def converse(self) -> None:
        self.conversation = self.call("POST", "/conversations", {"system": "You count."})["id"]
        self.reader.start()
        self.subscribed.wait(5)

    def ask(self, content: str, backend: str = "gpu", images: Sequence[str] = ()) -> str:
        body = {"content": content, "max_tokens": 400, "temperature": 0, "backend": backend}
        body |= {"images": list(images)} if images else {}
        return str(self.call("POST", f"/conversations/{self.conversation}/messages", body)["message"]["id"])

    def answer(self, message_id: str) -> dict[str, Any] | None:
        """What is stored of the answer to that message."""
        listed = self.call("GET", f"/conversations/{self.conversation}/messages")["data"]
        return next((one for one in listed if one["id"] == message_id.replace("msg_", "ans_", 1)), None)

    def _read(self) -> None:
        while not self.closing:
            try:
                with connect(self.address, open_timeout=10, proxy=None) as self.socket, pinged(self.socket):
                    self.socket.send(json.dumps({"action": "subscribe", "conversation_id": self.conversation}))
                    for frame in self.socket:
                        self._take(json.loads(frame))
            except (OSError, WebSocketException, TimeoutError, ValueError):  # a function that failed answers no JSON
                time.sleep(0.2)

    def _take(self, frame: dict[str, Any]) -> None:
        if frame.get("type") == "subscribed":
            self.subscribed.set()
        elif frame.get("type") == "delta":
            self.see(frame["message_id"], frame["offset"], frame["text"])
        elif frame.get("type") == "message" and frame["message"]["status"] == "answered":
            message = frame["message"]
            self.see(message["id"].replace("ans_", "msg_", 1), 0, message["content"])

    def see(self, message_id: str, offset: int, new: str) -> None:
        """Text at a place: what we have there already must be the same. Text after a gap waits for the final answer."""
        have = self.text.get(message_id, "")
        if offset > len(have):
            return
        overlap = have[offset : offset + len(new)]
        if not new.startswith(overlap):
            self.contradictions.append(f"{message_id} at {offset}: had {overlap[:40]!r}, came {new[:40]!r}")
        self.text[message_id] = have + new[len(have) - offset :]
        if len(self.text[message_id]) > 8:
            self.words.set()
