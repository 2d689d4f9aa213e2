"""What calls of Bedrock may cost and have cost, and what their callers have used: one transaction of the purse."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from foreverus.costs.ledger import CountedCost
from foreverus.costs.purse import BUSY, TRIES, PurseStore, settling_of
from foreverus.costs.purse_memory import MemoryPurse
from foreverus.costs.reservations import Reservation
from foreverus.costs.usage.records import Used
from foreverus.costs.usage.store import MemoryUsage, usage_write
from foreverus.errors import NotAccepted
from foreverus.limits.records import CountChange
from foreverus.limits.store import Counts, change_write


class Accounts(Protocol):
    """The twin is `MemoryAccounts`. `name`: of a call, the same in all three. Raises NotAccepted where too many others
    are faster; nothing is changed then."""

    def reserve(self, wanted: Reservation) -> None:
        """Raises SpendCapReached."""

    def reserve_with(self, wanted: Reservation, changes: Sequence[CountChange]) -> bool:
        """`reserve`, and the changes of counts (`Counts.apply`), all or nothing: False, and nothing is written, where
        somebody has changed one of the counts since it was read."""

    def release(self, month: str, name: str) -> None:
        """Of a call that cost nothing."""

    def settle(self, reserved: Reservation, user_id: str, now: datetime, cost: CountedCost, used: Used) -> bool:
        """Counts what a call has cost and what it has used, and takes its reservation away. False: it was counted
        before, and is counted once."""


class AccountStore:
    def __init__(self, purse: PurseStore):
        self.purse = purse

    def reserve(self, wanted: Reservation) -> None:
        self.purse.reserve(wanted)

    def reserve_with(self, wanted: Reservation, changes: Sequence[CountChange]) -> bool:
        return self.purse.reserve_with(wanted, [change_write(change) for change in changes])

    def release(self, month: str, name: str) -> None:
        self.purse.release(month, name)

    def settle(self, reserved: Reservation, user_id: str, now: datetime, cost: CountedCost, used: Used) -> bool:
        month, name = reserved.month, reserved.name
        if not reserved.usd and not cost.usd:  # what costs nothing has no reservation and no entry
            return self.purse.items.transact_if(usage_write(user_id, now, used))
        if self.purse.items.transact_if(*settling_of(reserved, cost), usage_write(user_id, now, used)):
            return True
        for _ in range(TRIES):
            if self.purse.ledger.has(month, name):
                self.purse.release(month, name)
                return False
            writes = self.purse.settling(month, name, cost)
            if self.purse.items.transact_if(*writes, usage_write(user_id, now, used)):
                return True
        raise NotAccepted(BUSY)


class MemoryAccounts:
    """Twin of `AccountStore`. `counts`: those that `reserve_with` changes."""

    def __init__(self, purse: MemoryPurse, usage: MemoryUsage, counts: Counts):
        self.purse = purse
        self.usage = usage
        self.counts = counts

    def reserve(self, wanted: Reservation) -> None:
        self.purse.reserve(wanted)

    def reserve_with(self, wanted: Reservation, changes: Sequence[CountChange]) -> bool:
        self.purse.reserve(wanted)
        if self.counts.apply(*changes):
            return True
        self.purse.release(wanted.month, wanted.name)
        return False

    def release(self, month: str, name: str) -> None:
        self.purse.release(month, name)

    def settle(self, reserved: Reservation, user_id: str, now: datetime, cost: CountedCost, used: Used) -> bool:
        if not reserved.usd and not cost.usd:
            self.purse.release(reserved.month, reserved.name)
        elif not self.purse.settle(reserved.month, reserved.name, cost):
            return False
        self.usage.add(user_id, now, used)
        return True
