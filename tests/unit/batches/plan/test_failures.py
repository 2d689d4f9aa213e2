"""What a round's error means: every way goes on, waits inside the window, or ends."""

import json
from dataclasses import replace
from typing import Any

import pytest

from foreverus.batches.execution_error import ExecutionError
from foreverus.batches.plan.failures import (
    NEED_SOMEBODY,
    NO_GPU_NOW,
    Meaning,
    RoundContext,
    capacity_is_missing,
    error_entry,
    meaning,
    usable,
    with_error,
)
from foreverus.batches.plan.records import NO_SETBACKS, RoundStart, Setbacks
from foreverus.batches.records import Batch
from foreverus.choice.records import NextStep
from tests.unit.conftest import NOW

BOTH, GPU, BEDROCK = frozenset({"gpu", "bedrock"}), frozenset({"gpu"}), frozenset({"bedrock"})


def after(
    code: str | None,
    allowed: frozenset[str] = BOTH,
    *,
    planned: str = "gpu",
    live: bool = False,
    finished: int = 0,
    finished_before: int = 0,
    setbacks: Setbacks = NO_SETBACKS,
    **more: Any,
) -> Meaning:
    """`more`: of the setbacks."""
    start = RoundStart(planned=NextStep(planned), finished_before=finished_before)
    batch = Batch(batch_id="batch_1", user_id="ana", newest_round=start, setbacks=replace(setbacks, **more))
    error = None if code is None else ExecutionError(code, "because")
    return meaning(batch, error, RoundContext(allowed, live, finished, NOW))


def barred(found: Meaning) -> dict[str, str]:
    names = {"gpu": found.setbacks.gpu_barred, "bedrock": found.setbacks.bedrock_barred}
    return {name: code for name, code in names.items() if code}


def test_the_time_to_look_again_is_no_failure() -> None:
    assert after("States.Timeout", gpu_failures=2) == Meaning(Setbacks(gpu_failures=2))
    assert after("States.Timeout", planned="bedrock").setbacks.bedrock_failures == 1  # a Lambda that hung


def test_switching_off_cancels() -> None:
    found = after("SessionEndRequested")
    assert found.finish == "cancelled"
    assert found.errors[0].code == "session_end_requested"


def test_a_gpu_that_somebody_else_switched_off_costs_the_batch_nothing_and_is_not_bought_at_once() -> None:
    assert after("GpuSwitchedOff", GPU, live=True) == Meaning(Setbacks(most_gpus=1))
    elsewhere = after("GpuSwitchedOff", BOTH)
    assert (elsewhere.finish, elsewhere.pause_s) == (None, 0) and capacity_is_missing(elsewhere.setbacks, NOW)
    setbacks, found = NO_SETBACKS, []
    for _ in range(6):
        found.append(after("GpuSwitchedOff", GPU, setbacks=setbacks))
        setbacks = found[-1].setbacks
    assert [one.pause_s for one in found] == [300, 600, 1200, 1800, 1800, 1800]
    assert {one.finish for one in found} == {None} and all(one.any_gpu_waits for one in found)
    assert setbacks.gpu_failures == 0
    assert not after("NoGpuCapacity", GPU).any_gpu_waits


def test_a_few_lines_each_time_do_not_have_gpus_bought_and_switched_off_all_day() -> None:
    """Each GPU answers something before somebody switches it off: that forgets failures, and not how often it was."""
    setbacks, pauses = Setbacks(gpu_failures=2), []
    for finished in range(10, 60, 10):
        found = after("GpuSwitchedOff", GPU, finished=finished, finished_before=finished - 10, setbacks=setbacks)
        setbacks = found.setbacks
        pauses.append(found.pause_s)
    assert pauses == [300, 600, 1200, 1800, 1800] and setbacks.gpu_failures == 0
    assert after("NoGpuCapacity", GPU, finished=70, finished_before=60, setbacks=setbacks).pause_s == 300


def test_a_spend_cap_ends_the_batch_whoever_else_could_answer() -> None:
    found = after("SpendCapReached", BOTH)
    assert found.finish == "failed"
    assert "MonthlyCapUsd" in found.errors[0].message


@pytest.mark.parametrize("code", ["GpuQuotaExceeded", "LaunchNotAuthorized"])
def test_what_somebody_must_mend_is_bedrocks_or_the_end(code: str) -> None:
    assert barred(after(code, BOTH)) == {"gpu": code}
    assert after(code, BOTH).finish is None
    failed = after(code, GPU)
    assert failed.finish == "failed"
    assert failed.errors[0].code == error_entry(ExecutionError(code)).code
    assert after(code, BOTH, bedrock_barred="BackendUnavailable").finish == "failed"


@pytest.mark.parametrize("code", sorted(NEED_SOMEBODY | NO_GPU_NOW))
def test_one_more_gpu_that_cannot_be_had_is_no_reason_to_leave_the_live_one(code: str) -> None:
    assert after(code, GPU, live=True) == Meaning(Setbacks(most_gpus=1))


@pytest.mark.parametrize("code", sorted(NO_GPU_NOW))
def test_without_capacity_bedrock_goes_on_for_a_while(code: str) -> None:
    found = after(code, BOTH)
    assert (found.finish, found.pause_s) == (None, 0)
    assert capacity_is_missing(found.setbacks, NOW)
    assert not capacity_is_missing(NO_SETBACKS, NOW)


