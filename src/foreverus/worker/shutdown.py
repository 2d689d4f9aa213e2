"""How a worker's life ends: the possible ends, and the one that was decided. Pure but for asyncio's events."""

import asyncio
from dataclasses import dataclass

from foreverus.errors import BootFailed, EngineFailed, SessionEndRequested, SpendCapReached, SpotInterrupted


@dataclass(frozen=True, slots=True)
class Ending:
    """`outcome` is a success of the session's task, `error` a failure; with neither there is nobody to tell.

    `hand_back`: unfinished work goes back to the queue now, instead of being finished first.
    """

    outcome: str = ""
    error: str = ""
    cause: str = ""
    hand_back: bool = False

    @property
    def exit_code(self) -> int:
        """0 when the end was planned by somebody: us, a person, AWS or the operating system."""
        planned = (SpotInterrupted.code(), SessionEndRequested.code(), SpendCapReached.code())
        return 0 if self.outcome or self.error in planned else 1


IDLE = Ending(outcome="idle")
ENDED = Ending(outcome="ended")
MAX_LIFE = Ending(outcome="max_life")
SPEND_CAP = Ending(outcome="spend_cap")
SPEND_CAP_AT_BOOT = Ending(
    error=SpendCapReached.code(), cause="A spend cap was reached while the session booted.", hand_back=True
)
END_REQUESTED_AT_BOOT = Ending(
    error=SessionEndRequested.code(), cause="The session was ended while it booted.", hand_back=True
)


def spot_interrupted(cause: str, hand_back: bool = True) -> Ending:
    return Ending(error=SpotInterrupted.code(), cause=cause, hand_back=hand_back)


def engine_failed(cause: str) -> Ending:
    return Ending(error=EngineFailed.code(), cause=cause, hand_back=True)


def boot_failed(error: BootFailed) -> Ending:
    return Ending(error=error.code(), cause=str(error), hand_back=True)


def session_lost(cause: str) -> Ending:
    """The state machine does not listen any more: a refused heartbeat, another instance's name, no contact."""
    return Ending(cause=cause, hand_back=True)


class Shutdown:
    """The decision to end, made once: a hurried end overrides a gentle one, nothing else changes it."""

    def __init__(self) -> None:
        self.ending: Ending | None = None
        self.stopping = asyncio.Event()  # receive nothing new
        self.hand_back = asyncio.Event()  # and give back what is unfinished
        self.noticed = asyncio.Event()  # a spot notice: only what ends by `deadline` is worth going on with
        self.deadline = float("inf")  # on the loop's clock
        self.booted = False

    def notice(self, seconds: float) -> None:
        """Work in flight has so many seconds left."""
        self.deadline = asyncio.get_running_loop().time() + seconds
        self.noticed.set()

    def begin(self, ending: Ending) -> None:
        if self.ending is not None and (self.ending.hand_back or not ending.hand_back):
            return
        self.ending = ending
        self.stopping.set()
        if ending.hand_back:
            self.hand_back.set()
