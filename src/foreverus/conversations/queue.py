"""Who is handed an accepted message: the chat queue, with one FIFO group per conversation, or Bedrock's function.

Both get references; the text is in the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from foreverus.aws.sqs import MessageIds
from foreverus.conversations.records import MessageRef


class MessageQueue(Protocol):
    def send(self, message: MessageIds) -> None:
        """Queues a question. Sending the same question again within five minutes changes nothing."""


class Function(Protocol):
    def call(self, event: Mapping[str, str] | None = None) -> None:
        """Without waiting for its answer."""


@dataclass(frozen=True)
class ConversationFunction:
    """`function`: the one that answers on Bedrock what waits for it in a conversation."""

    function: Function

    def call(self, message: MessageRef) -> None:
        self.function.call({"conversation_id": message.conversation_id, "user_id": message.user_id})
