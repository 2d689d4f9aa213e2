"""Before our own container goes, or becomes another one: tasks that are on end as planned, and their runs are closed.

When a deployment switches Voice and Images off, CloudFormation first takes away the functions' rights, so nobody starts
a run any more; then this resource goes; and only after it the cluster, the state machine and the roles that a run needs
to end. The same order holds when the stack is deleted.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from foreverus.aws.ecs import FargateTask
from foreverus.deployment.ending import LOOKS, PAUSE_S, QUIET_LOOKS, Machine, StillOn

PATIENCE = 12  # looks: a task hands back within 30 s, and its run is closed right after

log = logging.getLogger(__name__)


class Containers(Protocol):
    def tasks(self) -> list[FargateTask]: ...
    def stop(self, arn: str, why: str) -> None:
        """One that is gone already is a success."""


@dataclass(frozen=True, kw_only=True)
class ContainersEnd:
    machine: Machine
    containers: Containers
    sleep: Callable[[float], None]

    def end(self, properties: Mapping[str, Any]) -> dict[str, str]:
        """Stops every task, and waits until each run has closed; stops the executions of those that do not. Returns
        how many. Safe to run twice. Raises StillOn where something is on after all looks."""
        stopped: set[str] = set()
        ended: set[str] = set()
        left: Sequence[str] = ()
        quiet = 0
        for look in range(LOOKS):
            if look:
                self.sleep(PAUSE_S)
            live, runs = self._live(), self.machine.running()
            for task in live:
                if self._did(lambda arn: self.containers.stop(arn, "It was switched off."), task.arn):
                    ended.add(task.arn)
            for name in runs if look >= PATIENCE else ():
                if self._did(self.machine.stop, name):
                    stopped.add(name)
            left = [*(one.arn for one in live), *runs]
            quiet = 0 if left else quiet + 1
            if quiet == QUIET_LOOKS:
                return {"Stopped": str(len(stopped)), "Terminated": str(len(ended))}
        raise StillOn(f"Still on: {', '.join(left)}. See docs/runbook.md, 'A GPU is still running': of a task.")

    def renew(self, properties: Mapping[str, Any]) -> dict[str, str]:
        """Stops tasks of another definition than `TaskDefinition`: an image that is older than its callers. Whoever
        waits starts the next run. Raises nothing: such a task ends by itself too, when it is idle."""
        wanted, ended = properties.get("TaskDefinition"), 0
        for task in self._live():
            if task.definition != wanted:
                ended += self._did(lambda arn: self.containers.stop(arn, "There is a newer one."), task.arn)
        return {"Stopped": "0", "Terminated": str(ended)}

    def _live(self) -> list[FargateTask]:
        return [one for one in self.containers.tasks() if one.is_live]

    def _did(self, end: Callable[[str], None], name: str) -> bool:
        try:
            end(name)
        except Exception:
            log.exception("%s could not be ended: at the next look again", name)
            return False
        return True
