"""The chat queue: one FIFO message group per conversation. Messages are references; the text is in the table."""

import json
from typing import Any, Protocol


class Requests(Protocol):
    def send(self, question: dict[str, Any]) -> None:
        """Queues a question. Sending the same question again within five minutes changes nothing."""


class ChatQueue:
    def __init__(self, client: Any, url: str):
        self.client = client
        self.url = url

    def send(self, question: dict[str, Any]) -> None:
        reference = {name: question[name] for name in ("message_id", "conversation_id", "user_id")}
        self.client.send_message(
            QueueUrl=self.url,
            MessageBody=json.dumps(reference),
            MessageGroupId=question["conversation_id"],
            MessageDeduplicationId=question["message_id"],
        )
