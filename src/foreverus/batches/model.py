"""What batches are to those who look at them: records, statuses and OpenAI's objects. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from foreverus import ids
from foreverus.batches.records import Shard
from foreverus.errors import InvalidRequest
from foreverus.files.records import object_key
from foreverus.ids import unix_seconds

Item = dict[str, Any]

VALIDATING = "validating"
FAILED = "failed"
IN_PROGRESS = "in_progress"
FINALIZING = "finalizing"
COMPLETED = "completed"
EXPIRED = "expired"
CANCELLING = "cancelling"
CANCELLED = "cancelled"
TERMINAL = frozenset({FAILED, COMPLETED, EXPIRED, CANCELLED})

SHORTEST_WINDOW_S = 10 * 60
LONGEST_WINDOW_S = 168 * 3600
BACKENDS = ("auto", "gpu", "bedrock")


@dataclass(frozen=True, slots=True)
class Options:
    """What a batch's metadata asks for. `backend`: auto | gpu | bedrock."""

    backend: str = "auto"
    allow_on_demand: bool = False


def is_over(item: Item) -> bool:
    return item.get("status") in TERMINAL


def options_of(metadata: Item | None) -> Options:
    """Our options among the client's own keys. Raises InvalidRequest that names the key."""
    given = metadata or {}
    backend, on_demand = given.get("backend", "auto"), given.get("allow_on_demand", "false")
    if backend not in BACKENDS:
        raise _invalid("metadata.backend", f"must be one of {', '.join(BACKENDS)}, not {backend!r}")
    if on_demand not in ("true", "false"):
        raise _invalid("metadata.allow_on_demand", f"must be 'true' or 'false', not {on_demand!r}")
    return Options(backend, on_demand == "true")


def window_of(text: str) -> timedelta:
    """`24h`, `90m`: how long a batch may take. Raises InvalidRequest."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mh])", text, re.ASCII)
    seconds = int(found[1]) * (3600 if found[2] == "h" else 60) if found else 0
    if not SHORTEST_WINDOW_S <= seconds <= LONGEST_WINDOW_S:
        raise _invalid("completion_window", f"must be '24h', or minutes or hours from '10m' to '168h', not {text!r}")
    return timedelta(seconds=seconds)


def _invalid(param: str, reason: str) -> InvalidRequest:
    return InvalidRequest(f"The field {param!r} {reason}.", param=param, code="invalid_field")


def source_key(user_id: str, input_file_id: str) -> str:
    """Where a batch's input is: an uploaded file, or what `s3://<data bucket>/<key>` names.

    >>> source_key("ana", "file_1"), source_key("ana", "s3://data/inputs/night.jsonl")
    ('files/ana/file_1', 'inputs/night.jsonl')
    """
    if input_file_id.startswith("s3://"):
        return input_file_id.removeprefix("s3://").partition("/")[2]
    return object_key(user_id, input_file_id)


def new_batch(batch_id: str, user_id: str, request: Item, now: datetime, trigger: str = "api") -> Item:
    """The record as it is first written. `request`: `{input_file_id, endpoint, completion_window, metadata?}`, checked.

    Raises InvalidRequest for a window or an option that is none.
    """
    window, metadata = window_of(request["completion_window"]), request.get("metadata") or {}
    options_of(metadata)
    return {
        "batch_id": batch_id,
        "user_id": user_id,
        "status": VALIDATING,
        "trigger": trigger,
        "created_at": ids.timestamp(now),
        "expires_at": ids.timestamp(now + window),
        "endpoint": request["endpoint"],
        "completion_window": request["completion_window"],
        "input_file_id": request["input_file_id"],
        "source_key": source_key(user_id, request["input_file_id"]),
        "input_key": f"batches/{batch_id}/input.jsonl",
        "metadata": dict(metadata),
        "round": 0,
    }


def public_batch(item: Item, shards: Sequence[Shard], cost_usd: float | None, now: datetime) -> Item:
    """OpenAI's batch, and `foreverus` with what is ours. `shards` may be empty when the record has the totals."""
    status, ended_at = item["status"], unix_seconds(item.get("ended_at"))
    counts, tokens = _counts(item, shards), _tokens(item, shards)
    return {
        "id": item["batch_id"],
        "object": "batch",
        "endpoint": item["endpoint"],
        "model": item.get("model"),
        "errors": _errors(item),
        "input_file_id": item["input_file_id"],
        "completion_window": item["completion_window"],
        "status": status,
        "output_file_id": item.get("output_file_id"),
        "error_file_id": item.get("error_file_id"),
        "created_at": unix_seconds(item["created_at"]),
        "in_progress_at": unix_seconds(item.get("in_progress_at")),
        "expires_at": unix_seconds(item["expires_at"]),
        "finalizing_at": unix_seconds(item.get("finalizing_at")),
        "completed_at": ended_at if status == COMPLETED else None,
        "failed_at": ended_at if status == FAILED else None,
        "expired_at": ended_at if status == EXPIRED else None,
        "cancelling_at": unix_seconds(item.get("cancel_requested_at")),
        "cancelled_at": ended_at if status == CANCELLED else None,
        "request_counts": counts,
        "usage": _usage(*tokens),
        "metadata": item.get("metadata") or None,
        "foreverus": _ours(item, counts, tokens, cost_usd, now),
    }


