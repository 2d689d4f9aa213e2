"""Before our own container is switched off, or is another one: against a cluster and a machine in the test's hands."""

from collections.abc import Callable

import pytest

from foreverus.aws.ecs import FargateTask
from foreverus.deployment.ending import LOOKS, StillOn
from foreverus.deployment.ending_containers import PATIENCE, ContainersEnd
from tests.unit.conftest import NOW

OLD, NEW = (f"arn:aws:ecs:us-east-1:123456789012:task-definition/foreverus-abilities:{n}" for n in (1, 2))


class World:
    """One task of each of the given definitions, each with its run. `closes`: whether a run closes when its task is
    gone; `during`: what happens at a pause."""

    def __init__(self, *definitions: str, closes: bool = True) -> None:
        self.definitions = {f"t{place}": one for place, one in enumerate(definitions)}
        self.runs = {arn.replace("t", "run_"): arn for arn in self.definitions}
        self.closes = closes
        self.refused: set[str] = set()
        self.told: list[str] = []
        self.pauses = 0
        self.during: dict[int, Callable[[], None]] = {}
        self.aborted: list[str] = []
        self.end = ContainersEnd(machine=self, containers=self.Cluster(self), sleep=self.sleep)

    class Cluster:
        def __init__(self, world: "World") -> None:
            self.world = world

        def tasks(self) -> list[FargateTask]:
            over = FargateTask("over", "run_9", "FARGATE", 2, 4, NOW, NOW, OLD)
            live = self.world.definitions.items()
            return [over, *(FargateTask(arn, "run_1", "FARGATE", 2, 4, NOW, definition=one) for arn, one in live)]

        def stop(self, arn: str, why: str) -> None:
            if arn in self.world.refused:
                raise ConnectionError
            self.world.told.append(arn)
            del self.world.definitions[arn]

    def running(self) -> list[str]:
        return list(self.runs)

    def stop(self, name: str) -> None:
        self.aborted.append(name)
        del self.runs[name]

    def sleep(self, seconds: float) -> None:
        self.pauses += 1
        self.during.pop(self.pauses, lambda: None)()
        if self.closes:
            self.runs = {name: arn for name, arn in self.runs.items() if arn in self.definitions}


def test_switched_off_tasks_are_told_and_runs_close_by_themselves() -> None:
    world = World(NEW)
    assert world.end.end({}) == {"Stopped": "0", "Terminated": "1"}
    assert world.told == ["t0"] and world.runs == {} and world.pauses < PATIENCE


def test_a_run_that_does_not_close_is_stopped_after_a_while() -> None:
    world = World(NEW, closes=False)
    assert world.end.end({}) == {"Stopped": "1", "Terminated": "1"}
    assert world.aborted == ["run_0"] and world.pauses >= PATIENCE


def test_a_task_that_starts_just_then_is_seen_at_the_next_look() -> None:
    world = World()
    world.runs["run_5"] = "t5"  # its state machine is about to start one
    world.closes = False

    def starts() -> None:
        world.definitions["t5"] = NEW
        world.closes = True

    world.during = {1: starts}
    assert world.end.end({}) == {"Stopped": "0", "Terminated": "1"}
    assert world.definitions == {}


def test_with_nothing_on_it_looks_twice() -> None:
    world = World()
    assert world.end.end({}) == {"Stopped": "0", "Terminated": "0"}
    assert world.pauses == 1


def test_what_cannot_be_stopped_is_named() -> None:
    world = World(NEW)
    world.refused = {"t0"}
    with pytest.raises(StillOn, match="t0"):
        world.end.end({})
    assert world.pauses == LOOKS - 1


def test_after_a_deployment_tasks_of_an_older_definition_are_told_and_nothing_else() -> None:
    world = World(OLD, NEW)
    assert world.end.renew({"TaskDefinition": NEW}) == {"Stopped": "0", "Terminated": "1"}
    assert world.told == ["t0"] and world.aborted == [] and world.pauses == 0


def test_a_deployment_does_not_fail_for_an_old_task_that_cannot_be_told() -> None:
    world = World(OLD)
    world.refused = {"t0"}
    assert world.end.renew({"TaskDefinition": NEW}) == {"Stopped": "0", "Terminated": "0"}
