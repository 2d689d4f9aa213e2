"""Every path of ability_run is taken on the emulator, at once, each in a cluster of its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from tests.statemachines.ability_cases import CASES, CLOSE, STOP
from tests.statemachines.ability_machine import AbilityBench, AbilityCase, AbilityRunOf
from tests.statemachines.definition import ABILITY_RUN
from tests.statemachines.emulated import mocked

pytestmark = pytest.mark.cloud

AT_ONCE = 8
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, AbilityRunOf]]:
    with mocked(CASES) as emulator, ThreadPoolExecutor(AT_ONCE) as pool:
        yield {run.case.name: run for run in pool.map(AbilityBench(emulator).run, CASES)}


@every_case
def test_path(runs: dict[str, AbilityRunOf], case: AbilityCase) -> None:
    run = runs[case.name]
    assert tuple(run.path) == case.path, (run.error, run.cause)
    assert run.status == ("FAILED" if case.error else "SUCCEEDED"), run.cause
    assert case.error is True or run.error == case.error, run.cause


def test_every_transition_of_the_machine_is_taken(runs: dict[str, AbilityRunOf]) -> None:
    taken = {pair for run in runs.values() for pair in pairwise(run.path)}
    assert ABILITY_RUN.transitions() - taken == set()


@every_case
def test_no_task_is_on_when_a_run_has_come_to_its_end(runs: dict[str, AbilityRunOf], case: AbilityCase) -> None:
    live = [one.arn for one in runs[case.name].tasks if one.is_live]
    assert bool(live) == case.left_on, "closing it, a stub here, stops what the machine could not"


@every_case
def test_a_run_starts_one_task_on_spot_and_one_elsewhere_at_most(
    runs: dict[str, AbilityRunOf], case: AbilityCase
) -> None:
    tasks = runs[case.name].tasks
    providers = [one.provider for one in tasks]
    assert len(providers) == len(set(providers)) <= 2
    assert {one.run_id for one in tasks} <= {f"run_{case.name}"}


def test_what_would_be_the_same_elsewhere_is_not_tried_there(runs: dict[str, AbilityRunOf]) -> None:
    for name in ("image-cannot-be-fetched", "told-to-stop-while-it-starts"):
        assert [one.provider for one in runs[name].tasks] == ["FARGATE_SPOT"]


def test_from_every_state_after_a_start_the_way_leads_to_the_stop_and_from_there_to_the_close() -> None:
    for name in ("Wait until ready", "Serve"):
        assert {target for _, target in ABILITY_RUN.edges(name)} <= {"Serve", STOP}
    without = ABILITY_RUN.reachable("Begin", without=(CLOSE,))
    assert not [name for name in without if ABILITY_RUN.states[name]["Type"] in ("Fail", "Succeed")]
