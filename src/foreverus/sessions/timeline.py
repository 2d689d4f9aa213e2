"""A session's life as events, from what its record tells: who comes late sees all of it. Pure.

Nothing is written for it but what EC2 refused (refused.py): each event is a fact that somebody wrote for a reason of
their own, so a session's length changes neither the number of writes nor of the state machine's transitions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from foreverus.sessions.records import Session
from foreverus.sessions.refused import RefusedPool

MOST_EVENTS = 60  # three GPUs with all of their phases make 30


class EventState(StrEnum):
    """What a session came to. The phases of a boot (`booting` to `healthy`) have the worker's names."""

    REQUESTED = "requested"
    REFUSED = "refused"
    LAUNCHED = "launched"
    BOOTING = "booting"
    DOWNLOADING = "downloading"
    PREPARED = "prepared"
    LOADING = "loading"
    HEALTHY = "healthy"
    REBALANCE = "rebalance_recommended"
    END_REQUESTED = "end_requested"
    TERMINATED = "terminated"
    ENDED = "ended"
    FAILED = "failed"
    STORED = "stored"


PHASES = frozenset(
    {EventState.BOOTING, EventState.DOWNLOADING, EventState.PREPARED, EventState.LOADING, EventState.HEALTHY}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent:
    """`attempt`: which of its GPUs, the first one is 0. `error`: of a refusal or a failure. `refused`: which types and
    zones one launch did not get."""

    state: EventState
    at: str
    attempt: int = 0
    lifecycle: str = ""
    instance_type: str = ""
    zone: str = ""
    error: str = ""
    refused: tuple[RefusedPool, ...] = ()


def events(session: Session) -> tuple[SessionEvent, ...]:
    """In the order of their times, the first one and the newest ones where there are too many.

    >>> from foreverus.sessions.records import Phase
    >>> asked = Session(session_id="ses_1", created_at="2026-01-01T00:00:00Z", ended_at="2026-01-01T00:09:00Z")
    >>> [one.state.value for one in events(asked)]
    ['requested', 'ended']
    """
    found = sorted((one for one in _all(session) if one.at), key=lambda one: one.at)
    return tuple(found if len(found) <= MOST_EVENTS else [found[0], *found[1 - MOST_EVENTS :]])


def _all(session: Session) -> Iterator[SessionEvent]:
    """Those of one moment in the order in which they follow each other."""
    yield SessionEvent(state=EventState.REQUESTED, at=session.created_at)
    yield from _refusals(session)
    for one in session.launches:
        yield SessionEvent(
            state=EventState.LAUNCHED,
            at=one.launched_at,
            attempt=one.attempt,
            lifecycle=one.lifecycle,
            instance_type=one.instance_type,
            zone=one.availability_zone,
        )
    yield from _phases(session)
    yield SessionEvent(state=EventState.REBALANCE, at=session.rebalance_recommended_at, attempt=session.attempt)
    yield SessionEvent(state=EventState.END_REQUESTED, at=session.end_requested_at, attempt=session.attempt)
    if session.launches:
        yield SessionEvent(state=EventState.TERMINATED, at=session.terminated_at, attempt=session.attempt)
    end = EventState.FAILED if session.error else EventState.ENDED
    yield SessionEvent(state=end, at=session.ended_at, attempt=session.attempt, error=session.error)
    yield SessionEvent(state=EventState.STORED, at=session.stored_at, attempt=session.attempt)


def _refusals(session: Session) -> Iterator[SessionEvent]:
    """One for each launch: EC2 answers for all zones and types at once."""
    for (at, lifecycle), group in groupby(session.refused, key=lambda one: (one.at, one.lifecycle)):
        refused = tuple(group)
        attempt = sum(one.launched_at < at for one in session.launches)
        yield SessionEvent(
            state=EventState.REFUSED,
            at=at,
            attempt=attempt,
            lifecycle=lifecycle,
            error=refused[0].error,
            refused=refused,
        )


def _phases(session: Session) -> Iterator[SessionEvent]:
    for phase in session.phases:
        if phase.name in PHASES:
            yield SessionEvent(state=EventState(phase.name), at=phase.at, attempt=phase.attempt)
    last = (EventState.HEALTHY, session.attempt)
    if last not in {(phase.name, phase.attempt) for phase in session.phases}:
        yield SessionEvent(state=EventState.HEALTHY, at=session.healthy_at, attempt=session.attempt)
