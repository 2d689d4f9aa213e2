"""Requests of OpenAI's API: how many a minute, how many at once, how many tokens a day, for each person and each key.

Person and key are counted in one transaction, each on condition that it is as it was read: whatever comes at once, no
more get through than may. A place is given back at the request's end; what a crash left has none after its time.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from foreverus.costs.usage.records import day_of
from foreverus.errors import LimitReached, NotAccepted
from foreverus.limits import request_rules as rules
from foreverus.limits.person import TRIES
from foreverus.limits.records import Count, CountChange, Kind
from foreverus.limits.request_rules import Rate, RequestCaps
from foreverus.limits.store import Counts

LONGEST_REQUEST = timedelta(seconds=960)  # API Gateway ends a stream after 900
BUSY = "Too many requests of yours came at once. Send this one again."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that has its place. `rate`: what is left, of whichever has less of it, the person or the key."""

    user_id: str
    key_id: str
    request_id: str
    rate: Rate


@dataclass(frozen=True)
class RequestLimits:
    """`person` and `key`: the caps of each; a key's day of tokens may be 0, then it has the person's alone."""

    counts: Counts
    person: RequestCaps
    key: RequestCaps
    clock: Callable[[], datetime]

    def enter(self, user_id: str, key_id: str, request_id: str) -> Admission:
        """Raises LimitReached, with the same headers as an answer that is given."""
        for _ in range(TRIES):
            now = self.clock()
            until = now + LONGEST_REQUEST
            counts = self._counts(user_id, key_id, now)
            try:
                changes = [rules.entered(count, request_id, until, caps, now) for count, caps in counts]
            except LimitReached as err:
                err.more_headers = rules.tighter(*(rules.rate(count, caps, now) for count, caps in counts)).headers()
                raise
            if self.counts.apply(*changes):
                after = (rules.rate(one.after, caps, now) for one, (_, caps) in zip(changes, counts, strict=True))
                return Admission(user_id, key_id, request_id, rules.tighter(*after))
        raise NotAccepted(BUSY)

    def leave(self, admitted: Admission, tokens: int) -> None:
        """Gives the place back, and counts the key's tokens. Where that fails, the place is free after its time."""
        for _ in range(TRIES):
            now = self.clock()
            known = (self._read(admitted.user_id, key_id) for key_id in dict.fromkeys(("", admitted.key_id)))
            changes: list[CountChange] = [rules.left(one, admitted.request_id, tokens, now) for one in known]
            try:
                if self.counts.apply(*changes):
                    return
            except Exception:
                log.exception("the place of %s could not be given back", admitted.request_id)
                return
        log.warning("the place of %s could not be given back: too many at once", admitted.request_id)

    def _counts(self, user_id: str, key_id: str, now: datetime) -> list[tuple[Count, RequestCaps]]:
        """The person's day of tokens is that of everything that was answered, chats and batches too."""
        person = self._read(user_id, "")
        used = self.counts.tokens(user_id, day_of(now))
        found = [(rules.with_tokens(person, used, now), self.person)]
        return [*found, (self._read(user_id, key_id), self.key)] if key_id else found

    def _read(self, user_id: str, key_id: str) -> Count:
        return self.counts.read(user_id, Kind.REQUESTS, key_id)
