"""The chat queue: one FIFO message group per conversation. Messages are references; the text is in the table."""

from typing import Any, Protocol


class Requests(Protocol):
    def send(self, question: dict[str, Any]) -> None:
        """Queues a question. Sending the same question again within five minutes changes nothing."""
