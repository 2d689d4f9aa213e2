"""A batch as OpenAI's API shows it, and `foreverus` with what is ours. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from foreverus import ids
from foreverus.api.responses import Body
from foreverus.backends.port import TokenUsage
from foreverus.batches.records import (
    Batch,
    BatchStatus,
    Shard,
    sessions_of,
)
from foreverus.ids import unix_seconds


def public_batch(batch: Batch, shards: Sequence[Shard], cost_usd: float | None, now: datetime) -> Body:
    """`shards` may be empty when the record has the totals."""
    status, ended_at = batch.status, unix_seconds(batch.ended_at)
    counts, usage = _counts(batch, shards), _usage(batch, shards)
    return {
        "id": batch.batch_id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "model": batch.model,
        "errors": _errors(batch),
        "input_file_id": batch.input_file_id,
        "completion_window": batch.completion_window,
        "status": status.value,
        "output_file_id": batch.result.output_file_id,
        "error_file_id": batch.result.error_file_id,
        "created_at": unix_seconds(batch.created_at),
        "in_progress_at": unix_seconds(batch.in_progress_at),
        "expires_at": unix_seconds(batch.expires_at),
        "finalizing_at": unix_seconds(batch.finalizing_at),
        "completed_at": ended_at if status is BatchStatus.COMPLETED else None,
        "failed_at": ended_at if status is BatchStatus.FAILED else None,
        "expired_at": ended_at if status is BatchStatus.EXPIRED else None,
        "cancelling_at": unix_seconds(batch.cancel_requested_at),
        "cancelled_at": ended_at if status is BatchStatus.CANCELLED else None,
        "request_counts": counts,
        "usage": _public_usage(usage),
        "metadata": dict(batch.metadata) or None,
        "foreverus": {
            "trigger": batch.trigger and batch.trigger.value,
            "backend": batch.backend,
            "round": batch.round or None,
            "choice": batch.choice,
            "choice_text": batch.choice_text or None,
            "cost_usd": cost_usd,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            **_speed(batch, counts, usage, now),
            "sessions": sorted(sessions_of(batch, shards)),
        },
    }


def _counts(batch: Batch, shards: Sequence[Shard]) -> dict[str, int]:
    """At the end every line has an answer or an error: those without an answer count as failed."""
    total = batch.total or 0
    if shards:
        completed, failed = sum(one.completed for one in shards), sum(one.failed for one in shards)
    else:
        completed, failed = batch.result.completed, batch.result.failed
    return {"total": total, "completed": completed, "failed": total - completed if batch.is_over else failed}


def _usage(batch: Batch, shards: Sequence[Shard]) -> TokenUsage:
    if shards:
        return TokenUsage(sum(one.prompt_tokens for one in shards), sum(one.completion_tokens for one in shards))
    return batch.result.usage


def _public_usage(usage: TokenUsage) -> Body:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _errors(batch: Batch) -> Body | None:
    """`total`: how many were found, where more than are listed."""
    if not batch.errors:
        return None
    shown = [asdict(one) for one in batch.errors]
    return {"object": "list", "data": shown, "total": max(batch.errors_total, len(shown))}


def _speed(batch: Batch, counts: dict[str, int], usage: TokenUsage, now: datetime) -> Body:
    finished = counts["completed"] + counts["failed"]
    seconds, rate, eta = 0.0, None, None
    if batch.in_progress_at:
        until = ids.parse_timestamp(batch.ended_at) if batch.ended_at else now
        seconds = (until - ids.parse_timestamp(batch.in_progress_at)).total_seconds()
    if seconds > 0 and usage.completion_tokens:
        rate = round(usage.completion_tokens / seconds, 2)
    if seconds > 0 and finished and batch.status is BatchStatus.IN_PROGRESS:
        eta = round(seconds * (counts["total"] - finished) / finished)
    return {"tokens_per_second": rate, "eta_seconds": eta}
