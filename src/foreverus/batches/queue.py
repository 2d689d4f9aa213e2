"""The batch queue: one message a shard. Messages are references; the lines are in S3."""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from botocore.exceptions import ClientError

from foreverus.batches.store import BatchRef

Message = dict[str, Any]

MOST_AT_ONCE = 10  # SQS
PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6)  # before what SQS did not take is sent again


class Shards(Protocol):
    def send(self, messages: list[Message]) -> None:
        """Queues them all. A shard that is queued twice is answered once."""


def shard_message(ref: BatchRef, shard: int, round_: int) -> Message:
    """`{"kind": "shard", "batch_id", "user_id", "shard", "round"}`: an older round's message is dropped."""
    return {
        "kind": "shard",
        "batch_id": ref.batch_id,
        "user_id": ref.user_id,
        "shard": shard,
        "round": round_,
    }


class ShardQueue:
    def __init__(self, client: Any, url: str, sleep: Callable[[float], None] = time.sleep):
        self.client = client
        self.url = url
        self.sleep = sleep

    def send(self, messages: list[Message]) -> None:
        """Raises ClientError when SQS refuses one for good, or for too long."""
        for start in range(0, len(messages), MOST_AT_ONCE):
            self._send_ten(messages[start : start + MOST_AT_ONCE])

    def _send_ten(self, messages: list[Message]) -> None:
        entries = [{"Id": str(n), "MessageBody": json.dumps(message)} for n, message in enumerate(messages)]
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


def _again(entries: Iterable[Message], ids: set[str]) -> list[Message]:
    return [entry for entry in entries if entry["Id"] in ids]


class MemoryShards:
    """Twin of `ShardQueue`."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, messages: list[Message]) -> None:
        self.messages += messages
