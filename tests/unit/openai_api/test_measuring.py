"""What is measured of a program's request."""

import asyncio
import json
from typing import Any

import pytest

from foreverus.backends.port import BackendName
from foreverus.errors import (
    BackendUnavailable,
    EngineBusy,
    EngineFailed,
    GpuFull,
    InvalidRequest,
    ModelLoading,
    PromptRejected,
    SpendCapReached,
)
from foreverus.metrics import Metrics
from foreverus.openai_api.measuring import RequestTimes, failure
from tests.unit.worker.harness import in_jumping_time


async def said(error: Exception | None = None, streams: bool = True) -> list[dict[str, Any]]:
    lines: list[str] = []
    times = RequestTimes(Metrics("foreverus", write=lines.append), streams)
    await asyncio.sleep(2)
    times.word()
    await asyncio.sleep(3)
    times.word()
    times.end(BackendName.BEDROCK, error)
    times.end(BackendName.BEDROCK, RuntimeError("after the end"))
    return [json.loads(line) for line in lines]


@in_jumping_time
async def test_a_request_is_measured_once_from_its_admission_on() -> None:
    (one,) = await said()
    assert (one["FirstWordSeconds"], one["AnswerSeconds"], one["FailedPercent"], one["kind"]) == (2.0, 5.0, 0.0, "api")
    (whole,) = await said(streams=False)
    assert "FirstWordSeconds" not in whole, "nobody saw a word before the end"


@pytest.mark.parametrize(
    "error", [EngineFailed("cut"), EngineBusy("throttled"), BackendUnavailable("gone"), RuntimeError("a mistake")]
)
@in_jumping_time
async def test_what_broke_on_our_side_is_a_failure(error: Exception) -> None:
    (one,) = await said(error)
    assert one["FailedPercent"] == 100.0 and "AnswerSeconds" not in one and one["error"] == failure(error)


@pytest.mark.parametrize(
    "error",
    [PromptRejected("No."), InvalidRequest("no"), SpendCapReached("cap"), GpuFull("full", 5), ModelLoading("cold", 99)],
)
@in_jumping_time
async def test_who_was_told_what_to_do_was_not_failed(error: Exception) -> None:
    assert await said(error) == []
