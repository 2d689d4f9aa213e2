"""Seeing that a run's tasks are gone, and counting what they took: the last step of its state machine, and the reaper's
where that never came to it.

It believes ECS and its tags, not our table. A task may live only while its run's execution does, and never beyond its
longest life: the same rule as for GPU instances (sessions/reaping.py).
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from foreverus import ids
from foreverus.abilities.containers.runs import Runs
from foreverus.attempts import Attempts
from foreverus.aws.ecs import FargateTask
from foreverus.costs.containers import Size, task_usd
from foreverus.costs.ledger import CountedCost
from foreverus.costs.money import at_most, exact
from foreverus.errors import ForeverUsError
from foreverus.metrics import SILENT, Metrics

GRACE = timedelta(minutes=1)  # a machine that has just ended may be stopping its task right now

LOOKS, PAUSE_S = 50, 2.0  # a task that was told to stop has half a minute, and its network goes after it

log = logging.getLogger(__name__)


class Tasks(Protocol):
    def tasks(self) -> list[FargateTask]: ...
    def stop(self, arn: str, why: str) -> None: ...


class Executions(Protocol):
    def is_running(self, name: str) -> bool: ...


class TaskStillRunning(ForeverUsError):
    """It was told to stop and has not yet: whoever asked comes again."""


class NotAllStopped(ForeverUsError):
    """The text says what could not be done. The next sweep tries again; the error is what an alarm sees."""


@dataclass(frozen=True, kw_only=True)
class RunCloser:
    """`most`: how long a task may live. `most_usd`: what a run may cost, where nobody can say what it has."""

    tasks: Tasks
    executions: Executions
    runs: Runs
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    most: timedelta
    most_usd: float
    metrics: Metrics = SILENT  # of what had to be stopped: alarms listen

    def close(self, run_id: str, looks: int = LOOKS) -> float:
        """What it has cost, in USD. Raises TaskStillRunning where one of its tasks is not gone at the last look: then
        the run is not closed, and no other one starts. Safe to repeat, also where its execution ended otherwise."""
        ours = self._gone(run_id, looks)
        run = self.runs.current()
        had_a_task = run is not None and run.run_id == run_id and bool(run.task_arn)
        usd, unknown = self._usd(ours, had_a_task)
        self.runs.close(run_id, CountedCost(exact(usd), ids.timestamp(self.clock()), unknown))
        return usd

    def _gone(self, run_id: str, looks: int) -> list[FargateTask]:
        """All of the run's, when none of them is live any more."""
        live: list[FargateTask] = []
        for look in range(looks):
            if look:
                self.sleep(PAUSE_S)
            ours = [one for one in self.tasks.tasks() if one.run_id == run_id]
            live = [one for one in ours if one.is_live]
            if not live:
                return ours
            for task in live:
                self.tasks.stop(task.arn, "Its run is over.")
        raise TaskStillRunning(f"{', '.join(one.arn for one in live)} has been told to stop.")

    def _usd(self, tasks: Sequence[FargateTask], had_a_task: bool) -> tuple[float, bool]:
        """ECS forgets a task an hour after its end: then all that it could cost is counted."""
        if not tasks and had_a_task:
            return float(at_most(self.most_usd)), True
        return sum(map(_usd_of, tasks)), False

    def sweep(self) -> list[str]:
        """Stops every task that no execution owns, and closes runs that are over; returns what was stopped, for people.
        Raises NotAllStopped when something could not be done; all else was."""
        attempts, stopped = Attempts(), []
        running: dict[str, bool] = {"": False}
        found = self.tasks.tasks()
        current = self.runs.current()
        names = {one.run_id for one in found if one.is_live} | ({current.run_id} if current else set())
        for name in names - {""}:
            running[name] = True  # not knowing is no reason to end somebody's work
            with attempts.at(f"asking whether {name} runs"):
                running[name] = self.executions.is_running(name)
        for task in (one for one in found if one.is_live):
            if why := self._why_stop(task, running[task.run_id]):
                with attempts.at(f"stopping {task.arn}"):
                    self.tasks.stop(task.arn, why)
                    stopped.append(f"{task.arn} of run {task.run_id or '(no tag)'}: {why}")
        if stopped:
            now = self.clock()
            self.metrics.orphans([(now - one.began_at).total_seconds() / 60 for one in found if one.is_live])
        if current and not running[current.run_id] and self.clock() - current.started_at > GRACE:
            self._close(current.run_id, attempts)
        attempts.raise_any(NotAllStopped)
        return stopped

    def _close(self, run_id: str, attempts: Attempts) -> None:
        with attempts.at(f"closing {run_id}"):
            try:
                self.close(run_id, looks=1)
            except TaskStillRunning:
                log.info("%s is closed at the next sweep", run_id)

    def _why_stop(self, task: FargateTask, running: bool) -> str | None:
        age = self.clock() - task.began_at
        if age > self.most:
            return f"it has lived {int(age.total_seconds())} s, longer than any run may"
        if not running and age > GRACE:
            return "its run is over"
        return None


def _usd_of(task: FargateTask) -> float:
    assert task.ended_at is not None
    seconds = (task.ended_at - task.began_at).total_seconds()
    return task_usd(Size(task.vcpus, task.gigabytes), task.provider, seconds)
