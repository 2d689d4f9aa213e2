"""How a batch's records are written in the table, and read again. Attributes that a record does not name stay."""

from collections.abc import Sequence
from dataclasses import asdict, fields

from foreverus.aws.dynamo import Item
from foreverus.backends.port import TokenUsage
from foreverus.batches.plan.records import LearnedSpeed, NextRound, RoundStart, Setbacks
from foreverus.batches.records import (
    Batch,
    BatchOutcome,
    BatchResult,
    BatchStatus,
    BatchTrigger,
    ErrorEntry,
    GpuOnly,
    LineCounts,
    LineError,
    LineResult,
    OpenBatch,
    Shard,
    ShardStatus,
    ValidatedInput,
)
from foreverus.choice.records import NextStep

SHARD_COUNTS = tuple(one.name for one in fields(LineCounts))
_SHARD_ESTIMATES = ("prompt_tokens_estimate", "completion_tokens_limit")
_SEEN_ESTIMATES = ("seen_prompt_tokens_estimate", "seen_completion_tokens_limit")
_IMAGE_ESTIMATES = ("prompt_tokens_most", "gpu_image_tokens", *_SEEN_ESTIMATES)
_IMAGES_BY = ("images_seen_by", "images_read_by")


def new_shard_item(shard: Shard) -> Item:
    """Of one that nobody has taken yet."""
    return {
        "shard": shard.number,
        "status": shard.status.value,
        "first_line": shard.first_line,
        "lines": shard.lines,
        "start": shard.start,
        "end": shard.end,
        "prompt_tokens_estimate": shard.prompt_tokens_estimate,
        "completion_tokens_limit": shard.completion_tokens_limit,
        **{name: value for name in _IMAGE_ESTIMATES if (value := getattr(shard, name))},
        "completed": 0,
        "failed": 0,
        "shares": {},
    }


def shard_from_item(item: Item) -> Shard:
    return Shard(
        number=int(item["shard"]),
        first_line=int(item["first_line"]),
        lines=int(item["lines"]),
        start=int(item["start"]),
        end=int(item["end"]),
        status=ShardStatus(item.get("status") or ""),
        slot_seconds={name: float(seconds) for name, seconds in (item.get("shares") or {}).items()},
        **{name: int(item.get(name) or 0) for name in (*_SHARD_ESTIMATES, *_IMAGE_ESTIMATES, *SHARD_COUNTS)},
    )


def result_to_item(result: LineResult) -> Item:
    """A line with an error has no text and no tokens: nobody told us any."""
    item: Item = {"line": result.line, "custom_id": result.custom_id, "by": result.by, "at": result.at}
    item |= {name: value for name in _IMAGES_BY if (value := getattr(result, name))}
    if result.error:
        return {**item, "error": {"code": result.error.code, "message": result.error.message}}
    return {
        **item,
        "text": result.text,
        "finish_reason": result.finish_reason,
        "prompt_tokens": result.prompt_tokens,
        "completion_tokens": result.completion_tokens,
    }


def result_from_item(item: Item) -> LineResult:
    error = item.get("error")
    return LineResult(
        line=int(item["line"]),
        custom_id=item["custom_id"],
        by=item.get("by", ""),
        at=item.get("at", ""),
        text=item.get("text", ""),
        finish_reason=item.get("finish_reason", ""),
        prompt_tokens=int(item.get("prompt_tokens") or 0),
        completion_tokens=int(item.get("completion_tokens") or 0),
        error=LineError(error["code"], error["message"]) if error else None,
        **{name: item.get(name) or "" for name in _IMAGES_BY},
    )


_TEXTS = (
    "created_at",
    "expires_at",
    "endpoint",
    "completion_window",
    "input_file_id",
    "input_key",
    "in_progress_at",
    "task_token",
    "cancel_requested_at",
    "finalizing_at",
    "ended_at",
)
_AT_FIRST = _TEXTS[:6]  # what every batch has from its beginning
_COUNTED_SETBACKS = ("gpu_failures", "bedrock_failures", "pauses")
_NOTED_SETBACKS = ("gpu_barred", "bedrock_barred", "no_capacity_until", "most_gpus")
_RESULT_COUNTS = ("completed", "failed", "on_gpu", "on_bedrock")


def batch_from_item(item: Item) -> Batch:
    total, trigger = item.get("total"), item.get("trigger")
    metadata, choice_text = _metadata_from(item)
    return Batch(
        batch_id=item["batch_id"],
        user_id=item["user_id"],
        status=BatchStatus(item.get("status") or ""),
        trigger=BatchTrigger(trigger) if trigger else None,
        metadata=metadata,
        total=None if total is None else int(total),
        model=item.get("model"),
        gpu_only=GpuOnly(item["gpu_only"]["param"], int(item["gpu_only"]["line"])) if item.get("gpu_only") else None,
        images_line=int(item["images_line"]) if item.get("images_line") else None,
        gpu_sees=bool(item.get("gpu_sees")),
        round=int(item.get("round") or 0),
        newest_round=RoundStart(
            planned=NextStep(item.get("planned") or ""),
            began_at=item.get("round_began_at") or "",
            finished_before=int(item.get("settled_before") or 0),
            tokens_before=int(item.get("tokens_before") or 0),
        ),
        backend=item.get("backend"),
        choice=item.get("choice"),
        choice_text=choice_text,
        gpus=int(item.get("gpus") or 1),
        on_demand=bool(item.get("on_demand")),
        setbacks=_setbacks_from(item),
        sessions=frozenset(item.get("sessions") or ()),
        errors=tuple(_error_from(one) for one in item.get("errors") or ()),
        errors_total=int(item.get("errors_total") or 0),
        result=_result_from(item),
        store_tries=int(item.get("store_tries") or 0),
        output_expires_s=int(item.get("output_expires_s") or 0),
        **{name: item.get(name) or "" for name in _TEXTS},
    )


