"""`PurseStore`'s twin in memory."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from foreverus.costs.ledger import CountedCost, MemoryLedger
from foreverus.costs.money import NOTHING, at_most, exact
from foreverus.costs.purse import offered
from foreverus.costs.reservations import Month, Reservation, refusal


@dataclass
class MemoryPurse:
    monthly_cap_usd: float = 0.0
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    reservations: dict[tuple[str, str], Reservation] = field(default_factory=dict)

    def month(self, month: str) -> Month:
        spent = exact(self.ledger.spent(month))
        ours = tuple(one for one in self.reservations.values() if one.month == month)
        reserved = sum((one.usd for one in ours), NOTHING)
        return Month(month, exact(self.monthly_cap_usd), spent, spent + reserved, ours)

    def totals(self, month: str) -> Month:
        return replace(self.month(month), reservations=())

    def reservation(self, month: str, name: str) -> Reservation | None:
        return self.reservations.get((month, name))

    def reserve(self, wanted: Reservation, least: Decimal | None = None) -> Reservation:
        at, key = self.month(wanted.month), (wanted.month, wanted.name)
        reservation, more = offered(wanted, least, self.reservations.get(key), at.left)
        if reservation is None:
            raise refusal(at, more)
        self.reservations[key] = reservation
        return reservation

    def shrink(self, month: str, name: str, usd: float | Decimal, until: str = "") -> None:
        old = self.reservations.get((month, name))
        if old and at_most(usd) < old.usd:
            self.reservations[month, name] = replace(old, usd=at_most(usd), until=until or old.until)

    def settle(self, month: str, name: str, cost: CountedCost) -> bool:
        self.release(month, name)
        if self.ledger.has(month, name):
            return False
        if cost.usd or cost.sessions:
            self.ledger.entries[month, name] = cost
        return True

    def release(self, month: str, name: str) -> bool:
        return self.reservations.pop((month, name), None) is not None
