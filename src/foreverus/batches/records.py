"""What a batch is: the whole, its shards, and what became of its lines. Pure; `items.py` reads them from the table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from foreverus.backends.port import BackendName, TokenUsage
from foreverus.batches.plan.records import NO_ROUND, NO_SETBACKS, RoundStart, Setbacks
from foreverus.choice.records import Number
from foreverus.costs.usage.records import Used


@dataclass(frozen=True, slots=True)
class BatchRef:
    """Which batch: what messages and executions carry."""

    user_id: str
    batch_id: str


NO_TOKENS = TokenUsage()


class BatchStatus(StrEnum):
    """OpenAI's words."""

    VALIDATING = "validating"
    FAILED = "failed"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"

    @classmethod
    def _missing_(cls, value: object) -> "BatchStatus":
        """Of a word that this version does not know somebody else takes care: nobody serves it or plans for it."""
        return cls.FINALIZING

    @property
    def is_over(self) -> bool:
        return self in _OVER


_OVER = frozenset({BatchStatus.FAILED, BatchStatus.COMPLETED, BatchStatus.EXPIRED, BatchStatus.CANCELLED})


class BatchTrigger(StrEnum):
    """Who asked for the batch."""

    API = "api"
    SCHEDULE = "schedule"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> "BatchTrigger":
        return cls.UNKNOWN


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """Why a batch, or a line of its file, failed. `line`: its number in the file."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class GpuOnly:
    """The first thing of a batch that a GPU alone can do: a parameter, and the number of its line."""

    param: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What a batch has come to, when its files are written. USD None: not known."""

    completed: int = 0
    failed: int = 0
    usage: TokenUsage = NO_TOKENS
    on_gpu: int = 0  # lines
    on_bedrock: int = 0
    cost_usd: float | None = None
    bedrock_usd: float | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None


NO_RESULT = BatchResult()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch's record: the fields of docs/batches.md. Times are ISO 8601, which sorts as text; an empty one has not
    come yet. `total`: lines; None while the file is not validated."""

    batch_id: str
    user_id: str
    status: BatchStatus = BatchStatus.VALIDATING
    trigger: BatchTrigger | None = None
    created_at: str = ""
    expires_at: str = ""
    endpoint: str = ""
    completion_window: str = ""
    input_file_id: str = ""
    input_key: str = ""  # of our own copy
    metadata: Mapping[str, str] = field(default_factory=dict)
    output_expires_s: int = 0  # after they are made; 0: its files stay

    total: int | None = None
    model: str | None = None
    gpu_only: GpuOnly | None = None  # Bedrock cannot answer every line
    images_line: int | None = None  # the first one that shows images
    gpu_sees: bool = False  # and the GPU's model can be shown all of them: else they are Bedrock's
    in_progress_at: str = ""

    round: int = 0
    newest_round: RoundStart = NO_ROUND
    backend: str | None = None  # of the newest round that was none of waiting
    choice: Mapping[str, Number] | None = None  # the newest plan's arithmetic
    choice_text: str = ""  # the same in words
    gpus: int = 1  # that the batch is worth
    on_demand: bool = False
    setbacks: Setbacks = NO_SETBACKS
    task_token: str = ""  # of the round's task
    sessions: frozenset[str] = frozenset()  # that worked on it, once it is over: until then see `sessions_of`

    cancel_requested_at: str = ""
    finalizing_at: str = ""
    ended_at: str = ""
    errors: tuple[ErrorEntry, ...] = ()
    errors_total: int = 0  # found in the file, where more than are listed
    result: BatchResult = NO_RESULT
    store_tries: int = 0  # of its summary, into PostgreSQL

    @property
    def ref(self) -> BatchRef:
        return BatchRef(self.user_id, self.batch_id)

    @property
    def is_over(self) -> bool:
        return self.status.is_over


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBatch:
    """A batch that is not at its end, or whose summary is not stored yet."""

    batch_id: str
    user_id: str
    created_at: str = ""
    trigger: BatchTrigger | None = None

    @property
    def ref(self) -> BatchRef:
        return BatchRef(self.user_id, self.batch_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatedInput:
    """What validation found in a good file. Tokens: estimates of all lines."""

    total: int
    shards: int
    model: str
    prompt_tokens_estimate: int
    completion_tokens_limit: int
    gpu_only: GpuOnly | None = None
    images_line: int | None = None
    gpu_sees: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOutcome:
    """How a batch comes to its end. `errors` None: those that it has stay; `result` None: it never ran. `used`: what
    its lines took, on each backend."""

    status: BatchStatus
    errors: tuple[ErrorEntry, ...] | None = None
    result: BatchResult | None = None
    used: tuple[Used, ...] = ()


class ShardStatus(StrEnum):
    WAITING = "waiting"
    DONE = "done"

    @classmethod
    def _missing_(cls, value: object) -> "ShardStatus":
        return cls.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCounts:
    """Totals over a shard's finished lines. `seen_…`: of those whose images a model on Bedrock sees that has a price of
    its own, a part of `bedrock_…`."""

    completed: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    bedrock_prompt_tokens: int = 0
    bedrock_completion_tokens: int = 0
    seen_prompt_tokens: int = 0
    seen_completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Shard(LineCounts):
    """Some lines of the input that lie together: what a worker takes at once. `start` and `end`: bytes of the batch's
    own copy of the input, `end` exclusive. `prompt_tokens_most`: what no tokenizer exceeds; 0: one a byte.
    `gpu_image_tokens`: what its images are of a GPU's context. `slot_seconds`: how long its lines held slots of
    engines, by session: each that has taken it stands there."""

    number: int
    first_line: int
    lines: int
    start: int
    end: int
    status: ShardStatus = ShardStatus.WAITING
    prompt_tokens_estimate: int = 0
    completion_tokens_limit: int = 0
    prompt_tokens_most: int = 0
    seen_prompt_tokens_estimate: int = 0
    seen_completion_tokens_limit: int = 0
    gpu_image_tokens: int = 0
    slot_seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        return self.status is ShardStatus.DONE

    @property
    def finished(self) -> int:
        """Lines with an answer or an error."""
        return self.completed + self.failed


@dataclass(frozen=True, slots=True)
class ShardProgress(LineCounts):
    """Where a shard stands. `slot_seconds`: what to add to the seconds of engine slots that the session gave it."""

    session_id: str = ""
    slot_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class LineError:
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class LineResult:
    """What became of one line: an answer, or an error. `by`: the session whose GPU answered, or `bedrock`; empty:
    nobody was asked. `at`: when that was known. `images_seen_by`: the model that saw its images and answered;
    `images_read_by`: who read the text in them instead."""

    line: int
    custom_id: str
    by: str = ""
    at: str = ""
    text: str = ""
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: LineError | None = None
    images_seen_by: str = ""
    images_read_by: str = ""

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


def sessions_of(batch: Batch, shards: Iterable[Shard]) -> frozenset[str]:
    """The sessions that have worked on it."""
    return batch.sessions.union(*(shard.slot_seconds.keys() for shard in shards))


def finished_lines(shards: Iterable[Shard]) -> int:
    """Lines with an answer or an error, of all shards."""
    return sum(shard.finished for shard in shards)
