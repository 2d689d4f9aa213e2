"""Reservations whose owner is gone: what they hold of the month is free again, or is counted where nobody can say what
was spent of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from foreverus import ids
from foreverus.costs.ledger import CountedCost
from foreverus.costs.meter import month_of
from foreverus.costs.purse import Purse
from foreverus.costs.reservations import API_CALL, DOCUMENT_CALL, TITLE_CALL, Owner, Reservation
from foreverus.sessions.records import Session
from foreverus.sweeps.sweep import Repair


class Sessions(Protocol):
    def get(self, session_id: str) -> Session | None: ...


class OpenBatches(Protocol):
    @property
    def batch_id(self) -> str: ...


@dataclass(frozen=True)
class LostReservations:
    """Of a session that is over or was never claimed, a batch that is not open any more, a call whose time is over.

    Whoever ends its owner settles; this is for what a crash left, and for what was written after the end. A call of
    OpenAI's API, for a title or for a document that nobody has settled was cut off with its process, and Bedrock may
    have been asked: all that it could cost is counted; so is a run of our own container that the reaper could not
    close. `batches`: those that are open, or whose summary is not stored yet.
    """

    purse: Purse
    sessions: Sessions
    batches: Callable[[], Iterable[OpenBatches]]
    clock: Callable[[], datetime]

    def __call__(self) -> Iterator[Repair]:
        found = [one for month in self._months() for one in self.purse.month(month).reservations]
        if not found:
            return
        # Read after the purse: a batch is open before it reserves anything.
        open_ = {one.batch_id for one in self.batches()}
        for one in found:
            yield Repair(one.name, partial(self._look, one, open_))

    def _months(self) -> tuple[str, str]:
        """This one and the one before: a reservation belongs to the month in which it was made."""
        now = self.clock()
        before = now.replace(day=1) - timedelta(days=1)
        return month_of(ids.timestamp(now)), month_of(ids.timestamp(before))

    def _look(self, one: Reservation, open_: set[str]) -> str | None:
        if not self._is_lost(one, open_):
            return None
        called = one.name.startswith((API_CALL, DOCUMENT_CALL)) or one.name.endswith(TITLE_CALL)
        if called or one.owner is Owner.CONTAINER:
            counted = self.purse.settle(one.month, one.name, CountedCost(one.usd, ids.timestamp(self.clock()), True))
            return "counted" if counted else "released"
        return "released" if self.purse.release(one.month, one.name) else None

    def _is_lost(self, one: Reservation, open_: set[str]) -> bool:
        if one.owner is Owner.SESSION:
            session = self.sessions.get(one.name)
            return session is None or session.is_over
        if one.owner is Owner.BATCH:
            return one.name not in open_
        return one.until < ids.timestamp(self.clock())
