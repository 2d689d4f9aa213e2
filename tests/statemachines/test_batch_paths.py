"""Every path of batch_run is taken on the emulator, at once, each on a table of its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from foreverus.api import schemas
from tests.statemachines.batch_cases import CASES, FINISH, FINISH_FAILED, NORMAL
from tests.statemachines.batch_machine import USER, BatchBench, BatchCase, BatchRun
from tests.statemachines.definition import BATCH_RUN
from tests.statemachines.emulated import mocked

pytestmark = pytest.mark.cloud

MOST_TRANSITIONS = 14  # of a batch on a GPU, whether it has one line or 50,000
AT_ONCE = 8


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, BatchRun]]:
    with mocked(CASES) as emulator, ThreadPoolExecutor(AT_ONCE) as pool:
        yield {run.case.name: run for run in pool.map(BatchBench(emulator).run, CASES)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_path(runs: dict[str, BatchRun], case: BatchCase) -> None:
    run = runs[case.name]
    assert tuple(run.path) == case.path, (run.error, run.cause)
    assert (run.status, run.error) == ("FAILED" if case.error else "SUCCEEDED", case.error), run.cause


@pytest.mark.parametrize("case", [one for one in CASES if one.finished], ids=lambda case: case.name)
def test_batch_is_finished_with_its_status_and_its_error(runs: dict[str, BatchRun], case: BatchCase) -> None:
    finishing = runs[case.name].finishing
    assert (finishing["status"], finishing.get("error", {}).get("Error")) == case.finished
    assert (finishing["batch_id"], finishing["user_id"]) == (f"batch_{case.name}", USER)


def test_every_transition_of_the_machine_is_taken(runs: dict[str, BatchRun]) -> None:
    taken = {pair for run in runs.values() for pair in zip(run.path, run.path[1:], strict=False)}
    assert BATCH_RUN.transitions() - taken == set()


def test_transitions_do_not_depend_on_the_number_of_lines(runs: dict[str, BatchRun]) -> None:
    assert len(runs["gpu"].path) == len(NORMAL) == MOST_TRANSITIONS  # the stub's file has 50,000 lines


def test_people_are_told_once_whatever_happens(runs: dict[str, BatchRun]) -> None:
    for name, run in runs.items():
        mocked = "Notify" in run.case.states
        mocked = mocked or "Notify" not in run.path  # there was nothing to tell
        assert len(run.notifications) == (0 if mocked else 1), name
        unmarked = mocked or "Mark as notified" in run.case.states
        assert len(run.notified) == (0 if unmarked else 1), "the sweep tells those again"
    assert "batch_nothing-can-be-finished could not be finished" in runs["nothing-can-be-finished"].notifications[0]


def test_plan_hears_why_the_last_round_ended(runs: dict[str, BatchRun]) -> None:
    def heard(name: str) -> list[str | None]:
        return [asked.get("error", {}).get("Error") for asked in runs[name].asked]

    assert heard("gpu") == [None, None]
    assert heard("waits-for-capacity") == [None, "NoGpuCapacity", None, None]
    assert heard("bedrock-throttles-then-the-gpu") == [None, "EngineBusy", None]
    assert heard("bedrock-cannot-be-called") == [None, "Sandbox.Timedout"]
    assert heard("review-time-comes") == [None, "States.Timeout", None]


def test_each_round_is_offered_with_its_number_and_a_token_of_its_own(runs: dict[str, BatchRun]) -> None:
    offered = runs["waits-for-capacity"].offered
    assert [one["round"] for one in offered] == [1, 3]
    assert len({one["task_token"] for one in offered}) == 2


def test_first_error_is_the_executions_error(runs: dict[str, BatchRun]) -> None:
    assert runs["nothing-can-be-finished"].cause == "SlowDown"


def test_what_the_machine_says_is_what_the_functions_take(runs: dict[str, BatchRun]) -> None:
    for run in runs.values():
        for asked in run.asked:
            schemas.check("plan_batch", asked)
        for offered in run.offered:
            schemas.check("serve_batch", offered)
        for notified in run.notified:
            schemas.check("notified_batch", notified)
        if run.case.finished and not {FINISH, FINISH_FAILED} <= set(run.case.states):
            schemas.check("finish_batch", run.finishing)
