"""One at a time answers a conversation on Bedrock: the lease that its answering function holds.

It is renewed while the function works, so it is over soon after one that was killed, and the next one goes on. Who ends
in good order gives it back; so the write that takes it learns whether the one before was killed, and no other write is
needed to count that (docs/decisions/0043).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Table

LEASE = timedelta(seconds=30)  # with three renewals: one may fail, and a pause of the process is survived
GONE_AFTER = timedelta(hours=1)  # TTL: of what a crash has left


@dataclass(frozen=True, slots=True)
class Taken:
    """The lease is the holder's. `unended`: until when another one had it who did not come to its end (killed, failed,
    or away for too long); empty where there was none."""

    unended: str = ""


class ConversationLease(Protocol):
    """The twin is `MemoryLease`. `holder`: a name that nobody else has."""

    def take(self, conversation_id: str, holder: str) -> Taken | None:
        """From here on, or on: it is the holder's for LEASE. None: somebody else has it. Each end that did not come is
        told once, to the next who takes it."""

    def give_back(self, conversation_id: str, holder: str, *, ended: bool) -> None:
        """`ended`: in good order. Nothing happens where somebody else has it meanwhile."""

    def is_held(self, conversation_id: str) -> bool: ...


class LeaseStore:
    def __init__(self, items: Table, clock: Callable[[], datetime]):
        self.items = items
        self.clock = clock

    def take(self, conversation_id: str, holder: str) -> Taken | None:
        now = self.clock()
        until, vanishes = ids.timestamp(now + LEASE), int((now + GONE_AFTER).timestamp())
        try:
            before = self.items.exchange(
                keys.answering_key(conversation_id),
                "SET holder = :me, #until = :until, expires_at = :vanishes",
                {":me": holder, ":until": until, ":now": ids.timestamp(now), ":vanishes": vanishes},
                condition="attribute_not_exists(pk) OR holder = :me OR #until <= :now",
                names={"#until": "until"},
            )
        except ConditionFailed:
            return None
        return Taken(before["until"] if before and before["holder"] != holder else "")

    def give_back(self, conversation_id: str, holder: str, *, ended: bool) -> None:
        key = keys.answering_key(conversation_id)
        try:
            # Not deleted: who writes here needs no right to delete, and TTL takes it away.
            self.items.update(
                key,
                "SET #until = :over",
                {":me": holder, ":over": "" if ended else ids.timestamp(self.clock())},
                condition="holder = :me",
                names={"#until": "until"},
            )
        except ConditionFailed:
            return

    def is_held(self, conversation_id: str) -> bool:
        found = self.items.get(keys.answering_key(conversation_id))
        return found is not None and str(found["until"]) > ids.timestamp(self.clock())


class MemoryLease:
    """Twin of `LeaseStore`."""

    def __init__(self, clock: Callable[[], datetime]):
        self.clock = clock
        self.held: dict[str, tuple[str, datetime]] = {}  # holder and until, by conversation
        self._one = threading.Lock()

    def take(self, conversation_id: str, holder: str) -> Taken | None:
        with self._one:
            before, until = self.held.get(conversation_id, (holder, self.clock()))
            if self.is_held(conversation_id) and before != holder:
                return None
            self.held[conversation_id] = (holder, self.clock() + LEASE)
            return Taken("" if before == holder else ids.timestamp(until))

    def give_back(self, conversation_id: str, holder: str, *, ended: bool) -> None:
        if self.held.get(conversation_id, ("",))[0] != holder:
            return
        if ended:
            del self.held[conversation_id]
        else:
            self.held[conversation_id] = (holder, self.clock())

    def is_held(self, conversation_id: str) -> bool:
        return conversation_id in self.held and self.held[conversation_id][1] > self.clock()
