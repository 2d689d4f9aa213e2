"""What a shard's run needs from whoever runs it: the worker on a GPU, or Bedrock's Lambda."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from foreverus.aws.s3 import Objects
from foreverus.backends.port import Backend
from foreverus.batches.model import IN_PROGRESS
from foreverus.batches.shards.group_commit import Backlog
from foreverus.batches.store import Batches, BatchRef
from foreverus.concurrency import Calls

Item = dict[str, Any]
T = TypeVar("T")


class Admission(Protocol):
    """Who gets the backend's slots, and when."""

    async def run(self, work: Callable[[], Awaitable[T]], alone: bool) -> T:
        """Waits for a slot and returns what `work` returns in it. Calls `work` again when the backend is busy, or when
        the slot was needed for something else. `alone`: with no other line of a batch beside it."""


@dataclass(frozen=True)
class Crew:
    """Who answers. `by`: the session's id, or `bedrock`. `alive`: whether the backend still answers after a call that
    failed; when it says no, `ShardRun.stop` follows. `settled` hears of lines when they are written."""

    by: str
    backend: Backend
    admission: Admission
    alive: Callable[[str], Awaitable[bool]]
    batches: Batches
    objects: Objects
    calls: Calls
    clock: Callable[[], datetime]
    slots: int
    settled: Callable[[list[Item]], None] = lambda lines: None
    backlog: Backlog = field(default_factory=Backlog)  # of all its shards


@dataclass(frozen=True, slots=True)
class Job:
    """A shard's item, for the round in which it is to be answered. `input_key`: of the batch's own copy."""

    ref: BatchRef
    round: int
    shard: Item
    input_key: str


def in_round(record: Item | None, round_: int) -> bool:
    """Whether the batch still wants its shards answered in this round."""
    return record is not None and record["status"] == IN_PROGRESS and record["round"] == round_
