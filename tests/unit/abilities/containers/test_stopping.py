"""ECS tells that a task has stopped: early, late, twice, or of another run."""

from dataclasses import replace
from datetime import timedelta

import pytest

from foreverus.abilities.containers.records import ContainerRun, RunPhase
from foreverus.abilities.containers.runs import MemoryContainerRuns
from foreverus.abilities.containers.stopping import LOOKS, REFUSED_FOR, Remedy, StoppedTasks, diagnosis
from foreverus.aws.ecs import StoppedTask, stopped_task
from foreverus.aws.step_functions import MemoryTasks
from tests.unit.conftest import NOW

RUN_ID = "run_019b76daa8000123456789abcdef"
RUN = ContainerRun(run_id=RUN_ID, token="waits", task_arn="t1")
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/foreverus-abilities"
NO_IMAGE = StoppedTask(
    arn="t1",
    run_id=RUN_ID,
    provider="FARGATE_SPOT",
    code="TaskFailedToStart",
    reason=f"CannotPullContainerError: pull image manifest has been retried 5 time(s): {REGISTRY}: not found",
)
ENDED = replace(
    NO_IMAGE, code="EssentialContainerExited", reason="Essential container in task exited", container="", exit_code=1
)


class World:
    """`later`: what is done at each pause of whoever looks."""

    def __init__(self, run: ContainerRun | None = RUN) -> None:
        self.runs, self.tasks = MemoryContainerRuns(), MemoryTasks()
        self.runs.run = run
        self.tasks.open.add("waits")
        self.pauses = 0
        self.later: dict[int, ContainerRun | None] = {}
        self.stops = StoppedTasks(mailbox=self.runs, tasks=self.tasks, clock=lambda: NOW, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.pauses += 1
        self.runs.run = self.later.get(self.pauses, self.runs.run)


@pytest.mark.parametrize(
    ("task", "remedy", "words"),
    [
        (NO_IMAGE, Remedy.SOMEBODY, "its image cannot be fetched (CannotPullContainerError)"),
        (ENDED, Remedy.SOMEBODY, "its program ended with code 1"),
        (replace(ENDED, exit_code=0), Remedy.SOMEBODY, "its program ended with code 0"),
        (
            replace(ENDED, exit_code=137, container="OutOfMemoryError: Container killed due to memory usage"),
            Remedy.SOMEBODY,
            "it needs more memory than it has (OutOfMemoryError)",
        ),
        (replace(ENDED, exit_code=75), Remedy.ELSEWHERE, "it stopped (EssentialContainerExited)"),
        (replace(ENDED, exit_code=137), Remedy.ELSEWHERE, "it stopped (EssentialContainerExited)"),
        (
            replace(NO_IMAGE, code="SpotInterruption", reason="Your Spot Task was interrupted."),
            Remedy.ELSEWHERE,
            "its machine was taken back (SpotInterruption)",
        ),
        (
            replace(NO_IMAGE, reason="Capacity is unavailable at this time. Please try again later."),
            Remedy.ELSEWHERE,
            "it stopped (TaskFailedToStart)",
        ),
        (replace(NO_IMAGE, reason="", code=""), Remedy.ELSEWHERE, "it stopped (no reason is given)"),
        (
            replace(NO_IMAGE, code="UserInitiated", reason="There is a newer one."),
            Remedy.NONE,
            "it was told to stop (UserInitiated)",
        ),
    ],
)
def test_what_is_the_matter_and_what_helps(task: StoppedTask, remedy: Remedy, words: str) -> None:
    found = diagnosis(task)
    assert (found.remedy, found.words) == (remedy, words)


def test_after_the_last_place_nothing_but_somebody_helps() -> None:
    taken = replace(NO_IMAGE, code="TerminationNotice", reason="", provider="FARGATE")
    assert diagnosis(taken).remedy is Remedy.SOMEBODY
    assert diagnosis(replace(taken, code="UserInitiated")).remedy is Remedy.NONE


def test_who_waits_for_it_hears_why_and_nobody_starts_another_for_a_while() -> None:
    world = World()
    assert world.stops.heard(NO_IMAGE)
    ((token, error, cause),) = world.tasks.results
    assert (token, error) == ("waits", "ContainerCannotStart")
    assert "its image cannot be fetched" in cause and REGISTRY in cause, "the execution has ECS's own words"
    refused = world.runs.refused
    assert refused is not None and refused.until == NOW + REFUSED_FOR
    assert "CannotPullContainerError" in refused.message
    assert REGISTRY not in refused.message, "nobody who asks reads of the account"


def test_what_is_tried_elsewhere_is_refused_to_nobody() -> None:
    world = World()
    assert world.stops.heard(replace(NO_IMAGE, code="SpotInterruption", reason=""))
    assert world.tasks.results[0][1] == "TaskLost" and world.runs.refused is None


def test_one_that_served_and_is_gone_is_told_and_the_next_one_may_start() -> None:
    world = World(replace(RUN, phase=RunPhase.SERVING))
    assert world.stops.heard(replace(ENDED, exit_code=1))
    assert world.tasks.results[0][1] == "ContainerCannotStart" and world.runs.refused is None


def test_told_twice_or_after_a_planned_end_it_changes_nothing() -> None:
    world = World()
    assert world.stops.heard(NO_IMAGE)
    world.runs.refused = None
    assert not world.stops.heard(NO_IMAGE), "the token is spent"
    assert len(world.tasks.results) == 1 and world.runs.refused is None


@pytest.mark.parametrize("run", [None, replace(RUN, run_id="run_019b76daa8000123456789abcdee")])
def test_of_a_run_that_is_over_it_is_of_no_interest(run: ContainerRun | None) -> None:
    world = World(run)
    assert not world.stops.heard(NO_IMAGE)
    assert world.tasks.results == [] and world.pauses == 0


def test_of_the_tasks_of_one_run_only_the_one_that_is_waited_for() -> None:
    world = World(replace(RUN, task_arn="t2"))
    assert not world.stops.heard(NO_IMAGE)
    assert world.tasks.results == [] and world.pauses == LOOKS - 1


def test_told_before_the_token_is_written_it_is_looked_for() -> None:
    world = World(ContainerRun(run_id=RUN_ID))
    world.later = {2: RUN}
    assert world.stops.heard(NO_IMAGE)
    assert world.pauses == 2 and world.runs.refused is not None


def test_the_event_as_ecs_sends_it() -> None:
    detail = {
        "taskArn": "t1",
        "startedBy": RUN_ID,
        "capacityProviderName": "FARGATE_SPOT",
        "lastStatus": "STOPPED",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "containers": [{"name": "abilities", "exitCode": 1, "lastStatus": "STOPPED"}],
    }
    assert stopped_task({"detail": detail}) == ENDED
    bare = stopped_task({"detail": {"taskArn": "t1"}})
    assert (bare.run_id, bare.exit_code, bare.error) == ("", None, "")
    with pytest.raises(KeyError):
        stopped_task({"detail": {}})


def test_it_is_refused_for_less_than_anybody_is_asked_to_wait() -> None:
    assert timedelta(0) < REFUSED_FOR <= timedelta(minutes=5)
