"""The laptop's mail: an HTTP endpoint that subscribes to the stack's SNS topic and keeps what it is told.

On AWS a person subscribes with an e-mail address. Here the topic posts to us, and `.venv/bin/python -m local inbox`
shows it.
"""

import json
import threading
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from local.processes import LOOPBACK, Failed
from local.web import Handler, Web

LIMIT = 1 << 20  # SNS messages have at most 256 KB


class Inbox:
    """Confirms its own subscription, and keeps each notification as one line of a file."""

    def __init__(self, file: Path, emulator_port: int) -> None:
        self.file = file
        self.emulator_port = emulator_port
        self.changed = threading.Condition()
        self.confirmed = False
        self.messages: list[dict[str, Any]] = []
        inbox = self

        class InboxHandler(Handler):
            def do_POST(self) -> None:
                if not self.host_is_ours():
                    return
                length = int(self.headers.get("Content-Length") or 0)
                if not 0 < length <= LIMIT:
                    self.answer(400, b"", {})
                    return
                status = inbox.take(self.rfile.read(length))
                self.answer(status, b"", {})

            def do_GET(self) -> None:
                if self.host_is_ours():
                    body = json.dumps(inbox.messages, indent=2).encode()
                    self.answer(200, body, {"Content-Type": "application/json"})

        self.web = Web(InboxHandler)
        self.url = f"http://{LOOPBACK}:{self.web.port}/"

    def start(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text("")
        self.web.start()

    def stop(self) -> None:
        self.web.stop()

    def take(self, body: bytes) -> int:
        """One message of SNS; returns the HTTP status for it."""
        try:
            message = json.loads(body)
            if message["Type"] == "SubscriptionConfirmation":
                self._confirm(message["SubscribeURL"])
            elif message["Type"] == "Notification":
                self._keep(message["Message"], message.get("Subject", ""), message.get("Timestamp", ""))
        except (ValueError, TypeError, KeyError):
            return 400
        return 200

    def _confirm(self, url: str) -> None:
        # Only the emulator is asked, whatever host the message names.
        query = urllib.parse.urlsplit(url).query
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.emulator_port}/?{query}", timeout=60), self.changed:
            self.confirmed = True
            self.changed.notify_all()

    def _keep(self, message: str, subject: str, at: str) -> None:
        kept = {"subject": subject, "message": message, "at": at}
        with self.changed:
            self.messages.append(kept)
            with self.file.open("a") as file:
                file.write(json.dumps(kept) + "\n")
            self.changed.notify_all()

    def subscribe(self, sns: Any, topic_arn: str) -> None:
        sns.subscribe(TopicArn=topic_arn, Protocol="http", Endpoint=self.url)
        with self.changed:
            if not self.changed.wait_for(lambda: self.confirmed, timeout=60):
                raise Failed("The inbox could not subscribe to the stack's SNS topic.")

    def wait_for(self, text: str, seconds: float) -> dict[str, Any] | None:
        """The first notification that has this text in it, or None."""

        def find() -> dict[str, Any] | None:
            return next((one for one in self.messages if text in one["message"] or text in one["subject"]), None)

        with self.changed:
            self.changed.wait_for(lambda: find() is not None, timeout=seconds)
            return find()


def show(file: Path) -> str:
    """The kept notifications as text, oldest first."""
    if not file.exists():
        raise Failed("No inbox here: start the laptop's cloud with `make up`.")
    mails = [json.loads(line) for line in file.read_text().splitlines()]
    texts = [f"{one['at']}  {one['subject']}\n\n{one['message']}\n" for one in mails]
    return "\n".join(texts) or "No notification yet."
