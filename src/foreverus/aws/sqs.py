"""SQS: the chat queue and the batch queue, to send to and to pull from. Messages are references."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

from botocore.exceptions import ClientError

from foreverus import tracing

Message: TypeAlias = Mapping[str, object]

MOST_AT_ONCE = 10  # SQS
REQUEST = "request"  # the `kind` of a program's request in the chat queue; a message's has none
PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6)  # before what SQS did not take is sent again


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message in hand; nobody else sees it until its visibility timeout runs out. `trace`: a trace header, of
    whoever sent it; `sent_at`: in seconds of the epoch, 0 where it is not known."""

    receipt: str
    body: str
    receive_count: int = 1
    trace: str = ""
    sent_at: float = 0.0


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
            MessageSystemAttributeNames=["ApproximateReceiveCount", "AWSTraceHeader", "SentTimestamp"],
        )
        return [_delivery(m, m.get("Attributes", {})) for m in received.get("Messages", [])]

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


def _delivery(message: Mapping[str, str], attributes: Mapping[str, str]) -> Delivery:
    return Delivery(
        message["ReceiptHandle"],
        message["Body"],
        int(attributes.get("ApproximateReceiveCount", 1)),
        attributes.get("AWSTraceHeader", ""),
        int(attributes.get("SentTimestamp", 0)) / 1000,
    )


def _traced() -> Mapping[str, Any]:
    """What a message carries beside its body: the trace in which it is sent."""
    header = tracing.header()
    if not header:
        return {}
    return {"MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": header}}}


@dataclass(frozen=True)
class DeadLetters:
    client: Any
    url: str

    def count(self) -> int:
        """As SQS knows it just now."""
        name = "ApproximateNumberOfMessages"
        found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])
        return int(found["Attributes"][name])


class MemoryQueue:
    """Twin of `SqsQueue`: `waiting` are the messages that can be received, `hidden` those in somebody's hands."""

    def __init__(self) -> None:
        self.waiting: list[Delivery] = []
        self.hidden: dict[str, Delivery] = {}
        self.hidings: list[int] = []
        self.most_received = 0
        self._count = 0

    def put(self, body: str, trace: str = "", sent_at: float = 0.0) -> None:
        self.waiting.append(Delivery("", body, 0, trace, sent_at))

    @property
    def is_empty(self) -> bool:
        return not self.waiting and not self.hidden

    def receive(self, count: int, wait_s: float) -> list[Delivery]:
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        received = []
        for message in taken:
            self._count += 1
            delivery = replace(message, receipt=f"receipt-{self._count}", receive_count=message.receive_count + 1)
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


class MessageIds(Protocol):
    """A message of a conversation, as far as a queue needs to know it."""

    @property
    def message_id(self) -> str: ...
    @property
    def conversation_id(self) -> str: ...
    @property
    def user_id(self) -> str: ...


class RequestIds(Protocol):
    """A program's request, as far as a queue needs to know it."""

    @property
    def request_id(self) -> str: ...
    @property
    def user_id(self) -> str: ...
    @property
    def relay_id(self) -> str: ...


class ChatQueue:
    """FIFO, one message group for each conversation, and one for each request of a program."""

    def __init__(self, client: Any, url: str):
        self.client = client
        self.url = url

    def send(self, message: MessageIds) -> None:
        reference = {name: getattr(message, name) for name in ("message_id", "conversation_id", "user_id")}
        self.client.send_message(
            QueueUrl=self.url,
            MessageBody=json.dumps(reference),
            MessageGroupId=message.conversation_id,
            MessageDeduplicationId=message.message_id,
            **_traced(),
        )

    def send_request(self, request: RequestIds) -> None:
        reference = {name: getattr(request, name) for name in ("request_id", "user_id", "relay_id")}
        self.client.send_message(
            QueueUrl=self.url,
            MessageBody=json.dumps({"kind": REQUEST, **reference}),
            MessageGroupId=request.request_id,
            MessageDeduplicationId=request.request_id,
            **_traced(),
        )


class ShardQueue:
    """The batch queue: one message for each shard."""

    def __init__(self, client: Any, url: str, sleep: Callable[[float], None] = time.sleep):
        self.client = client
        self.url = url
        self.sleep = sleep

    def send(self, messages: Sequence[Message]) -> None:
        """Raises ClientError when SQS refuses one for good, or for too long."""
        for start in range(0, len(messages), MOST_AT_ONCE):
            self._send_ten(messages[start : start + MOST_AT_ONCE])

    def _send_ten(self, messages: Sequence[Message]) -> None:
        entries: Sequence[Mapping[str, object]] = [
            {"Id": str(n), "MessageBody": json.dumps(message), **_traced()} for n, message in enumerate(messages)
        ]
        pauses = iter(PAUSES_S)
        while entries:
            failed = self.client.send_message_batch(QueueUrl=self.url, Entries=entries).get("Failed", [])
            if not failed:
                return
            pause = next(pauses, None)
            if pause is None or any(one.get("SenderFault") for one in failed):
                first = failed[0]
                error = {"Code": first["Code"], "Message": first.get("Message", "SQS does not take the message.")}
                raise ClientError({"Error": error}, "SendMessageBatch")  # type: ignore[typeddict-item]
            entries = _again(entries, {one["Id"] for one in failed})
            self.sleep(pause)


def _again(entries: Iterable[Mapping[str, object]], ids: set[str]) -> list[Mapping[str, object]]:
    return [entry for entry in entries if entry["Id"] in ids]


class MemoryShards:
    """Twin of `ShardQueue`."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, messages: Sequence[Message]) -> None:
        self.messages += messages
