"""For how long a session's GPUs were paid for without answering anybody, and what that cost. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from foreverus.costs.launch import Launch
from foreverus.costs.money import NOTHING


@dataclass(frozen=True, slots=True)
class IdleCost:
    """What GPUs were paid for while they were ready and nobody asked: seconds, USD, and of how many sessions this is
    known."""

    seconds: Decimal = NOTHING
    usd: Decimal = NOTHING
    sessions: int = 0

    def __add__(self, other: "IdleCost") -> "IdleCost":
        return IdleCost(self.seconds + other.seconds, self.usd + other.usd, self.sessions + other.sessions)


NO_IDLE = IdleCost()


@dataclass(frozen=True, slots=True)
class GpuTime:
    """Seconds of a session's instances. `boot`: until each answered, or its whole life where it never did. `busy`: it
    had something in hand; None: an instance was lost before it could say."""

    whole: float
    boot: float
    busy: float | None

    @property
    def idle(self) -> float | None:
        """It was ready, and nobody asked.

        >>> GpuTime(whole=600, boot=300, busy=100).idle
        200
        """
        return None if self.busy is None else max(0.0, self.whole - self.boot - self.busy)


def gpu_time(
    launches: Sequence[Launch], until: datetime, healthy_at: Mapping[int, str], busy: Mapping[int, float]
) -> GpuTime:
    """`healthy_at`, `busy`: by attempt. Each instance lives until the next one's launch (see `meter.cost`)."""
    whole = boot = 0.0
    known: float | None = 0.0
    ends = [*(datetime.fromisoformat(one.launched_at) for one in launches[1:]), until]
    for launch, end in zip(launches, ends, strict=False):
        begin = datetime.fromisoformat(launch.launched_at)
        life = max(0.0, (end - begin).total_seconds())
        ready = healthy_at.get(launch.attempt)
        whole += life
        if not ready:
            boot += life
            continue
        booted = min(life, max(0.0, (datetime.fromisoformat(ready) - begin).total_seconds()))
        boot += booted
        seconds = busy.get(launch.attempt)
        known = None if known is None or seconds is None else known + min(seconds, life - booted)
    return GpuTime(whole, boot, known)
