"""The batch queue: one message a shard. Messages are references; the lines are in S3."""

from collections.abc import Sequence
from typing import Protocol

from foreverus.aws.sqs import Message
from foreverus.batches.records import BatchRef


class Shards(Protocol):
    def send(self, messages: Sequence[Message]) -> None:
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
