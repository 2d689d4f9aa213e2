"""How a batch's records are written in the table, and read again. Attributes that a record does not name stay."""

from enum import StrEnum
from typing import TypeVar

from foreverus.aws.dynamo import Item
from foreverus.batches.records import LineError, LineResult, Shard, ShardStatus

Words = TypeVar("Words", bound=StrEnum)

SHARD_COUNTS = (
    "completed",
    "failed",
    "prompt_tokens",
    "completion_tokens",
    "bedrock_prompt_tokens",
    "bedrock_completion_tokens",
)
_SHARD_ESTIMATES = ("prompt_tokens_estimate", "completion_tokens_limit")


def word(words: type[Words], text: object, otherwise: Words) -> Words:
    """A stored word; `otherwise` for one that this version does not know.

    >>> word(ShardStatus, "done", ShardStatus.WAITING), word(ShardStatus, "paused", ShardStatus.WAITING)
    (<ShardStatus.DONE: 'done'>, <ShardStatus.WAITING: 'waiting'>)
    """
    try:
        return words(str(text))
    except ValueError:
        return otherwise


def new_shard_item(shard: Shard) -> Item:
    """Of a shard that nobody has taken yet."""
    return {
        "shard": shard.number,
        "status": shard.status.value,
        "first_line": shard.first_line,
        "lines": shard.lines,
        "start": shard.start,
        "end": shard.end,
        "prompt_tokens_estimate": shard.prompt_tokens_estimate,
        "completion_tokens_limit": shard.completion_tokens_limit,
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
        status=word(ShardStatus, item.get("status"), ShardStatus.WAITING),
        slot_seconds={name: float(seconds) for name, seconds in (item.get("shares") or {}).items()},
        **{name: int(item.get(name) or 0) for name in (*_SHARD_ESTIMATES, *SHARD_COUNTS)},
    )


def result_to_item(result: LineResult) -> Item:
    """A line with an error has no text and no tokens: nobody told us any."""
    item: Item = {"line": result.line, "custom_id": result.custom_id, "by": result.by, "at": result.at}
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
    )