def test_a_refusal_that_nobody_knows_is_waited_for_twice_and_then_the_end() -> None:
    """It may pass, as capacity does; nothing says so, and each try is a session and a mail."""
    setbacks, found = NO_SETBACKS, []
    for _ in range(3):
        found.append(after("LaunchRefused", GPU, setbacks=setbacks))
        setbacks = found[-1].setbacks
    assert [(one.pause_s, one.finish) for one in found] == [(300, None), (600, None), (0, "failed")]
    assert "EC2 refused" in found[-1].errors[0].message


def test_without_capacity_and_bedrock_it_waits_longer_and_longer() -> None:
    setbacks, pauses = NO_SETBACKS, []
    for _ in range(5):
        found = after("NoGpuCapacity", GPU, setbacks=setbacks)
        setbacks = found.setbacks
        pauses.append(found.pause_s)
    assert pauses == [300, 600, 1200, 1800, 1800]
    assert (
        after("NoGpuCapacity", GPU, finished=1, setbacks=setbacks).pause_s == 300
    )  # something was answered in between


def test_a_start_that_is_refused_just_now_is_tried_again_soon() -> None:
    assert [after("NotAccepted", GPU, pauses=n).pause_s for n in range(6)] == [30, 60, 120, 240, 300, 300]
    assert after("NotAccepted", GPU, pauses=1000).pause_s == 300


@pytest.mark.parametrize("code", ["EngineFailed", "BootFailed", "SessionLost", "SpotInterrupted", "Lambda.Unknown"])
def test_three_failures_without_a_finished_line_are_enough(code: str) -> None:
    assert after(code).setbacks == Setbacks(gpu_failures=1)
    assert barred(after(code, gpu_failures=2)) == {"gpu": code}
    assert after(code, GPU, gpu_failures=2).finish == "failed"


def test_a_finished_line_begins_the_count_anew() -> None:
    found = after("EngineFailed", GPU, finished=11, finished_before=10, gpu_failures=2)
    assert (found.finish, found.setbacks.gpu_failures) == (None, 1)
    assert after(None, finished=11, finished_before=10, gpu_failures=2).setbacks.gpu_failures == 0


def test_a_round_that_ends_well_and_finishes_nothing_counts_too() -> None:
    assert after(None).setbacks == Setbacks(gpu_failures=1)
    assert after(None, GPU, gpu_failures=2).finish == "failed"
    assert after(None, planned="wait") == Meaning(NO_SETBACKS)
    assert after(None, planned="") == Meaning(NO_SETBACKS)


def test_bedrock_that_needs_somebody_is_left_for_the_gpu() -> None:
    found = after("BackendUnavailable", BOTH, planned="bedrock")
    assert barred(found) == {"bedrock": "BackendUnavailable"}
    assert after("BackendUnavailable", BEDROCK, planned="bedrock").finish == "failed"
    assert after("EngineFailed", BEDROCK, planned="bedrock", bedrock_failures=2).finish == "failed"


def test_a_throttled_bedrock_is_waited_for_where_there_is_nothing_else() -> None:
    assert after("EngineBusy", BEDROCK, planned="bedrock").pause_s == 30
    assert after("EngineBusy", BOTH, planned="bedrock").setbacks == Setbacks(bedrock_failures=1)


def test_usable_backends_are_the_allowed_ones_that_are_not_barred() -> None:
    assert usable(Setbacks(gpu_barred="GpuQuotaExceeded"), BOTH) == BEDROCK
    assert usable(NO_SETBACKS, GPU) == GPU


@pytest.mark.parametrize("allowed", [BOTH, GPU, BEDROCK])
@pytest.mark.parametrize("planned", ["gpu", "bedrock"])
@pytest.mark.parametrize(
    "code",
    [None, "EngineFailed", "BootFailed", "GpuQuotaExceeded", "BackendUnavailable", "Unheard.Of", "States.TaskFailed"],
)
def test_no_error_goes_round_for_ever(code: str | None, planned: str, allowed: frozenset[str]) -> None:
    """Without progress every error that does not pause ends the batch, or leaves for another backend, in few rounds."""
    setbacks = NO_SETBACKS
    for _ in range(3 * len(BOTH)):
        here = planned if planned in usable(setbacks, allowed) else next(iter(usable(setbacks, allowed)))
        found = after(code, allowed, planned=here, setbacks=setbacks)
        setbacks = found.setbacks
        if found.finish:
            assert found.errors
            return
        assert not found.pause_s
    raise AssertionError(setbacks)


def test_an_error_says_what_the_lambda_said_and_what_to_do() -> None:
    cause = json.dumps(
        {"errorMessage": "The month is over budget.", "errorType": "SpendCapReached", "stackTrace": ["x"]}
    )
    entry = error_entry(ExecutionError("SpendCapReached", cause))
    assert entry.code == "spend_cap_reached"
    assert entry.message.endswith("The month is over budget.")
    assert "stackTrace" not in entry.message
    assert error_entry(ExecutionError("States.HeartbeatTimeout")).code == "states_heartbeat_timeout"
    assert error_entry(ExecutionError("X", "[1]")).message == "[1]"
    assert len(error_entry(ExecutionError("X", "y" * 5000)).message) == 1000


def test_the_same_error_is_listed_once() -> None:
    once = with_error((), ExecutionError("BootFailed", "a"))
    assert with_error(once, ExecutionError("BootFailed", "b")) == once
    assert len(with_error(once, ExecutionError("EngineFailed"))) == 2
