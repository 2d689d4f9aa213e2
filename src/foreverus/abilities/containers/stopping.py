"""A task that has stopped, as ECS tells it: whoever waits for it hears at once what is the matter.

It is told late, twice or never: a token that nobody waits for any more is refused, and where nothing is told the state
machine's own limits are over some time. So nothing depends on it.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from foreverus.abilities.containers.records import TRY_ELSEWHERE, ContainerRun, RunPhase, StartRefusal
from foreverus.aws.ecs import StoppedTask
from foreverus.aws.step_functions import TaskRefused
from foreverus.errors import ContainerCannotStart, TaskLost, TaskToldToStop

LOOKS, PAUSE_S = 5, 1.0  # a task can have stopped before its state machine has written its token
REFUSED_FOR = timedelta(minutes=2)  # who asks again and again does not start task after task that cannot start
SIGNALS = 128  # exit codes from here on are signals: whoever killed it, it did not end by itself
ELSEWHERE = "FARGATE"  # the last that is tried

log = logging.getLogger(__name__)


class Mailbox(Protocol):
    def current(self) -> ContainerRun | None: ...
    def refuse(self, refusal: StartRefusal) -> None: ...


class Tasks(Protocol):
    def fail(self, token: str, error: str, cause: str) -> None: ...


class Remedy(StrEnum):
    """What helps, by the name of the error that the state machine is told."""

    ELSEWHERE = TaskLost.__name__
    SOMEBODY = ContainerCannotStart.__name__
    NONE = TaskToldToStop.__name__


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`words`: for whoever waits, without anything of the account."""

    remedy: Remedy
    words: str


IMAGE = "its image cannot be fetched"
# By the name that ECS gives the error:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
ERRORS: Mapping[str, str] = {
    "CannotPullContainerError": IMAGE,
    "CannotPullECRContainerError": IMAGE,
    "CannotPullImageManifestError": IMAGE,
    "CannotStartContainerError": "its program cannot be started",
    "CannotCreateContainerError": "its container cannot be made",
    "OutOfMemoryError": "it needs more memory than it has",
    "ResourceInitializationError": "its registry or its log cannot be reached",
}


def diagnosis(task: StoppedTask) -> Diagnosis:
    """Of one that was not ready yet. What has no name here is tried elsewhere, once.

    >>> gone = StoppedTask(arn="a", run_id="r", provider="FARGATE_SPOT", code="SpotInterruption")
    >>> diagnosis(gone).remedy.value, diagnosis(gone).words
    ('TaskLost', 'its machine was taken back (SpotInterruption)')
    """
    if task.code == "UserInitiated":
        return Diagnosis(Remedy.NONE, "it was told to stop (UserInitiated)")
    if words := ERRORS.get(task.error):
        return Diagnosis(Remedy.SOMEBODY, f"{words} ({task.error})")
    ended = task.exit_code if task.code == "EssentialContainerExited" else None
    if ended is not None and ended < SIGNALS and ended != TRY_ELSEWHERE:
        return Diagnosis(Remedy.SOMEBODY, f"its program ended with code {ended}")
    if task.code in ("SpotInterruption", "TerminationNotice"):
        found = Diagnosis(Remedy.ELSEWHERE, f"its machine was taken back ({task.code})")
    else:
        found = Diagnosis(Remedy.ELSEWHERE, f"it stopped ({task.error or task.code or 'no reason is given'})")
    # Nowhere else is tried after this one.
    return Diagnosis(Remedy.SOMEBODY, found.words) if task.provider == ELSEWHERE else found


@dataclass(frozen=True, kw_only=True)
class StoppedTasks:
    mailbox: Mailbox
    tasks: Tasks
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]

    def heard(self, task: StoppedTask) -> bool:
        """Whether its run still waited for it, and was told. May be called late and again."""
        run = self._waiting(task)
        if run is None:
            return False
        found = diagnosis(task)
        said = " ".join(filter(None, (task.reason, task.container))) or "nothing"
        cause = f"Our own container has stopped: {found.words}. ECS says: {said}"
        try:
            self.tasks.fail(run.token, found.remedy.value, cause)
        except TaskRefused:  # it has ended as planned, and has said so
            return False
        log.warning("%s of %s: %s", task.arn, run.run_id, cause)
        if run.phase is RunPhase.STARTING and found.remedy is Remedy.SOMEBODY:
            message = f"The container that does this does not start: {found.words}. Whoever runs this has to see to it."
            self.mailbox.refuse(StartRefusal(message, self.clock() + REFUSED_FOR))
        return True

    def _waiting(self, task: StoppedTask) -> ContainerRun | None:
        """The run, when its token is this task's."""
        for look in range(LOOKS):
            if look:
                self.sleep(PAUSE_S)
            run = self.mailbox.current()
            if run is None or run.run_id != task.run_id:
                return None
            if run.task_arn == task.arn and run.token:
                return run
        return None
