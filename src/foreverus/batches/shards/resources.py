"""What a shard's run needs from whoever runs it: the worker on a GPU, or Bedrock's Lambda."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from foreverus.aws.s3 import Objects
from foreverus.backends.port import Backend, Prompt
from foreverus.batches.input.lines import Line
from foreverus.batches.records import Batch, BatchRef, BatchStatus, LineResult, Shard
from foreverus.batches.shards.group_commit import Backlog
from foreverus.batches.store import Batches
from foreverus.concurrency import RunBlocking
from foreverus.errors import ForeverUsError
from foreverus.metrics import SILENT, Metrics

T = TypeVar("T")


class Admission(Protocol):
    """Who gets the backend's slots, and when."""

    async def run(self, work: Callable[[], Awaitable[T]], alone: bool) -> T:
        """Waits for a slot and returns what `work` returns in it. Calls `work` again when the backend is busy, or when
        the slot was needed for something else. `alone`: with no other line of a batch beside it."""


class NotInWork(ForeverUsError):
    """Of a line whose batch has moved on, or whose shard is done: nobody is asked here, and nothing is noted of it."""


@asynccontextmanager
async def as_it_is(job: "ShardJob", line: Line) -> AsyncGenerator[Prompt, None]:
    """Images and all: the backend knows what to do with them."""
    yield line.prompt


@dataclass(frozen=True, kw_only=True)
class ShardResources:
    """What all shards of one worker, or of one round on Bedrock, share.

    `answered_by`: the session's id, or `bedrock`. `slots`: lines that the backend answers at once. `backend_lives` is
    asked after a call that failed; after a no, `ShardRun.stop` follows. `on_recorded` hears of finished lines when they
    are in the table. `shown`: what is asked, while it is: a line's prompt with its images, which are fetched in its
    slot. It raises PromptRejected and EngineFailed as the backend does, and NotInWork. `said_of`: of a line with
    images, who took them in.
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
    shown: Callable[["ShardJob", Line], AbstractAsyncContextManager[Prompt]] = as_it_is
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


@dataclass(frozen=True, slots=True)
class LineRef:
    """`line`: its number in the batch's file."""

    batch: BatchRef
    round: int
    shard: int
    line: int


def in_round(batch: Batch | None, round_: int) -> bool:
    """Whether the batch still wants its shards answered in this round."""
    return batch is not None and batch.status is BatchStatus.IN_PROGRESS and batch.round == round_
