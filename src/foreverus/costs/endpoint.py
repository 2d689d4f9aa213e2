"""What an endpoint of SageMaker costs that is off while nobody asks: its instance's seconds, not its tokens. Pure.

AWS bills the instance from its start until it is released, which is some time after the last request. So a call costs
what it adds to that: the first one the start, itself and the idle time; the next one only by how much it moves the
release. Each second is counted for the call that it was paid for, and the sum of all calls is what the instance was on,
as far as the start and the release take what the deployment says they do.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

STILL_STARTING_S = 60  # a copy that takes longer than it should is looked for again after so long


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRate:
    """`start_seconds`: from the call that wakes it to the first answer. `idle_seconds`: from the last request until its
    instance is released and not billed any more."""

    usd_per_hour: float
    start_seconds: float
    idle_seconds: float

    def usd(self, seconds: float) -> float:
        """
        >>> EndpointRate(usd_per_hour=1.8, start_seconds=600, idle_seconds=1380).usd(10)
        0.005
        """
        return seconds / 3600 * self.usd_per_hour


@dataclass(frozen=True, slots=True, kw_only=True)
class UpTime:
    """`ready_at`: from then on a copy answers, or did. `until`: when the instance is released, if nobody asks; so far
    it is paid."""

    ready_at: datetime
    until: datetime

    def is_ready(self, now: datetime) -> bool:
        return self.ready_at <= now < self.until

    def starts_for(self, now: datetime) -> float:
        """Seconds until a copy should answer; 0: it does, or none is on its way."""
        return max(0.0, (self.ready_at - now).total_seconds()) if now < self.until else 0.0


def answered(before: UpTime | None, began: datetime, ended: datetime, rate: EndpointRate) -> UpTime:
    """After a call that a copy answered, or broke off in."""
    until = ended + timedelta(seconds=rate.idle_seconds)
    if before is None or before.until < began:
        return UpTime(ready_at=ended, until=until)
    return UpTime(ready_at=max(min(before.ready_at, ended), began), until=max(before.until, until))


def woken(before: UpTime | None, now: datetime, rate: EndpointRate) -> UpTime:
    """After a call that found no copy. One that is on its way is waited for; where none is, this call has woken it."""
    idle, start = timedelta(seconds=rate.idle_seconds), timedelta(seconds=rate.start_seconds)
    if before is None or now >= min(before.until, before.ready_at + start):
        ready_at = now + start
        return UpTime(ready_at=ready_at, until=max(before.until, ready_at + idle) if before else ready_at + idle)
    ready_at = max(before.ready_at, now + timedelta(seconds=STILL_STARTING_S))
    return replace(before, ready_at=ready_at, until=max(before.until, ready_at + idle))


def added_seconds(before: UpTime | None, after: UpTime, began: datetime) -> float:
    """By how many the instance is on for longer through a call that began then."""
    since = max(before.until, began) if before else began
    return max(0.0, (after.until - since).total_seconds())


def most_seconds(before: UpTime | None, now: datetime, call_seconds: float, rate: EndpointRate) -> float:
    """No call of at most so long adds more: it may find no copy at its end."""
    until = now + timedelta(seconds=call_seconds + STILL_STARTING_S + rate.start_seconds + rate.idle_seconds)
    return added_seconds(before, UpTime(ready_at=until, until=until), now)
