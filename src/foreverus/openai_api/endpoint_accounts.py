"""What calls of a SageMaker endpoint have cost, and until when its instance is paid: one transaction of the purse."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus import ids
from foreverus.costs.endpoint import EndpointRate, UpTime, added_seconds
from foreverus.costs.endpoint_store import EndpointStore
from foreverus.costs.ledger import CountedCost
from foreverus.costs.money import exact
from foreverus.costs.purse import BUSY, TRIES, PurseStore
from foreverus.costs.purse_memory import MemoryPurse
from foreverus.costs.reservations import Reservation
from foreverus.costs.usage.records import Used
from foreverus.costs.usage.store import MemoryUsage, usage_write
from foreverus.errors import NotAccepted


@dataclass(frozen=True, kw_only=True)
class EndpointUse:
    """One call that is over. `change`: what it makes of the time for which the instance is paid. `used`: None where
    nobody was answered."""

    user_id: str
    began: datetime
    ended: datetime
    change: Callable[[UpTime | None], UpTime]
    used: Used | None = None

    def cost(self, before: UpTime | None, rate: EndpointRate) -> tuple[UpTime, CountedCost]:
        after = self.change(before)
        usd = exact(rate.usd(added_seconds(before, after, self.began)))
        return after, CountedCost(usd, ids.timestamp(self.ended))


class EndpointAccounts(Protocol):
    """The twin is `MemoryEndpointAccounts`. Raises NotAccepted where too many others are faster; nothing is changed
    then."""

    def up(self) -> UpTime | None: ...

    def reserve(self, wanted: Reservation) -> None:
        """Raises SpendCapReached."""

    def release(self, month: str, name: str) -> None:
        """Of a call that cost nothing."""

    def settle(self, reserved: Reservation, use: EndpointUse) -> UpTime | None:
        """Counts what a call has added to the instance's time, and takes its reservation away. None: it was counted
        before, and is counted once. Else until when the instance is paid now."""


@dataclass(frozen=True)
class EndpointAccountStore:
    purse: PurseStore
    endpoint: EndpointStore
    rate: EndpointRate

    def up(self) -> UpTime | None:
        return self.endpoint.get()

    def reserve(self, wanted: Reservation) -> None:
        self.purse.reserve(wanted)

    def release(self, month: str, name: str) -> None:
        self.purse.release(month, name)

    def settle(self, reserved: Reservation, use: EndpointUse) -> UpTime | None:
        month, name = reserved.month, reserved.name
        for _ in range(TRIES):
            before = self.endpoint.get()
            after, cost = use.cost(before, self.rate)
            if self.purse.reservation(month, name) is None:
                return None
            writes = (*self.purse.settling(month, name, cost), self.endpoint.change(before, after))
            usage = (usage_write(use.user_id, use.ended, use.used),) if use.used else ()
            if self.purse.items.transact_if(*writes, *usage):
                return after
        raise NotAccepted(BUSY)


@dataclass
class MemoryEndpointAccounts:
    """Twin of `EndpointAccountStore`."""

    purse: MemoryPurse
    usage: MemoryUsage
    rate: EndpointRate
    up_time: UpTime | None = None

    def up(self) -> UpTime | None:
        return self.up_time

    def reserve(self, wanted: Reservation) -> None:
        self.purse.reserve(wanted)

    def release(self, month: str, name: str) -> None:
        self.purse.release(month, name)

    def settle(self, reserved: Reservation, use: EndpointUse) -> UpTime | None:
        month, name = reserved.month, reserved.name
        if self.purse.reservation(month, name) is None:
            return None
        self.up_time, cost = use.cost(self.up_time, self.rate)
        self.purse.settle(month, name, cost)
        if use.used:
            self.usage.add(use.user_id, use.ended, use.used)
        return self.up_time
