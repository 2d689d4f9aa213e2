"""How the GPUs are just now, for whoever chooses who answers: is one live, when will it be, has it a slot free."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from foreverus import ids
from foreverus.choice.assumed import ASSUMED_BOOT_S
from foreverus.choice.request_records import GpuStatus
from foreverus.costs.meter import spent_usd
from foreverus.sessions.records import Session, SessionStatus, expected_boot_seconds

BOOTS_TO_LEARN_FROM = 10
LEARNED = timedelta(seconds=60)
LEAST_WAIT_S = 5.0  # a boot that takes longer than the others did is asked for again so soon


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuState:
    """`slots`: of the engines of all healthy sessions; `waiting`: what is answered on them or waits for them, lines of
    batches aside, which give their slots up. `boot_seconds`: until a GPU is healthy, of one that boots what is left.
    `live_usd`: what the live sessions have cost at most, which no ledger has counted yet."""

    slots: int
    waiting: int
    is_booting: bool
    boot_seconds: float
    live_usd: float = 0.0

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
    live: Sequence[Session], waiting: int, slots_each: int, earlier: Iterable[Session], now: datetime, region: str = ""
) -> GpuState:
    """`live`: who holds a GPU slot; `earlier`: sessions whose boots are learned from; `region`: whose listed prices
    count where none is noted (empty: the dearest). Pure."""
    usable = [one for one in live if one.is_usable]
    healthy = sum(one.status is SessionStatus.SERVING for one in usable)
    usual = expected_boot_seconds(earlier) or ASSUMED_BOOT_S
    begun = [ids.parse_timestamp(one.created_at) for one in usable if one.status is not SessionStatus.SERVING]
    # A GPU that was lost and is bought again boots from its loss on, which the record does not tell: `LEAST_WAIT_S`.
    left = min((max(LEAST_WAIT_S, usual - (now - at).total_seconds()) for at in begun), default=usual)
    return GpuState(
        slots=healthy * slots_each,
        waiting=waiting,
        is_booting=bool(begun),
        boot_seconds=left,
        live_usd=sum(_uncounted_usd(one, now, region) for one in live),
    )


def _uncounted_usd(session: Session, now: datetime, region: str) -> float:
    """Nothing of one that is over: its closing has counted it."""
    if session.is_over:
        return 0.0
    return spent_usd(session.launches, now, region) + session.bedrock.usd - session.bedrock.counted_usd


class Sessions(Protocol):
    def live_session_ids(self) -> list[str]: ...
    def get(self, session_id: str) -> Session | None: ...
    def newest(self, limit: int, after: str = "") -> list[Session]: ...


@dataclass(frozen=True)
class GpuLook:
    """`waiting`: each a count of what is answered on the GPU or waits for it. `slots_each`: of one engine. How long
    earlier boots took is an estimate, and remembered for LEARNED."""

    sessions: Sessions
    waiting: Sequence[Callable[[], int]]
    slots_each: int
    clock: Callable[[], datetime]
    region: str = ""
    learned: dict[datetime, list[Session]] = field(default_factory=dict)  # when, and the sessions; of the last look

    def __call__(self) -> GpuState:
        """Consistent reads. What is sent at the same moment sees the same free slot: it waits for it in the queue."""
        found = [self.sessions.get(one) for one in self.sessions.live_session_ids()]
        live = [one for one in found if one is not None]
        waiting = sum(count() for count in self.waiting) if live else 0
        return gpu_state(live, waiting, self.slots_each, self._earlier(live), self.clock(), self.region)

    def _earlier(self, live: Sequence[Session]) -> list[Session]:
        """Nobody needs to know how long boots take while a GPU is healthy."""
        healthy = any(one.is_usable and one.status is SessionStatus.SERVING for one in live)
        if healthy:
            return []
        now = self.clock()
        for at, known in list(self.learned.items()):
            if now - at < LEARNED:
                return known
        newest = self.sessions.newest(BOOTS_TO_LEARN_FROM)
        self.learned.clear()  # and not read again: another thread may have looked meanwhile
        self.learned[now] = newest
        return newest
