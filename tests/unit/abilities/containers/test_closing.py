"""Seeing that tasks are gone: by ECS and its tags, whatever the table says."""

from dataclasses import replace
from datetime import timedelta

import pytest

from foreverus.abilities.containers.closing import LOOKS, NotAllStopped, RunCloser, TaskStillRunning
from foreverus.abilities.containers.records import ContainerRun
from foreverus.abilities.containers.runs import MemoryContainerRuns
from foreverus.aws.ecs import FargateTask
from foreverus.costs.containers import TASK, task_usd
from tests.unit.conftest import NOW

RUN_ID, OTHER = "run_019b76daa8000123456789abcdef", "run_019b76daa8000123456789abcdee"  # both of NOW - 12 h
TEN = timedelta(minutes=10)


def task(arn: str, run_id: str = RUN_ID, minutes: float = 10, provider: str = "FARGATE_SPOT") -> FargateTask:
    """A live one."""
    return FargateTask(arn, run_id, provider, 2.0, 4.0, NOW - timedelta(minutes=minutes))


class Ecs:
    """`slow`: looks at which a task that was told to stop is still there."""

    def __init__(self, *tasks: FargateTask, slow: int = 0) -> None:
        self.all = {one.arn: one for one in tasks}
        self.slow, self.stopped, self.refused = slow, [], set[str]()
        self.stopped: list[str] = []

    def tasks(self) -> list[FargateTask]:
        if self.slow:
            self.slow -= 1
        else:
            for arn in self.stopped:
                self.all[arn] = replace(self.all[arn], ended_at=self.all[arn].ended_at or NOW)
        return list(self.all.values())

    def stop(self, arn: str, why: str) -> None:
        if arn in self.refused:
            raise ConnectionError
        self.stopped.append(arn)

    def live(self) -> list[str]:
        return [one.arn for one in self.tasks() if one.is_live]


class World:
    def __init__(self, ecs: Ecs, *running: str, current: ContainerRun | None = None) -> None:
        self.ecs, self.running, self.runs = ecs, set(running), MemoryContainerRuns()
        self.runs.run = current
        self.pauses: list[float] = []
        self.closer = RunCloser(
            tasks=ecs,
            executions=self,
            runs=self.runs,
            clock=lambda: NOW,
            sleep=self.pauses.append,
            most=timedelta(hours=1),
            most_usd=0.12,
        )

    def is_running(self, name: str) -> bool:
        return name in self.running


def test_a_run_is_closed_when_its_tasks_are_gone_and_not_before() -> None:
    world = World(Ecs(task("t1"), task("t2", OTHER), slow=3), current=ContainerRun(run_id=RUN_ID, task_arn="t1"))
    usd = world.closer.close(RUN_ID)
    assert usd == pytest.approx(task_usd(TASK, "FARGATE_SPOT", 600))
    assert world.ecs.live() == ["t2"], "of another run, which is on"
    assert world.runs.current() is None and len(world.pauses) == 3
    assert float(world.runs.counted[RUN_ID].usd) == pytest.approx(usd, abs=1e-9)


def test_while_a_task_does_not_go_its_run_stays_and_no_other_starts() -> None:
    world = World(Ecs(task("t1"), slow=10 * LOOKS), current=ContainerRun(run_id=RUN_ID))
    with pytest.raises(TaskStillRunning, match="t1"):
        world.closer.close(RUN_ID)
    assert world.runs.current() is not None and world.runs.counted == {}


def test_a_task_on_spot_that_never_got_ready_is_paid_beside_the_next_one() -> None:
    over = [replace(task("t1"), ended_at=NOW), replace(task("t2", minutes=5, provider="FARGATE"), ended_at=NOW)]
    world = World(Ecs(*over), current=ContainerRun(run_id=RUN_ID, task_arn="t2"))
    both = task_usd(TASK, "FARGATE_SPOT", 600) + task_usd(TASK, "FARGATE", 300)
    assert world.closer.close(RUN_ID) == pytest.approx(both)


def test_a_run_without_a_task_costs_nothing_and_one_whose_task_is_forgotten_all_that_it_could() -> None:
    world = World(Ecs(), current=ContainerRun(run_id=RUN_ID))
    assert world.closer.close(RUN_ID) == 0
    forgotten = World(Ecs(), current=ContainerRun(run_id=RUN_ID, task_arn="t1"))
    assert forgotten.closer.close(RUN_ID) == pytest.approx(0.12)
    assert forgotten.runs.counted[RUN_ID].price_unknown


def test_the_sweep_ends_what_no_execution_owns() -> None:
    ecs = Ecs(task("owned"), task("orphan", OTHER), task("untagged", ""), task("young", OTHER, 0.5))
    world = World(ecs, RUN_ID, current=ContainerRun(run_id=RUN_ID))
    said = world.closer.sweep()
    assert sorted(ecs.live()) == ["owned", "young"]
    assert len(said) == 2 and "no tag" in "".join(said)
    assert world.runs.current() is not None


def test_the_sweep_ends_what_has_lived_too_long_whoever_owns_it() -> None:
    ecs = Ecs(task("old", minutes=61))
    assert "longer than any run may" in World(ecs, RUN_ID).closer.sweep()[0]
    assert ecs.live() == []


def test_the_sweep_closes_a_run_whose_execution_is_over() -> None:
    world = World(Ecs(replace(task("t1"), ended_at=NOW)), current=ContainerRun(run_id=RUN_ID, task_arn="t1"))
    assert world.closer.sweep() == []
    assert world.runs.current() is None and RUN_ID in world.runs.counted
    busy = World(Ecs(task("t1"), slow=2), current=ContainerRun(run_id=RUN_ID))
    busy.closer.sweep()
    assert busy.runs.current() is not None, "its task has just been told to stop: the next sweep closes it"
    busy.closer.sweep()
    assert busy.runs.current() is None


def test_one_that_cannot_be_stopped_keeps_no_other_alive() -> None:
    ecs = Ecs(task("stubborn", OTHER), task("orphan", OTHER))
    ecs.refused = {"stubborn"}
    with pytest.raises(NotAllStopped, match="stubborn"):
        World(ecs).closer.sweep()
    assert ecs.live() == ["stubborn"]


def test_not_knowing_whether_it_runs_ends_nobodys_work() -> None:
    ecs = Ecs(task("t1"))
    world = World(ecs)
    world.is_running = None  # type: ignore[assignment,method-assign]
    with pytest.raises(NotAllStopped):
        world.closer.sweep()
    assert ecs.live() == ["t1"]
