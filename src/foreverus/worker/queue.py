"""The queues that the worker pulls its work from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

MOST_AT_ONCE = 10  # SQS


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message in hand; nobody else sees it until its visibility timeout runs out."""

    receipt: str
    body: str
    receive_count: int = 1


class Queue(Protocol):
    def receive(self, count: int, wait_s: float) -> list[Delivery]:
        """Up to `count` (≤ 10) messages; waits up to `wait_s` seconds for the first."""

    def delete(self, delivery: Delivery) -> None:
        """The message is done."""

    def hide(self, deliveries: Sequence[Delivery], seconds: int) -> None:
        """They are seen again in so many seconds from now: 0 gives them back at once."""


class SqsQueue:
    def __init__(self, client: Any, url: str, visibility_s: int):
        self.client = client
        self.url = url
        self.visibility_s = visibility_s

    def receive(self, count: int, wait_s: float) -> list[Delivery]:
        received = self.client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=min(count, MOST_AT_ONCE),
            WaitTimeSeconds=int(wait_s),
            VisibilityTimeout=self.visibility_s,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return [
            Delivery(m["ReceiptHandle"], m["Body"], int(m.get("Attributes", {}).get("ApproximateReceiveCount", 1)))
            for m in received.get("Messages", [])
        ]

    def delete(self, delivery: Delivery) -> None:
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=delivery.receipt)

    def hide(self, deliveries: Sequence[Delivery], seconds: int) -> None:
        for start in range(0, len(deliveries), MOST_AT_ONCE):
            batch = deliveries[start : start + MOST_AT_ONCE]
            # A receipt that is not valid any more fails alone, in `Failed`: somebody else has that message, and the
            # conditional save sees to it that it is answered once.
            self.client.change_message_visibility_batch(
                QueueUrl=self.url,
                Entries=[
                    {"Id": str(i), "ReceiptHandle": delivery.receipt, "VisibilityTimeout": seconds}
                    for i, delivery in enumerate(batch)
                ],
            )


class MemoryQueue:
    """Twin of `SqsQueue`: `waiting` are the messages that can be received, `hidden` those in somebody's hands."""

    def __init__(self) -> None:
        self.waiting: list[Delivery] = []
        self.hidden: dict[str, Delivery] = {}
        self.hidings: list[int] = []
        self.most_received = 0
        self._count = 0

    def put(self, body: str) -> None:
        self.waiting.append(Delivery("", body, 0))

    @property
    def is_empty(self) -> bool:
        return not self.waiting and not self.hidden

    def receive(self, count: int, wait_s: float) -> list[Delivery]:
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        received = []
        for message in taken:
            self._count += 1
            delivery = Delivery(f"receipt-{self._count}", message.body, message.receive_count + 1)
            self.hidden[delivery.receipt] = delivery
            received.append(delivery)
        self.most_received = max(self.most_received, len(received))
        return received

    def delete(self, delivery: Delivery) -> None:
        self.hidden.pop(delivery.receipt, None)

    def hide(self, deliveries: Sequence[Delivery], seconds: int) -> None:
        self.hidings.append(seconds)
        for delivery in deliveries:
            if seconds == 0 and (delivery.receipt in self.hidden):
                self.waiting.append(self.hidden.pop(delivery.receipt))
