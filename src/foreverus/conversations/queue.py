"""The chat queue: one FIFO message group per conversation. Messages are references; the text is in the table."""

from typing import Protocol

from foreverus.aws.sqs import MessageIds


class MessageQueue(Protocol):
    def send(self, message: MessageIds) -> None:
        """Queues a question. Sending the same question again within five minutes changes nothing."""
