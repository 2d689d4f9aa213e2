"""Why and how a task ends: the first reason counts."""

import threading
from enum import StrEnum


class TaskOutcome(StrEnum):
    """As the state machine is told. What is in hand is finished, or handed back (`TOLD`, `LOST`)."""

    IDLE = "idle"
    LIFE = "longest_life"
    TOLD = "told_to_stop"  # SIGTERM: StopTask, or Spot takes its machine back
    LOST = "lost"  # its state machine does not wait for it any more, or AWS does not answer


class TaskEnding:
    def __init__(self) -> None:
        self._event = threading.Event()
        self._why: TaskOutcome | None = None

    def begin(self, why: TaskOutcome) -> None:
        self._why = self._why or why
        self._event.set()

    @property
    def why(self) -> TaskOutcome | None:
        return self._why

    def wait(self, seconds: float) -> bool:
        """Until it begins; whether it has."""
        return self._event.wait(seconds)
