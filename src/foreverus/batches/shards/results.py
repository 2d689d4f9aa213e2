"""What became of a shard's lines, one by one and added up. Pure."""

from dataclasses import replace
from datetime import datetime

from foreverus import ids
from foreverus.backends.port import BackendName, Completion
from foreverus.batches.input.lines import Line
from foreverus.batches.records import (
    LineError,
    LineResult,
    ShardProgress,
)
from foreverus.errors import EngineFailed, ImagesNotFetched

BEDROCK = BackendName.BEDROCK.value  # in `by`, where else a session's id is


def answered(line: Line, answer: Completion, by: str, now: datetime) -> LineResult:
    return LineResult(
        line=line.number,
        custom_id=line.custom_id,
        by=by,
        at=ids.timestamp(now),
        text=answer.text,
        finish_reason=answer.finish_reason,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
    )


def failed(line: Line, error: LineError, by: str, now: datetime) -> LineResult:
    return LineResult(line=line.number, custom_id=line.custom_id, by=by, at=ids.timestamp(now), error=error)


def engine_failed(line: Line, by: str, now: datetime, last: EngineFailed | None = None) -> LineResult:
    """`last`: what its last try ended with, where that is known."""
    if isinstance(last, ImagesNotFetched):
        return failed(line, LineError("images_not_fetched", str(last)), by, now)
    error = LineError("engine_failed", "The model's engine failed each time it was asked this.")
    return failed(line, error, by, now)


class LineTotals:
    """Sums over finished lines."""

    def __init__(self) -> None:
        self.lines: set[int] = set()
        self._sum = ShardProgress()

    def add(self, result: LineResult) -> None:
        """A line counts once."""
        if result.line in self.lines:
            return
        self.lines.add(result.line)
        before, failed = self._sum, result.error is not None
        prompt, completion = result.prompt_tokens, result.completion_tokens
        seen = result.on_bedrock and bool(result.images_seen_by)  # at a price of its own
        self._sum = ShardProgress(
            completed=before.completed + (not failed),
            failed=before.failed + failed,
            prompt_tokens=before.prompt_tokens + prompt,
            completion_tokens=before.completion_tokens + completion,
            bedrock_prompt_tokens=before.bedrock_prompt_tokens + prompt * result.on_bedrock,
            bedrock_completion_tokens=before.bedrock_completion_tokens + completion * result.on_bedrock,
            seen_prompt_tokens=before.seen_prompt_tokens + prompt * seen,
            seen_completion_tokens=before.seen_completion_tokens + completion * seen,
        )

    def progress(self, session_id: str, slot_seconds: float) -> ShardProgress:
        return replace(self._sum, session_id=session_id, slot_seconds=slot_seconds)