def batch_to_item(batch: Batch) -> Item:
    """What a batch lacks is not written."""
    item: Item = {
        "batch_id": batch.batch_id,
        "user_id": batch.user_id,
        "status": batch.status.value,
        "metadata": dict(batch.metadata),
        "round": batch.round,
        **{name: getattr(batch, name) for name in _AT_FIRST},
    }
    start, setbacks = batch.newest_round, setbacks_to_item(batch.setbacks)
    further = {
        **{name: getattr(batch, name) for name in _TEXTS[6:]},
        "trigger": batch.trigger and batch.trigger.value,
        "model": batch.model,
        "gpu_only": batch.gpu_only and asdict(batch.gpu_only),
        "images_line": batch.images_line,
        "gpu_sees": batch.gpu_sees,
        "backend": batch.backend,
        "choice": batch.choice and dict(batch.choice),
        "choice_text": batch.choice_text,
        "on_demand": batch.on_demand,
        "sessions": set(batch.sessions),
        "errors": [asdict(one) for one in batch.errors],
        "errors_total": batch.errors_total,
        "store_tries": batch.store_tries,
        "output_expires_s": batch.output_expires_s,
    }
    item |= {name: value for name, value in further.items() if value}
    if batch.total is not None:
        item["total"] = batch.total
    if start.planned:
        item |= {**round_to_item(start), "gpus": batch.gpus}
    if batch.setbacks != Setbacks():
        item |= setbacks
    if batch.result != BatchResult():
        item |= _result_to(batch.result)
    return item


def open_from_item(item: Item) -> OpenBatch:
    trigger = item.get("trigger")
    return OpenBatch(
        batch_id=item["batch_id"],
        user_id=item["user_id"],
        created_at=item.get("created_at", ""),
        trigger=BatchTrigger(trigger) if trigger else None,
    )


def open_to_item(batch: Batch) -> Item:
    trigger = {"trigger": batch.trigger.value} if batch.trigger else {}
    return {"batch_id": batch.batch_id, "user_id": batch.user_id, "created_at": batch.created_at, **trigger}


def round_to_item(start: RoundStart) -> Item:
    return {
        "planned": start.planned.value,
        "round_began_at": start.began_at,
        "settled_before": start.finished_before,
        "tokens_before": start.tokens_before,
    }


def next_round_to_item(next_round: NextRound) -> Item:
    return {
        "round": next_round.number,
        **round_to_item(next_round.start),
        **setbacks_to_item(next_round.setbacks),
        "choice": dict(next_round.choice),
        "choice_text": next_round.choice_text,
        "gpus": next_round.gpus,
        "on_demand": next_round.on_demand,
        **({"backend": next_round.backend} if next_round.backend else {}),
    }


def setbacks_to_item(setbacks: Setbacks) -> Item:
    noted = {name: getattr(setbacks, name) for name in _NOTED_SETBACKS if getattr(setbacks, name)}
    return {**{name: getattr(setbacks, name) for name in _COUNTED_SETBACKS}, **noted}


def ending_to_item(ending: BatchOutcome) -> Item:
    errors = {} if ending.errors is None else {"errors": errors_to_item(ending.errors)}
    return {"status": ending.status.value, **errors, **(_result_to(ending.result) if ending.result else {})}


def input_to_item(found: ValidatedInput) -> Item:
    return {name: value for name, value in asdict(found).items() if value is not None and value is not False}


def errors_to_item(errors: Sequence[ErrorEntry]) -> list[Item]:
    return [asdict(one) for one in errors]


def speed_from_item(item: Item | None) -> LearnedSpeed:
    found = item or {}
    return LearnedSpeed(*(_number(found.get(name)) for name in ("tokens_per_second", "boot_seconds")))


def speed_to_item(speed: LearnedSpeed) -> Item:
    return {name: value for name, value in asdict(speed).items() if value is not None}


def _metadata_from(item: Item) -> tuple[dict[str, str], str]:
    """(what the person gave, the choice in words): plans of earlier versions wrote theirs among the person's own."""
    metadata = dict(item.get("metadata") or {})
    if item.get("choice") and "choice_text" not in item:
        return metadata, metadata.pop("foreverus_choice", "")
    return metadata, item.get("choice_text") or ""


def _setbacks_from(item: Item) -> Setbacks:
    most = item.get("most_gpus")
    return Setbacks(
        gpu_failures=int(item.get("gpu_failures") or 0),
        bedrock_failures=int(item.get("bedrock_failures") or 0),
        pauses=int(item.get("pauses") or 0),
        gpu_barred=item.get("gpu_barred") or "",
        bedrock_barred=item.get("bedrock_barred") or "",
        no_capacity_until=item.get("no_capacity_until") or "",
        most_gpus=None if most is None else int(most),
    )


def _error_from(entry: Item) -> ErrorEntry:
    line = entry.get("line")
    return ErrorEntry(entry["code"], entry["message"], entry.get("param"), None if line is None else int(line))


def _result_from(item: Item) -> BatchResult:
    used = item.get("usage") or {}
    return BatchResult(
        usage=TokenUsage(int(used.get("prompt_tokens") or 0), int(used.get("completion_tokens") or 0)),
        cost_usd=_number(item.get("cost_usd")),
        bedrock_usd=_number(item.get("bedrock_usd")),
        output_file_id=item.get("output_file_id"),
        error_file_id=item.get("error_file_id"),
        **{name: int(item.get(name) or 0) for name in _RESULT_COUNTS},
    )


def _result_to(result: BatchResult) -> Item:
    return {**asdict(result), "usage": asdict(result.usage)}


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))
