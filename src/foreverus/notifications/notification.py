"""What people are told, and who sends it. Never prompts or answers."""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from foreverus.text import beginning

SUBJECT_LIMIT = 99  # SNS: ASCII, one line, fewer than 100 characters
MESSAGE_BYTES = 200_000  # SNS: 256 KB, with what it puts around it


@dataclass(frozen=True, slots=True)
class Notification:
    """Both are made fit for SNS here, so that nobody else needs to know its rules.

    >>> Notification("Batch \\u00fcber\\nall", "it is over").subject
    'Batch ?ber all'
    """

    subject: str
    message: str

    def __post_init__(self) -> None:
        ascii_line = self.subject.encode("ascii", "replace").decode().replace("\n", " ")
        object.__setattr__(self, "subject", ascii_line[:SUBJECT_LIMIT])
        object.__setattr__(self, "message", beginning(self.message, MESSAGE_BYTES))


class Notifier(Protocol):
    """The twin is `MemoryNotifier`."""

    def send(self, notification: Notification) -> None: ...


class Publisher(Protocol):
    """`aws.sns.SnsTopic`."""

    def publish(self, subject: str, message: str) -> None: ...


class TopicNotifier:
    """Sends to whoever has subscribed to the stack's topic."""

    def __init__(self, topic: Publisher):
        self.topic = topic

    def send(self, notification: Notification) -> None:
        self.topic.publish(notification.subject, notification.message)


class MemoryNotifier:
    """Twin of `TopicNotifier`."""

    def __init__(self) -> None:
        self.sent: list[Notification] = []
        self._failures: deque[Exception] = deque()

    def fail_next(self, error: Exception) -> None:
        """The next call raises `error` and sends nothing."""
        self._failures.append(error)

    def send(self, notification: Notification) -> None:
        if self._failures:
            raise self._failures.popleft()
        self.sent.append(notification)
