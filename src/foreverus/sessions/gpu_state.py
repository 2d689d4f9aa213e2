"""How the GPUs are just now, for whoever chooses who answers: is one live, when will it be, has it a slot free."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus import ids
from foreverus.choice.assumed import ASSUMED_BOOT_S
from foreverus.choice.request_records import GpuStatus
from foreverus.sessions.records import Session, SessionStatus, expected_boot_seconds

BOOTS_TO_LEARN_FROM = 10
LEAST_WAIT_S = 5.0  # a boot that takes longer than the others did is asked for again so soon


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuState:
    """`slots`: of the engines of all healthy sessions; `waiting`: what is answered on them or waits for them, lines of
    batches aside, which give their slots up. `boot_seconds`: until a GPU is healthy, of one that boots what is left."""

    slots: int
    waiting: int
    is_booting: bool
    boot_seconds: float

    @property
    def free(self) -> int:
        return max(0, self.slots - self.waiting)

    @property
    def status(self) -> GpuStatus:
        """
        >>> GpuState(slots=8, waiting=8, is_booting=True, boot_seconds=100.0).status.value
        'full'
        >>> GpuState(slots=0, waiting=3, is_booting=True, boot_seconds=100.0).status.value
        'booting'
        """
        if self.slots:
            return GpuStatus.HEALTHY if self.free else GpuStatus.FULL
        return GpuStatus.BOOTING if self.is_booting else GpuStatus.NONE

    @property
    def retry_after_s(self) -> int:
        """Of one that is cold: whole seconds until it should be healthy."""
        return max(1, math.ceil(self.boot_seconds))


def gpu_state(
    live: Iterable[Session], waiting: int, slots_each: int, earlier: Iterable[Session], now: datetime
) -> GpuState:
    """`live`: who holds a GPU slot; `earlier`: sessions whose boots are learned from. Pure."""
    usable = [one for one in live if one.is_usable]
    healthy = sum(one.status is SessionStatus.SERVING for one in usable)
    usual = expected_boot_seconds(earlier) or ASSUMED_BOOT_S
    begun = [ids.parse_timestamp(one.created_at) for one in usable if one.status is not SessionStatus.SERVING]
    # A GPU that was lost and is bought again boots from its loss on, which the record does not tell: `LEAST_WAIT_S`.
    left = min((max(LEAST_WAIT_S, usual - (now - at).total_seconds()) for at in begun), default=usual)
    return GpuState(slots=healthy * slots_each, waiting=waiting, is_booting=bool(begun), boot_seconds=left)


class Sessions(Protocol):
    def live_session_ids(self) -> list[str]: ...
    def get(self, session_id: str) -> Session | None: ...
    def newest(self, limit: int, after: str = "") -> list[Session]: ...


@dataclass(frozen=True)
class GpuLook:
    """`waiting`: each a count of what is answered on the GPU or waits for it. `slots_each`: of one engine."""

    sessions: Sessions
    waiting: Sequence[Callable[[], int]]
    slots_each: int
    clock: Callable[[], datetime]

    def __call__(self) -> GpuState:
        """Consistent reads. What is sent at the same moment sees the same free slot: it waits for it in the queue."""
        found = [self.sessions.get(one) for one in self.sessions.live_session_ids()]
        live = [one for one in found if one is not None]
        waiting = sum(count() for count in self.waiting) if live else 0
        return gpu_state(live, waiting, self.slots_each, self._earlier(live), self.clock())

    def _earlier(self, live: Sequence[Session]) -> list[Session]:
        """Nobody needs to know how long boots take while a GPU is healthy."""
        healthy = any(one.is_usable and one.status is SessionStatus.SERVING for one in live)
        return [] if healthy else self.sessions.newest(BOOTS_TO_LEARN_FROM)
