"""A task and the state machine that waits for it: tokens by the run's item, heartbeats, and the end."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from foreverus.abilities.containers.records import ContainerRun
from foreverus.abilities.task.ending import TaskEnding, TaskOutcome
from foreverus.abilities.task.settings import HEARTBEAT_S, LOST_S, READY_S
from foreverus.aws.step_functions import TaskRefused, Tasks

LOOK_S = 0.25
TRIES, AGAIN_S = 5, 0.5

log = logging.getLogger(__name__)


class Mailbox(Protocol):
    def current(self) -> ContainerRun | None: ...


@dataclass(kw_only=True)
class RunContact:
    """`keep`: called with each heartbeat."""

    run_id: str
    mailbox: Mailbox
    tasks: Tasks
    ending: TaskEnding
    keep: Callable[[], None]
    clock: Callable[[], float] = time.monotonic
    _token: str = ""

    def ready(self) -> bool:
        """Says that the task is ready, and finds the token of its service. False: nobody waits for it."""
        for said in ({"ready": True}, None):
            if not self._next_token():
                return False
            if said is not None:
                try:
                    self.tasks.succeed(self._token, said)
                except TaskRefused:
                    return False
        return True

    def _next_token(self) -> bool:
        deadline, old = self.clock() + READY_S, self._token
        while self.clock() < deadline and self.ending.why is None:
            run = self.mailbox.current()
            if run is None or run.run_id != self.run_id:
                return False
            if run.token and run.token != old:
                self._token = run.token
                return True
            self.ending.wait(LOOK_S)
        return False

    def beat_until_the_end(self) -> None:
        """For a thread of its own. Where the state machine waits no more, or AWS has not answered for a minute, the
        task ends: nobody knows of it any more."""
        heard = self.clock()
        while not self.ending.wait(HEARTBEAT_S):
            try:
                self.tasks.heartbeat(self._token)
                self.keep()
                heard = self.clock()
            except TaskRefused:
                log.warning("the state machine does not wait for this task any more")
                self.ending.begin(TaskOutcome.LOST)
            except (ClientError, BotoCoreError):
                log.warning("AWS does not answer", exc_info=True)
                if self.clock() - heard > LOST_S:
                    self.ending.begin(TaskOutcome.LOST)

    def over(self, why: TaskOutcome) -> None:
        """Says how it ended. Whom nobody hears has told nobody, and its heartbeat is missed."""
        for attempt in range(TRIES):
            try:
                self.tasks.succeed(self._token, {"outcome": why.value})
                return
            except TaskRefused:
                return
            except (ClientError, BotoCoreError):
                log.warning("try %d to say how it ended failed", attempt + 1, exc_info=True)
                time.sleep(AGAIN_S)
