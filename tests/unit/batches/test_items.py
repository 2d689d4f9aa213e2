"""Items as they are stored are read, whatever wrote them; what is written can be read again."""

from typing import Any

import pytest

from foreverus.batches.items import (
    batch_from_item,
    batch_to_item,
    new_shard_item,
    result_from_item,
    result_to_item,
    shard_from_item,
)
from foreverus.batches.records import BatchStatus, BatchTrigger, ErrorEntry, LineError, LineResult, Shard, ShardStatus
from foreverus.choice.records import NextStep

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


def test_a_shard_with_images() -> None:
    shown = shard_from_item({**SHARD, "gpu_image_tokens": 1282})
    assert shown.gpu_image_tokens == new_shard_item(shown)["gpu_image_tokens"] == 1282
    assert "gpu_image_tokens" not in new_shard_item(shard_from_item(SHARD))


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


# A batch in its second round and one at its end, as they lay in the table before records had types.
BATCH: dict[str, Any] = {
    "batch_id": "batch_1",
    "user_id": "ana",
    "status": "in_progress",
    "trigger": "api",
    "created_at": "2026-01-01T12:00:00.000Z",
    "expires_at": "2026-01-02T12:00:00.000Z",
    "endpoint": "/v1/chat/completions",
    "completion_window": "24h",
    "input_file_id": "file_1",
    "input_key": "batches/batch_1/input.jsonl",
    "metadata": {"team": "blue"},
    "round": 2,
    "total": 250,
    "model": "mistral-7b",
    "in_progress_at": "2026-01-01T12:00:05.000Z",
    "planned": "gpu",
    "round_began_at": "2026-01-01T12:10:00.000Z",
    "settled_before": 40,
    "tokens_before": 900,
    "gpu_failures": 1,
    "bedrock_failures": 0,
    "pauses": 0,
    "bedrock_barred": "BackendUnavailable",
    "choice": {"next": "gpu", "reason": "cheaper", "gpu_usd": 0.25, "gpu_live": False},
    "choice_text": "gpu: cheaper",
    "backend": "gpu",
    "gpus": 2,
    "on_demand": True,
    "images_line": 3,
    "gpu_sees": True,
    "task_token": "token",
    "sessions": {"ses_1", "ses_2"},
}
ENDED: dict[str, Any] = {
    **{name: value for name, value in BATCH.items() if name not in ("task_token", "bedrock_barred")},
    "status": "failed",
    "finalizing_at": "2026-01-01T13:00:00.000Z",
    "ended_at": "2026-01-01T13:00:02.000Z",
    "errors": [{"code": "engine_failed", "message": "It died.", "param": None, "line": None}],
    "output_expires_s": 3600,
    "completed": 200,
    "failed": 50,
    "usage": {"prompt_tokens": 2_000, "completion_tokens": 4_000},
    "on_gpu": 200,
    "on_bedrock": 0,
    "cost_usd": 0.0125,
    "bedrock_usd": 0.0,
    "output_file_id": "file_1output",
    "error_file_id": None,
    "store_tries": 1,
}


@pytest.mark.parametrize("item", [BATCH, ENDED])
def test_a_batch_is_read_and_written_as_it_is(item: dict[str, Any]) -> None:
    assert batch_to_item(batch_from_item(item)) == item


def test_a_batch_that_has_just_been_created_lacks_nearly_everything() -> None:
    at_first = [*list(BATCH)[:12], "round"]
    item = {**{name: BATCH[name] for name in at_first}, "status": "validating", "metadata": {}, "round": 0}
    batch = batch_from_item(item)
    assert batch_to_item(batch) == item
    assert (batch.total, batch.model, batch.sessions, batch.gpus) == (None, None, frozenset(), 1)
    bare = batch_from_item({"batch_id": "batch_1", "user_id": "ana"})
    assert (bare.trigger, bare.metadata, bare.errors) == (None, {}, ())


def test_a_choice_that_an_earlier_version_wrote_into_the_metadata_is_not_the_persons() -> None:
    written = {f"key {n}": "x" for n in range(16)}
    before = {name: value for name, value in BATCH.items() if name != "choice_text"}
    batch = batch_from_item({**before, "metadata": {**written, "foreverus_choice": "gpu: cheaper"}})
    assert (batch.metadata, batch.choice_text) == (written, "gpu: cheaper")
    own = {"foreverus_choice": "given by the person"}
    for item in ({**BATCH, "metadata": own}, {"batch_id": "batch_1", "user_id": "ana", "metadata": own}):
        assert batch_from_item(item).metadata == own


def test_errors_of_old_batches_may_name_neither_line_nor_parameter() -> None:
    quota = {"code": "gpu_quota_exceeded", "message": "Raise it."}
    assert batch_from_item({**ENDED, "errors": [quota]}).errors == (ErrorEntry("gpu_quota_exceeded", "Raise it."),)


def test_words_of_a_newer_version_are_nobodys_to_act_upon() -> None:
    strange = batch_from_item(
        {**BATCH, "status": "paused", "trigger": "mail", "planned": "elsewhere", "colour": "blue"}
    )
    assert (strange.status, strange.trigger) == (BatchStatus.FINALIZING, BatchTrigger.UNKNOWN)
    assert strange.newest_round.planned is NextStep.NONE
    assert not strange.is_over
