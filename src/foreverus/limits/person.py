"""Who asks whether one person may have one more, and counts it with what it keeps.

What somebody has open is looked at before they are refused: a batch that is over, a connection whose end nobody was
told of, bytes of what has expired give their places back then. So nothing that a crash left behind takes a place for
ever, and whoever ends a thing need not know that it was counted.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from foreverus.costs.usage.records import day_of
from foreverus.errors import NotAccepted
from foreverus.limits import rules
from foreverus.limits.records import Count, CountChange, CountChanged, Kind, PersonCaps
from foreverus.limits.store import Counts

TRIES = 200  # each that fails means that another request of the same person got through
Kept = TypeVar("Kept")
Place = TypeVar("Place")  # CountChange, or None of what has no limit
StillOpen = Callable[[Collection[str]], Collection[str]]  # of these ids, those that are open


@dataclass(frozen=True)
class PersonLimits:
    counts: Counts
    caps: PersonCaps
    clock: Callable[[], datetime]

    def over(self, counts: Counts) -> "PersonLimits":
        """The same limits of counts that are read in another way."""
        return replace(self, counts=counts)

    def message(self, user_id: str) -> CountChange:
        """A place for one more message. Raises LimitReached."""
        self.check_tokens(user_id)
        count = self.counts.read(user_id, Kind.MESSAGES)
        return rules.with_message(count, self.caps.messages_per_minute, self.clock())

    def gpu_start(self, user_id: str) -> CountChange:
        """A place for one more GPU. Raises LimitReached."""
        count = self.counts.read(user_id, Kind.GPU_STARTS)
        return rules.with_gpu_start(count, self.caps.gpu_starts_per_hour, self.clock())

    def batch(self, user_id: str, batch_id: str, until: datetime, still_open: StillOpen) -> CountChange:
        """A place for one more open batch. Raises LimitReached."""
        self.check_tokens(user_id)
        count = self._looked_at(user_id, Kind.BATCHES, batch_id, self.caps.open_batches, still_open)
        return rules.with_batch(count, batch_id, until, self.caps.open_batches, self.clock())

    def socket(self, user_id: str, connection_id: str, until: datetime, still_open: StillOpen) -> CountChange:
        """A place for one more connection. Raises LimitReached."""
        count = self._looked_at(user_id, Kind.SOCKETS, connection_id, self.caps.open_sockets, still_open)
        return rules.with_socket(count, connection_id, until, self.caps.open_sockets, self.clock())

    def bytes(self, user_id: str, more: int, in_truth: Callable[[], int]) -> CountChange:
        """Room for so many more bytes; `in_truth`: what the person's files and unfinished uploads take, counted anew.
        Raises LimitReached."""
        looked = False
        while True:
            count = self.counts.read(user_id, Kind.BYTES)
            if count.is_complete and (looked or count.used + more <= self.caps.stored_bytes):
                return rules.with_bytes(count, more, self.caps.stored_bytes)
            looked = self.counts.apply(rules.recounted(count, in_truth()))

    def take_imported(self, user_id: str, more: int, in_truth: Callable[[], int]) -> None:
        """Counts so many more bytes of imports, before they are kept: what is sent again counts again, and requests
        side by side may together pass the limit by what they bring, until it is next counted anew. `in_truth`: what
        there is. Raises LimitReached."""
        looked = False
        while True:
            count, most = self.counts.read(user_id, Kind.IMPORTS), self.caps.imported_bytes
            if not looked and count.used + more > most:
                looked = self.counts.apply(rules.recounted(count, in_truth()))
            elif self.counts.apply(rules.with_imported(count, more, most)):
                return

    def check_tokens(self, user_id: str) -> None:
        """Raises LimitReached. What is being answered just now is counted when it is known."""
        now = self.clock()
        rules.check_tokens(self.counts.tokens(user_id, day_of(now)), self.caps.tokens_per_day, now)

    def _looked_at(self, user_id: str, kind: Kind, name: str, most: int, still_open: StillOpen) -> Count:
        while True:
            count = self.counts.read(user_id, kind)
            if not rules.is_full(count, name, most):
                return count
            gone = count.held.keys() - set(still_open(count.held.keys()))
            if not gone:
                return count
            self.counts.apply(rules.without(count, gone))  # where somebody was faster: looked at again


def counted(place: Callable[[], Place], keep: Callable[[Place], Kept]) -> Kept:
    """Keeps something with its place; where others were faster, with the next one. `place` raises LimitReached, `keep`
    CountChanged. Raises NotAccepted where others always are."""
    for _ in range(TRIES):
        try:
            return keep(place())
        except CountChanged:
            continue
    raise NotAccepted("Too many requests of yours came at once. Send this one again.")
