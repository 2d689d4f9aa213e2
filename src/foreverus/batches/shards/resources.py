"""What a shard's run needs from whoever runs it: the worker on a GPU, or Bedrock's Lambda."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from foreverus.aws.s3 import Objects
from foreverus.backends.port import Backend
from foreverus.batches.records import Batch, BatchRef, BatchStatus, LineResult, Shard
from foreverus.batches.shards.group_commit import Backlog
from foreverus.batches.store import Batches
from foreverus.concurrency import RunBlocking
from foreverus.metrics import SILENT, Metrics

T = TypeVar("T")


class Admission(Protocol):
    """Who gets the backend's slots, and when."""

    async def run(self, work: Callable[[], Awaitable[T]], alone: bool) -> T:
        """Waits for a slot and returns what `work` returns in it. Calls `work` again when the backend is busy, or when
        the slot was needed for something else. `alone`: with no other line of a batch beside it."""


@dataclass(frozen=True, kw_only=True)
class ShardResources:
    """What all shards of one worker, or of one round on Bedrock, share.

    `answered_by`: the session's id, or `bedrock`. `slots`: lines that the backend answers at once. `backend_lives` is
    asked after a call that failed; after a no, `ShardRun.stop` follows. `on_recorded` hears of finished lines when they
    are in the table. `said_of`: of a line with images, who took them in.
    """

    answered_by: str
    backend: Backend
    admission: Admission
    slots: int
    backend_lives: Callable[[str], Awaitable[bool]]
    batches: Batches
    objects: Objects
    run_blocking: RunBlocking
    clock: Callable[[], datetime]
    on_recorded: Callable[[Sequence[LineResult]], None] = lambda results: None
    backlog: Backlog = field(default_factory=Backlog)
    metrics: Metrics = SILENT
    said_of: Callable[[LineResult], LineResult] = lambda result: result


@dataclass(frozen=True, slots=True)
class ShardJob:
    """A shard, for the round in which it is to be answered. `input_key`: of the batch's own copy."""

    ref: BatchRef
    round: int
    shard: Shard
    input_key: str

    @property
    def number(self) -> int:
        return self.shard.number

    def __str__(self) -> str:
        return f"shard {self.number} of {self.ref.batch_id}"


def in_round(batch: Batch | None, round_: int) -> bool:
    """Whether the batch still wants its shards answered in this round."""
    return batch is not None and batch.status is BatchStatus.IN_PROGRESS and batch.round == round_