def _counts(item: Item, shards: Sequence[Shard]) -> Item:
    """At the end every line has an answer or an error: those without an answer count as failed."""
    total = int(item.get("total") or 0)
    if shards:
        completed = sum(one.completed for one in shards)
        failed = sum(one.failed for one in shards)
    else:
        completed, failed = int(item.get("completed") or 0), int(item.get("failed") or 0)
    return {"total": total, "completed": completed, "failed": total - completed if is_over(item) else failed}


def _tokens(item: Item, shards: Sequence[Shard]) -> tuple[int, int]:
    """(of prompts, of answers)."""
    if shards:
        return sum(one.prompt_tokens for one in shards), sum(one.completion_tokens for one in shards)
    used = item.get("usage") or {}
    return int(used.get("prompt_tokens") or 0), int(used.get("completion_tokens") or 0)


def _usage(prompt_tokens: int, completion_tokens: int) -> Item:
    return {
        "input_tokens": prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt_tokens + completion_tokens,
    }


def _errors(item: Item) -> Item | None:
    """`total`: how many were found, where more than are listed."""
    errors = item.get("errors") or []
    if not errors:
        return None
    shown = [{name: one.get(name) for name in ("code", "message", "param", "line")} for one in errors]
    return {"object": "list", "data": shown, "total": max(int(item.get("errors_total") or 0), len(shown))}


def _ours(item: Item, counts: Item, tokens: tuple[int, int], cost_usd: float | None, now: datetime) -> Item:
    began, ended = item.get("in_progress_at"), item.get("ended_at")
    finished = counts["completed"] + counts["failed"]
    seconds, rate, eta = 0.0, None, None
    if began:
        until = ids.parse_timestamp(ended) if ended else now
        seconds = (until - ids.parse_timestamp(began)).total_seconds()
    if seconds > 0 and tokens[1]:
        rate = round(tokens[1] / seconds, 2)
    if seconds > 0 and finished and item["status"] == IN_PROGRESS:
        eta = round(seconds * (counts["total"] - finished) / finished)
    return {
        "trigger": item.get("trigger"),
        "backend": item.get("backend"),
        "round": item.get("round") or None,
        "choice": item.get("choice"),
        "cost_usd": cost_usd,
        "prompt_tokens": tokens[0],
        "completion_tokens": tokens[1],
        "tokens_per_second": rate,
        "eta_seconds": eta,
        "sessions": sorted(item.get("sessions") or []),
    }
