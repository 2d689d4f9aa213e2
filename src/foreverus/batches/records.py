"""What a batch is made of: its shards, and what became of its lines. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class BackendName(StrEnum):
    """Who answers. `AUTO`: whichever is right, as `plan/choice.py` finds."""

    AUTO = "auto"
    GPU = "gpu"
    BEDROCK = "bedrock"


@dataclass(frozen=True, slots=True)
class BatchRef:
    """Which batch: what messages and executions carry."""

    user_id: str
    batch_id: str


@dataclass(frozen=True, slots=True)
class TokenUsage:
    prompt_tokens: int = 0
    completion_tokens: int = 0


class ShardStatus(StrEnum):
    WAITING = "waiting"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Shard:
    """Some lines of the input that lie together: what a worker takes at once.

    `start` and `end`: bytes of the batch's own copy of the input, `end` exclusive. Counts and tokens are totals over
    its finished lines. `slot_seconds`: how long its lines held slots of engines, by session.
    """

    number: int
    first_line: int
    lines: int
    start: int
    end: int
    status: ShardStatus = ShardStatus.WAITING
    prompt_tokens_estimate: int = 0
    completion_tokens_limit: int = 0
    completed: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    bedrock_prompt_tokens: int = 0
    bedrock_completion_tokens: int = 0
    slot_seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        return self.status is ShardStatus.DONE

    @property
    def finished(self) -> int:
        """Lines with an answer or an error."""
        return self.completed + self.failed


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a shard stands. Counts and tokens are totals over its finished lines; `slot_seconds`: what to add to the
    seconds of engine slots that the session gave it."""

    completed: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    bedrock_prompt_tokens: int = 0
    bedrock_completion_tokens: int = 0
    session_id: str = ""
    slot_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class LineError:
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class LineResult:
    """What became of one line: an answer, or an error.

    `by`: the session whose GPU answered, or `bedrock`; empty: nobody was asked. `at`: when that was known.
    """

    line: int
    custom_id: str
    by: str = ""
    at: str = ""
    text: str = ""
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: LineError | None = None

    @property
    def on_bedrock(self) -> bool:
        return self.by == BackendName.BEDROCK


@dataclass(frozen=True, slots=True)
class FinishedLines:
    """What is known of a shard's lines, by their numbers: how they ended, and how often engines died in others."""

    results: Mapping[int, LineResult]
    suspects: Mapping[int, int]


def all_done(shards: Iterable[Shard]) -> bool:
    return all(shard.is_done for shard in shards)


def finished_lines(shards: Iterable[Shard]) -> int:
    """Lines with an answer or an error, of all shards."""
    return sum(shard.finished for shard in shards)
