"""Items as they are stored are read, whatever wrote them; what is written can be read again."""

from typing import Any

import pytest

from foreverus.batches.items import new_shard_item, result_from_item, result_to_item, shard_from_item
from foreverus.batches.records import LineError, LineResult, Shard, ShardStatus

# As they lay in the table before records had types.
SHARD: dict[str, Any] = {
    "pk": "BATCH#batch_1",
    "sk": "SHARD#00002",
    "shard": 2,
    "status": "waiting",
    "first_line": 201,
    "lines": 100,
    "start": 40_000,
    "end": 61_000,
    "prompt_tokens_estimate": 5_000,
    "completion_tokens_limit": 102_400,
    "completed": 0,
    "failed": 0,
    "shares": {},
}
ANSWER: dict[str, Any] = {
    "pk": "LINES#batch_1#00002",
    "sk": "LINE#000207",
    "line": 207,
    "custom_id": "q-207",
    "by": "ses_1",
    "at": "2026-01-01T12:00:00.500Z",
    "text": "Olá!",
    "finish_reason": "stop",
    "prompt_tokens": 9,
    "completion_tokens": 3,
    "expires_at": 1_767_873_600,
}


def test_a_shard_that_nobody_has_taken() -> None:
    shard = shard_from_item(SHARD)
    assert shard == Shard(2, 201, 100, 40_000, 61_000, prompt_tokens_estimate=5_000, completion_tokens_limit=102_400)
    assert SHARD | new_shard_item(shard) == SHARD


def test_a_shard_with_progress() -> None:
    counts = {"completed": 97, "failed": 3, "prompt_tokens": 900, "completion_tokens": 4_000}
    on_bedrock = {"bedrock_prompt_tokens": 9, "bedrock_completion_tokens": 40}
    shard = shard_from_item({**SHARD, **counts, **on_bedrock, "status": "done", "shares": {"ses_1": 12, "ses_2": 0.5}})
    assert (shard.is_done, shard.finished, shard.prompt_tokens, shard.completion_tokens) == (True, 100, 900, 4_000)
    assert (shard.bedrock_prompt_tokens, shard.bedrock_completion_tokens) == (9, 40)
    assert shard.slot_seconds == {"ses_1": 12.0, "ses_2": 0.5}


def test_a_word_that_a_newer_version_wrote_stops_nobody() -> None:
    assert shard_from_item({**SHARD, "status": "paused", "colour": "blue"}).status is ShardStatus.WAITING


@pytest.mark.parametrize(
    ("item", "result"),
    [
        (ANSWER, LineResult(207, "q-207", "ses_1", "2026-01-01T12:00:00.500Z", "Olá!", "stop", 9, 3)),
        (
            {
                "line": 8,
                "custom_id": "q-8",
                "by": "bedrock",
                "at": "2026-01-01T12:00:00.000Z",
                "error": {"code": "content_filter", "message": "No."},
            },
            LineResult(8, "q-8", "bedrock", "2026-01-01T12:00:00.000Z", error=LineError("content_filter", "No.")),
        ),
    ],
)
def test_lines(item: dict[str, Any], result: LineResult) -> None:
    assert result_from_item(item) == result
    assert item | result_to_item(result) == item
    assert result_from_item(result_to_item(result)) == result
