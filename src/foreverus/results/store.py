"""Everything that is kept in PostgreSQL: what sessions answered, summaries of batches, who people are. Writes can be
repeated."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from foreverus.attempts import Attempts
from foreverus.deletions.work import Deletions, Erased
from foreverus.errors import ResultsNotStored
from foreverus.metrics import SILENT, Metrics
from foreverus.results.batches import BatchSummaries, StoredBatch
from foreverus.results.chats import ChatResults, StoredChats
from foreverus.results.people import PeopleRows, StoredPeople
from foreverus.results.sessions import SessionResults, StoredSession
from foreverus.results.unsaved import GRACE, Oldest, Unsaved

MOST_ROUNDS = 10  # of 500 messages each: some two minutes of the function's four

Stored: TypeAlias = StoredSession | StoredBatch | StoredChats | StoredPeople | Erased


@dataclass(frozen=True)
class ResultsKeeper:
    sessions: SessionResults
    batches: BatchSummaries
    deletions: Deletions
    chats: ChatResults
    people: PeopleRows
    metrics: Metrics = SILENT

    def store_unsaved(self) -> list[Stored]:
        """The sweep: what ended a while ago and is not in PostgreSQL, and what was deleted and is still there.

        Each is tried alone and everything is tried; then the whole fails, if anything did: raises ResultsNotStored.
        """
        attempts = Attempts()
        stored: list[Stored] = []
        oldest = Oldest()
        with attempts.at("sessions"):
            stored += _store(self.sessions.unsaved(oldest.note), attempts)
        with attempts.at("batches"):
            stored += _store(self.batches.unsaved(oldest.note), attempts)
        with attempts.at("deletions"):
            stored += self.deletions.work_off(attempts)
        if stored or self.chats.is_due():  # the database is awake, or it is time
            with attempts.at("chats"):
                stored += self._chats()
            with attempts.at("people"):
                stored += filter(None, [self.people.store()])
        self._measure(oldest)
        attempts.raise_any(ResultsNotStored)
        return stored

    def _measure(self, oldest: Oldest) -> None:
        """Nothing is said while all is stored, or what is over has its own state machine still."""
        if (minutes := oldest.minutes(self.metrics.clock())) * 60 > GRACE.total_seconds():
            self.metrics.unsaved(minutes)

    def _chats(self) -> Iterator[StoredChats]:
        """All of a day's: a class asks more than one round holds. What is stored stays so where the time is up."""
        for _ in range(MOST_ROUNDS):
            if (done := self.chats.store()) is None:
                return
            yield done


def _store(unsaved: Iterable[Unsaved[Stored]], attempts: Attempts) -> list[Stored]:
    stored = []
    for one in unsaved:
        with attempts.at(one.name):
            try:
                stored.append(one.store())
            except Exception:
                one.note_failure()
                raise
    return stored
