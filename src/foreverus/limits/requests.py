"""Requests of OpenAI's API: how many a minute, how many at once, how many tokens a day, for each person and each key;
and how many at once of all people, for each takes one of the account's Lambdas, which the other functions need too.

All of them are counted in one transaction, each on condition that it is as it was read: whatever comes at once, no
more get through than may. A place is given back at the request's end; what a crash left has none after its time.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from foreverus.costs.usage.records import day_of
from foreverus.errors import LimitReached, NotAccepted
from foreverus.limits import request_rules as rules
from foreverus.limits.person import TRIES
from foreverus.limits.records import Count, CountChange, Kind
from foreverus.limits.request_rules import Rate, RequestCaps
from foreverus.limits.store import EVERYBODY, Counts

LONGEST_REQUEST = timedelta(seconds=960)  # API Gateway ends a stream after 900
NO_BOUND = 1_000  # AllRequestsAtOnce at its most: all of an ordinary account's Lambdas
BUSY = "Too many requests of yours came at once. Send this one again."

log = logging.getLogger(__name__)

# Writes the changes and what else belongs to them, all or nothing. False where one of the counts was changed meanwhile.
Keep = Callable[[Sequence[CountChange]], bool]


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that has its place. `rate`: what is left, of whichever has less of it, the person or the key."""

    user_id: str
    key_id: str
    request_id: str
    rate: Rate


@dataclass(frozen=True)
class RequestLimits:
    """`person` and `key`: the caps of each; a key's day of tokens may be 0, then it has the person's alone.
    `everybody`: of all together, at once alone; None: they are not counted together. That count is one item which all
    requests change, one after the other: some twelve of them a second (docs/scale.md)."""

    counts: Counts
    person: RequestCaps
    key: RequestCaps
    everybody: RequestCaps | None
    clock: Callable[[], datetime]

    def over(self, counts: Counts) -> "RequestLimits":
        """The same limits of counts that are read in another way."""
        return replace(self, counts=counts)

    def enter(self, user_id: str, key_id: str, request_id: str, keep: Keep | None = None) -> Admission:
        """`keep`: for who has more to write with the place. Raises LimitReached, with the same headers as an answer
        that is given, and what `keep` raises."""
        for _ in range(TRIES):
            now = self.clock()
            until = now + LONGEST_REQUEST
            counts, everybody = self._counts(user_id, key_id, now)
            try:
                changes = [rules.entered(count, request_id, until, caps, now) for count, caps in counts]
                if everybody and self.everybody:
                    changes.append(rules.entered(everybody, request_id, until, self.everybody, now))
            except LimitReached as err:
                err.more_headers = rules.tighter(*(rules.rate(count, caps, now) for count, caps in counts)).headers()
                raise
            if keep(changes) if keep else self.counts.apply(*changes):
                after = (rules.rate(one.after, caps, now) for one, (_, caps) in zip(changes, counts, strict=False))
                return Admission(user_id, key_id, request_id, rules.tighter(*after))
        raise NotAccepted(BUSY)

    def leave(self, admitted: Admission, tokens: int) -> None:
        """Gives the place back, and counts the key's tokens. Where that fails, the place is free after its time."""
        for _ in range(TRIES):
            now = self.clock()
            whose = [(admitted.user_id, key_id) for key_id in dict.fromkeys(("", admitted.key_id))]
            known = self.counts.read_requests(*whose, *([(EVERYBODY, "")] if self.everybody else []))
            changes: list[CountChange] = [rules.left(one, admitted.request_id, tokens, now) for one in known]
            try:
                if self.counts.apply(*changes):
                    return
            except Exception:
                log.exception("the place of %s could not be given back", admitted.request_id)
                return
        log.warning("the place of %s could not be given back: too many at once", admitted.request_id)

    def _counts(self, user_id: str, key_id: str, now: datetime) -> tuple[list[tuple[Count, RequestCaps]], Count | None]:
        """The caller's, and everybody's. The person's day of tokens is that of everything that was answered, chats and
        batches too."""
        used = self.counts.tokens(user_id, day_of(now))
        found = [(rules.with_tokens(self._read(user_id, ""), used, now), self.person)]
        if key_id:
            found.append((self._read(user_id, key_id), self.key))
        return found, self._read(EVERYBODY, "") if self.everybody else None

    def _read(self, user_id: str, key_id: str) -> Count:
        return self.counts.read(user_id, Kind.REQUESTS, key_id)
