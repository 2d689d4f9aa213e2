"""The batch queue: one message a shard. Messages are references; the lines are in S3."""

from typing import Any, Protocol

from foreverus.batches.records import BatchRef

Message = dict[str, Any]


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
