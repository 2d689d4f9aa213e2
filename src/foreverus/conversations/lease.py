"""One at a time answers a conversation on Bedrock: the lease that its answering function holds.

It is renewed while the function works, so it is over soon after one that was killed, and the next one goes on.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, Table

LEASE = timedelta(seconds=30)  # with three renewals: one may fail, and a pause of the process is survived
GONE_AFTER = timedelta(hours=1)  # TTL: of what a crash has left


class ConversationLease(Protocol):
    """The twin is `MemoryLease`. `holder`: a name that nobody else has."""

    def take(self, conversation_id: str, holder: str) -> bool:
        """From here on, or on: it is the holder's for LEASE. False: somebody else has it."""

    def give_back(self, conversation_id: str, holder: str) -> None:
        """Nothing happens where somebody else has it meanwhile."""

    def is_held(self, conversation_id: str) -> bool: ...


class LeaseStore:
    def __init__(self, items: Table, clock: Callable[[], datetime]):
        self.items = items
        self.clock = clock

    def take(self, conversation_id: str, holder: str) -> bool:
        now = self.clock()
        until, vanishes = ids.timestamp(now + LEASE), int((now + GONE_AFTER).timestamp())
        try:
            self.items.update(
                keys.answering_key(conversation_id),
                "SET holder = :me, #until = :until, expires_at = :vanishes",
                {":me": holder, ":until": until, ":now": ids.timestamp(now), ":vanishes": vanishes},
                condition="attribute_not_exists(pk) OR holder = :me OR #until < :now",
                names={"#until": "until"},
            )
        except ConditionFailed:
            return False
        return True

    def give_back(self, conversation_id: str, holder: str) -> None:
        key = keys.answering_key(conversation_id)
        try:
            # Not deleted: who writes here needs no right to delete, and TTL takes it away.
            self.items.update(
                key,
                "SET #until = :over",
                {":me": holder, ":over": ""},
                condition="holder = :me",
                names={"#until": "until"},
            )
        except ConditionFailed:
            return

    def is_held(self, conversation_id: str) -> bool:
        found = self.items.get(keys.answering_key(conversation_id))
        return found is not None and str(found["until"]) >= ids.timestamp(self.clock())


class MemoryLease:
    """Twin of `LeaseStore`."""

    def __init__(self, clock: Callable[[], datetime]):
        self.clock = clock
        self.held: dict[str, tuple[str, datetime]] = {}  # holder and until, by conversation
        self._one = threading.Lock()

    def take(self, conversation_id: str, holder: str) -> bool:
        with self._one:
            if self.is_held(conversation_id) and self.held[conversation_id][0] != holder:
                return False
            self.held[conversation_id] = (holder, self.clock() + LEASE)
            return True

    def give_back(self, conversation_id: str, holder: str) -> None:
        if self.held.get(conversation_id, ("",))[0] == holder:
            del self.held[conversation_id]

    def is_held(self, conversation_id: str) -> bool:
        return conversation_id in self.held and self.held[conversation_id][1] >= self.clock()
