"""Records as OpenAI's objects, and the options in a batch's metadata."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from foreverus import ids
from foreverus.backends.port import TokenUsage
from foreverus.batches.input.lines import CHAT
from foreverus.batches.model import (
    Options,
    new_batch,
    options_of,
    window_of,
)
from foreverus.batches.records import (
    Batch,
    BatchResult,
    BatchStatus,
    BatchTrigger,
    ErrorEntry,
    Shard,
)
from foreverus.batches.views import public_batch
from foreverus.errors import InvalidRequest
from tests.unit.conftest import NOW

REQUEST = {"input_file_id": "file_1", "endpoint": CHAT, "completion_window": "24h"}
SECONDS = int(NOW.timestamp())


def record(**changes: Any) -> Batch:
    return replace(new_batch("batch_1", "ana", REQUEST, NOW), **changes)


def shard(**changes: Any) -> Shard:
    return replace(Shard(0, 1, 10, 0, 900), **changes)


def shown(batch: Batch, *shards: Shard, after_s: float = 0) -> dict[str, Any]:
    return public_batch(batch, list(shards), None, NOW + timedelta(seconds=after_s))


def test_a_new_batch_waits_for_its_validation() -> None:
    item = new_batch("batch_1", "ana", REQUEST | {"metadata": {"backend": "gpu"}}, NOW, BatchTrigger.SCHEDULE)
    assert (item.status, item.trigger, item.round, item.is_over) == ("validating", "schedule", 0, False)
    assert item.expires_at == ids.timestamp(NOW + timedelta(hours=24))
    assert item.input_key == "batches/batch_1/input.jsonl"
    assert item.metadata == {"backend": "gpu"}
    assert new_batch("batch_1", "ana", REQUEST | {"metadata": None}, NOW).metadata == {}


@pytest.mark.parametrize(("text", "hours"), [("10m", 1 / 6), ("90m", 1.5), ("1h", 1), ("24h", 24), ("168h", 168)])
def test_windows(text: str, hours: float) -> None:
    assert window_of(text) == timedelta(hours=hours)


@pytest.mark.parametrize(
    "text", ["", "24", "h", "9m", "0h", "169h", "10081m", "1d", "24H", " 24h", "024h", "1.5h", "٢٤h"]
)
def test_a_window_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        window_of(text)
    assert caught.value.param == "completion_window"


def test_options_stand_in_the_metadata() -> None:
    assert options_of(None) == options_of({"mine": "x"}) == Options("auto", False)
    assert options_of({"backend": "bedrock", "allow_on_demand": "true"}) == Options("bedrock", True)
    for metadata in ({"backend": ""}, {"allow_on_demand": "1"}):
        with pytest.raises(InvalidRequest) as caught:
            options_of(metadata)
        assert caught.value.param == f"metadata.{next(iter(metadata))}"


def test_a_batch_that_is_being_validated_shows_no_counts_yet() -> None:
    made = shown(record())
    assert made["request_counts"] == {"total": 0, "completed": 0, "failed": 0}
    assert (made["errors"], made["metadata"], made["output_file_id"], made["in_progress_at"]) == (None,) * 4
    assert (made["created_at"], made["expires_at"]) == (SECONDS, SECONDS + 86_400)


def test_a_running_batch_adds_its_shards_up_and_says_when_it_will_be_done() -> None:
    item = record(
        status=BatchStatus.IN_PROGRESS,
        in_progress_at=ids.timestamp(NOW),
        total=10,
        sessions=frozenset({"ses_2", "ses_1"}),
    )
    done = shard(completed=3, failed=1, prompt_tokens=100, completion_tokens=300)
    made = shown(item, done, shard(completed=1, completion_tokens=100), after_s=20)
    assert made["request_counts"] == {"total": 10, "completed": 4, "failed": 1}
    assert made["usage"]["output_tokens"] == 400
    ours = made["foreverus"]
    assert (ours["tokens_per_second"], ours["eta_seconds"], ours["sessions"]) == (20.0, 20, ["ses_1", "ses_2"])
    nothing = shown(item, shard(), after_s=20)["foreverus"]
    assert (nothing["tokens_per_second"], nothing["eta_seconds"]) == (None, None)


@pytest.mark.parametrize(
    ("status", "field"),
    [("completed", "completed_at"), ("failed", "failed_at"), ("expired", "expired_at"), ("cancelled", "cancelled_at")],
)
def test_each_end_has_its_own_time(status: str, field: str) -> None:
    result = BatchResult(completed=3, failed=1, usage=TokenUsage(7, 8))
    ended = record(status=BatchStatus(status), ended_at=ids.timestamp(NOW), total=5, result=result)
    made = shown(ended)
    ends = {name for name in ("completed_at", "failed_at", "expired_at", "cancelled_at") if made[name] is not None}
    assert ends == {field}
    assert made[field] == SECONDS
    assert made["request_counts"] == {"total": 5, "completed": 3, "failed": 2}, "each line is in one of the files"
    assert made["usage"]["total_tokens"] == 15
    assert made["foreverus"]["eta_seconds"] is None
    assert ended.is_over


def test_errors_say_how_many_there_are() -> None:
    error = ErrorEntry("invalid_json", "No JSON.", line=3)
    made = shown(record(status=BatchStatus.FAILED, errors=(error,), errors_total=250))
    said = {"code": "invalid_json", "message": "No JSON.", "line": 3, "param": None}
    assert made["errors"] == {"object": "list", "data": [said], "total": 250}


def test_nothing_secret_is_shown() -> None:
    item = record(task_token="secret", input_key="k")
    assert not {"task_token", "input_key", "pk", "user_id"} & set(shown(item))
    assert "secret" not in str(shown(item))
