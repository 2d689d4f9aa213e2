"""How spot GPUs fared by type and zone: launches, hours, interruptions. Old ones weigh less and less. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from foreverus import ids
from foreverus.costs.launch import Launch, Lifecycle
from foreverus.errors import SpotInterrupted

HALF_LIFE = timedelta(days=14)  # what is so old counts half: capacity is another one every few weeks
MOST_COUNTED = 16  # ids of instances that a pool remembers to have counted: a closing may run again, soon


@dataclass(frozen=True, slots=True)
class LostGpu:
    """Of which launch of its session (`attempt`), in which error, and when: as the state machine saw it."""

    attempt: int
    error: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotLife:
    """One spot GPU from its launch to its end."""

    instance_id: str
    instance_type: str
    zone: str
    ended_at: datetime
    hours: float
    interrupted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCounts:
    """Of one type in one zone, as they weigh at `at`. `counted`: the newest instances in them."""

    launches: float = 0.0
    hours: float = 0.0
    interruptions: float = 0.0
    at: str = ""
    counted: tuple[str, ...] = ()

    def aged(self, now: datetime) -> "PoolCounts":
        """What they weigh now.

        >>> then = PoolCounts(launches=4.0, hours=8.0, interruptions=2.0, at="2026-11-01T00:00:00.000Z")
        >>> later = then.aged(datetime.fromisoformat("2026-11-15T00:00:00Z"))
        >>> later.launches, later.hours, later.interruptions
        (2.0, 4.0, 1.0)
        """
        weight = _weight(ids.parse_timestamp(self.at), now) if self.at else 1.0
        return PoolCounts(
            launches=self.launches * weight,
            hours=self.hours * weight,
            interruptions=self.interruptions * weight,
            at=ids.timestamp(max(now, ids.parse_timestamp(self.at)) if self.at else now),
            counted=self.counted,
        )

    def with_life(self, life: SpotLife) -> "PoolCounts":
        """The same counts where it is in them already."""
        if life.instance_id in self.counted:
            return self
        before = self.aged(life.ended_at)
        weight = _weight(life.ended_at, ids.parse_timestamp(before.at))
        return PoolCounts(
            launches=before.launches + weight,
            hours=before.hours + weight * life.hours,
            interruptions=before.interruptions + weight * life.interrupted,
            at=before.at,
            counted=(*before.counted, life.instance_id)[-MOST_COUNTED:],
        )


def spot_lives(launches: Sequence[Launch], lost: Iterable[LostGpu], terminated: datetime) -> list[SpotLife]:
    """Of one session. Its last GPU lived until `terminated`, or until it was lost; one without a zone is left out."""
    ends = {one.attempt: one for one in lost}
    found = []
    for one in launches:
        if one.lifecycle is not Lifecycle.SPOT or not one.availability_zone or not one.launched_at:
            continue
        end = ends.get(one.attempt)
        ended_at = ids.parse_timestamp(end.at) if end else terminated
        hours = max(0.0, (ended_at - ids.parse_timestamp(one.launched_at)).total_seconds() / 3600)
        found.append(
            SpotLife(
                instance_id=one.instance_id,
                instance_type=one.instance_type,
                zone=one.availability_zone,
                ended_at=ended_at,
                hours=hours,
                interrupted=end is not None and end.error == SpotInterrupted.code(),
            )
        )
    return found


def _weight(then: datetime, now: datetime) -> float:
    age = max(timedelta(0), now - then)
    return float(0.5 ** (age / HALF_LIFE))
