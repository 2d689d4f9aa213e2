"""Every path of bake_image is taken on the emulator, at once, each on a table of its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from tests.statemachines.bake_cases import CASES, NORMAL
from tests.statemachines.bake_machine import BakeBench, BakeCase, BakeRun
from tests.statemachines.definition import BAKE_IMAGE
from tests.statemachines.emulated import mocked

pytestmark = pytest.mark.cloud

AT_ONCE = 8


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, BakeRun]]:
    with mocked(CASES) as emulator, ThreadPoolExecutor(AT_ONCE) as pool:
        yield {run.case.name: run for run in pool.map(BakeBench(emulator).run, CASES)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_path(runs: dict[str, BakeRun], case: BakeCase) -> None:
    run = runs[case.name]
    assert tuple(run.path) == case.path, (run.error, run.cause)
    assert (run.status, run.error) == ("FAILED" if case.error else "SUCCEEDED", case.error), run.cause


def test_every_transition_of_the_machine_is_taken(runs: dict[str, BakeRun]) -> None:
    outer = [[name for name in run.path if name in BAKE_IMAGE.states] for run in runs.values()]
    taken = {pair for path in outer for pair in pairwise(path)}
    assert BAKE_IMAGE.transitions() - taken == set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_published_exists_and_is_new_only_where_the_image_was_made(
    runs: dict[str, BakeRun], case: BakeCase
) -> None:
    run = runs[case.name]
    assert run.published == "" or run.published in run.images
    new = "Publish image" in case.path and "Publish image" not in case.states
    assert (run.published != run.before) == new


LEFT = {  # what a failed deletion leaves costs at rest until the next bake
    "nobody-knows-what-is-published": (2, 2),
    "images-cannot-be-listed": (2, 2),
    "old-image-cannot-be-deregistered": (2, 2),
    "snapshots-cannot-be-listed": (1, 2),
    "old-snapshot-cannot-be-deleted": (1, 2),
    "first-image-cannot-be-made": (0, 0),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_image_is_kept_and_one_snapshot(runs: dict[str, BakeRun], case: BakeCase) -> None:
    run = runs[case.name]
    assert (len(run.images), run.snapshots) == LEFT.get(case.name, (1, 1))


def test_gpu_is_released_on_every_path_after_its_offer_and_terminated_on_none(runs: dict[str, BakeRun]) -> None:
    """Its termination is gpu_session's."""
    for run in runs.values():
        offered = "Create image" in run.path and run.case.recorded
        assert (run.released, run.instance) == (offered, "running"), run.case.name


def test_people_are_told_how_it_ended(runs: dict[str, BakeRun]) -> None:
    for run in runs.values():
        told = [] if "Notify" in run.case.states else [run.error]
        subjects = [f"Forever Us: a bake failed, {one}" if one else TOLD for one in told]
        assert run.notifications == subjects, run.case.name


TOLD = "Forever Us: sessions start from a new image"


def test_first_error_is_the_bakes_error(runs: dict[str, BakeRun]) -> None:
    assert "is failed after 1 looks" in (runs["image-fails"].cause or "")
    assert "is pending after 40 looks" in (runs["image-takes-too-long"].cause or "")
    assert runs["a-session-is-live"].cause == "ses_2 is live. Bake when it has ended."


def test_bake_takes_twelve_transitions_and_three_for_each_look(runs: dict[str, BakeRun]) -> None:
    """Its image is there at the third look. docs/costs.md has what they cost."""
    assert len(runs["first-bake"].path) == len(NORMAL) == 12 + 3 * 3
