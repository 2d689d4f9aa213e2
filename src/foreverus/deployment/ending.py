"""Before the stack goes: what it runs is ended, because nobody is left afterwards who could.

Without it CloudFormation would take away the state machines, the roles and the reaper from under a live GPU, and then
fail at the subnet that the GPU's network interface is in.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from foreverus.aws.ec2 import GpuInstance
from foreverus.errors import ForeverUsError

LOOKS = 40
PAUSE_S = 5.0  # 200 s in all: the function has 240
QUIET_LOOKS = 2  # an instance that was just launched is not at once in what EC2 shows

logger = logging.getLogger(__name__)


class Machine(Protocol):
    def running(self) -> list[str]: ...
    def stop(self, name: str) -> None:
        """One that is over already is a success."""


class Gpus(Protocol):
    def live(self) -> list[GpuInstance]: ...
    def terminate(self, instance_id: str) -> None: ...


class Detachable(Protocol):
    def detach(self) -> None: ...


class Stack(Protocol):
    def is_updating(self) -> bool:
        """Whether it stays, and only a part of it goes."""


class StillOn(ForeverUsError):
    """The stack is kept, so that the reaper is still there. The text says what is on."""


@dataclass(frozen=True, kw_only=True)
class StackEnd:
    """`denial`: the policy that AWS Budgets attaches to the roles that spend at the month's budget; CloudFormation does
    not know of it, and cannot delete a role or a policy that is attached."""

    machines: Sequence[Machine]
    gpus: Gpus
    denial: Detachable
    stack: Stack
    sleep: Callable[[float], None]

    def end(self, properties: Mapping[str, Any]) -> dict[str, str]:
        """Stops every execution and ends every instance of the stack; returns how many. Safe to run twice.

        Nothing of a stack that stays: an update that has first added this resource and is rolled back takes it away
        again, under sessions that go on. Raises StillOn where something is still on after all looks.
        """
        if self._stays():
            return {"Stopped": "0", "Terminated": "0"}
        stopped: set[str] = set()
        terminated: set[str] = set()
        left: list[str] = []
        quiet = 0
        for look in range(LOOKS):
            if look:
                self.sleep(PAUSE_S)
            left = self._end_what_is_on(stopped, terminated)
            quiet = 0 if left else quiet + 1
            if quiet == QUIET_LOOKS:
                self.denial.detach()  # last: without it something could be launched again
                return {"Stopped": str(len(stopped)), "Terminated": str(len(terminated))}
        raise StillOn(
            f"Still on: {', '.join(left)}. The stack is kept. See docs/runbook.md, 'A GPU is still running', and then "
            "delete the stack again."
        )

    def _stays(self) -> bool:
        """Where nobody can say, the stack goes: no GPU may be left on."""
        try:
            return self.stack.is_updating()
        except Exception:
            logger.exception("what happens to the stack is not known: everything in it is ended")
            return False

    def _end_what_is_on(self, stopped: set[str], terminated: set[str]) -> list[str]:
        """What was on at this look. A call that AWS refuses for one of them leaves it to the next look."""
        on = []
        for machine in self.machines:  # first of all: a stopped execution launches nothing more
            for name in machine.running():
                on.append(name)
                if self._did(machine.stop, name):
                    stopped.add(name)
        for gpu in self.gpus.live():
            on.append(gpu.instance_id)
            if self._did(self.gpus.terminate, gpu.instance_id):
                terminated.add(gpu.instance_id)
        return on

    def _did(self, end: Callable[[str], None], name: str) -> bool:
        try:
            end(name)
        except Exception:
            logger.exception("%s could not be ended: at the next look again", name)
            return False
        return True
