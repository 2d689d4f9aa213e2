"""A small batch in memory, as validation leaves it."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from foreverus.aws.s3_memory import MemoryObjects
from foreverus.backends.port import Prompt
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.records import Batch, BatchRef, BatchStatus, LineResult, Shard
from foreverus.batches.shards.queue import shard_message

REF = BatchRef("user_1", "batch_1")
KEY = "batches/batch_1/input.jsonl"


def line(number: int, content: str, **body: Any) -> bytes:
    asked = {"model": "model", "messages": [{"role": "user", "content": content}], **body}
    request = {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": asked}
    return json.dumps(request).encode() + b"\n"


def submit(
    batches: MemoryBatches, objects: MemoryObjects, lines: Sequence[bytes], a_shard: int, ref: BatchRef = REF
) -> list[str]:
    """Keeps the batch in its first round, `a_shard` lines in each shard; returns the messages of its shards."""
    key = f"batches/{ref.batch_id}/input.jsonl"
    objects.put(key, b"".join(lines))
    times = {"created_at": "2026-01-01T12:00:00.000Z", "expires_at": "2026-01-02T12:00:00.000Z"}
    about = {"status": BatchStatus.IN_PROGRESS, "round": 1, "input_key": key, "task_token": "round-1", **times}
    batches.create(Batch(batch_id=ref.batch_id, user_id=ref.user_id, **about))
    shards, start = [], 0
    for first in range(0, len(lines), a_shard):
        end = start + sum(len(one) for one in lines[first : first + a_shard])
        count = len(lines[first : first + a_shard])
        shards.append(Shard(len(shards), first + 1, count, start, end))
        start = end
    batches.put_shards(ref.batch_id, shards)
    return [json.dumps(shard_message(ref, one.number, 1)) for one in shards]


def results(batches: MemoryBatches, ref: BatchRef = REF) -> dict[int, LineResult]:
    """Every finished line of the batch, by its number."""
    return {
        number: result
        for (batch_id, _), lines in batches.results.items()
        if batch_id == ref.batch_id
        for number, result in lines.items()
    }


def asked(prompt: Prompt) -> str:
    return prompt.messages[-1].content


def reply(words: Callable[[str], list[str]]) -> Callable[[Prompt], list[str]]:
    return lambda prompt: words(asked(prompt))
