"""The purse: nothing is spent that was not reserved, and what is reserved and spent never passes the month's cap.

One item holds both in one number (`committed_usd`), because a condition of DynamoDB cannot add. Whoever is about to
spend reserves in one transaction: the reservation, and the number with the condition that it stays within the cap.
Whoever ends something settles it in one transaction: the cost into the ledger, the reservation away, and the number by
the difference. So no interleaving passes the cap, and when nothing is reserved the number is the ledger's.

A reservation is changed only as it was read, and a cost is counted once for each name: all of it can be repeated after
a crash or a lost answer (docs/decisions/0020).
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol, TypeVar

from foreverus.aws import keys
from foreverus.aws.dynamo import (
    ConditionFailed,
    Found,
    Item,
    Table,
    Write,
    check_write,
    delete_write,
    put_write,
    update_write,
)
from foreverus.costs.ledger import CountedCost, LedgerStore, count_writes, spent_in
from foreverus.costs.money import NOTHING, at_least, at_most, exact
from foreverus.costs.reservations import Month, Owner, Reservation, refusal
from foreverus.errors import NotAccepted

TRIES = 20  # when others of the same month are faster
BUSY = "Too many start at once just now. Try again in a few seconds."

T = TypeVar("T")


class Purse(Protocol):
    """The twin is `MemoryPurse`. Raises NotAccepted where too many others are faster; nothing is changed then."""

    def month(self, month: str) -> Month: ...
    def totals(self, month: str) -> Month:
        """The same without what each reservation is for: two items, however many there are."""

    def reservation(self, month: str, name: str) -> Reservation | None: ...

    def reserve(self, wanted: Reservation, least: Decimal | None = None) -> Reservation:
        """Sets `wanted.usd` aside, or what is left of the month where that is less and `least` at least (None: all of
        it or nothing). Raises what it has already; never lowers it. Returns what is reserved now. Raises
        SpendCapReached."""

    def shrink(self, month: str, name: str, usd: float | Decimal, until: str = "") -> None:
        """Lowers a reservation to that, over at `until` at the latest; never raises it. Nothing happens where there is
        none."""

    def settle(self, month: str, name: str, cost: CountedCost) -> bool:
        """Counts what it has cost into the ledger and takes its reservation away. False: it was counted before; a
        reservation that is there all the same goes. What cost nothing has no entry."""

    def release(self, month: str, name: str) -> bool:
        """Takes a reservation away whose owner has spent nothing that is not counted. False: there is none."""


@dataclass(frozen=True)
class Offer:
    """What can be reserved now, and the part of a transaction that does it. None of the writes is conditional on
    anything but the purse: where they fail, somebody was faster, and a new offer may do."""

    reservation: Reservation
    writes: tuple[Write, ...]


class PurseStore:
    """`monthly_cap_usd` is for those who reserve."""

    def __init__(self, items: Table, monthly_cap_usd: float = 0.0):
        self.items = items
        self.cap = exact(monthly_cap_usd)
        self.ledger = LedgerStore(items)
        self._mine = threading.Lock()  # calls of one process come one after the other, instead of colliding

    def over(self, items: Table) -> "PurseStore":
        """The same of a table that is read in another way."""
        return PurseStore(items, float(self.cap))

    def totals(self, month: str) -> Month:
        total, counted = self.items.get_each(keys.purse_total_key(month), keys.ledger_total_key(month))
        spent, committed = at_most(spent_in(counted)), _committed(total)
        return Month(month, self.cap, spent, spent if committed is None else committed)

    def month(self, month: str) -> Month:
        with ThreadPoolExecutor(1) as beside:  # a round trip each
            counted = beside.submit(self.ledger.spent, month)
            found = list(self.items.query(keys.purse_partition(month)))
        reservations = [_reservation(month, item) for item in found if item["sk"].startswith("RESERVED#")]
        total = next((item for item in found if item["sk"] == "TOTAL"), None)
        spent = at_most(counted.result())
        committed = exact(total["committed_usd"]) if total else spent
        return Month(month, self.cap, spent, committed, tuple(reservations))

    def reservation(self, month: str, name: str) -> Reservation | None:
        item = self.items.get(keys.reservation_key(month, name))
        return _reservation(month, item) if item else None

    def reserve(self, wanted: Reservation, least: Decimal | None = None) -> Reservation:
        def once() -> Reservation:
            offer = self.offer(wanted, least)
            if offer.writes:
                self.items.transact(*offer.writes)
            return offer.reservation

        return self._repeat(once)

    def reserve_with(self, wanted: Reservation, writes: Sequence[Write]) -> bool:
        """`reserve`, and these, all or nothing: False, and nothing is written, where one of their conditions is not
        met. Raises SpendCapReached, NotAccepted."""
        for _ in range(TRIES):
            both = (*writes, *self.offer(wanted).writes)
            try:
                if both:  # else enough is reserved already
                    self.items.transact(*both)
                return True
            except ConditionFailed as err:
                if any(place < len(writes) for place in err.writes):
                    return False
        raise NotAccepted(BUSY)

    def offer(self, wanted: Reservation, least: Decimal | None = None) -> Offer:
        """See `reserve`; for who has more to write in the same transaction. Raises SpendCapReached."""
        month = wanted.month
        total_key, ledger_key = keys.purse_total_key(month), keys.ledger_total_key(month)
        ours, counted, item = self.items.get_each(total_key, ledger_key, keys.reservation_key(month, wanted.name))
        old = _reservation(month, item) if item else None
        total, spent = _committed(ours), at_most(spent_in(counted))
        committed = spent if total is None else total
        reservation, more = offered(wanted, least, old, self.cap - max(committed, spent))
        if reservation is None:
            raise refusal(self.month(wanted.month), more)
        if more == NOTHING:
            return Offer(reservation, ())
        return Offer(
            reservation,
            (
                self._put(reservation, old),
                self._take(wanted.month, more, total, spent),
                _within(wanted.month, self.cap - more if total is not None else spent),
            ),
        )

    def shrink(self, month: str, name: str, usd: float | Decimal, until: str = "") -> None:
        def once() -> None:
            old, to = self.reservation(month, name), at_most(usd)
            if old and to < old.usd:
                new = replace(old, usd=to, until=until or old.until)
                self.items.transact(self._put(new, old), _add(month, to - old.usd))

        self._repeat(once)

    def settle(self, month: str, name: str, cost: CountedCost) -> bool:
        def once() -> bool:
            if cost.usd and self.ledger.has(month, name):
                self._release(month, name)
                return False
            if writes := self.settling(month, name, cost):
                self.items.transact(*writes)
            return True

        return self._repeat(once)

    def settling(self, month: str, name: str, cost: CountedCost) -> tuple[Write, ...]:
        """See `settle`; for who has more to write in the same transaction. Where they fail, either the name is counted
        or somebody has changed its reservation: ask for new ones."""
        old = self.reservation(month, name)
        if old:
            return settling_of(old, cost)
        counted = _counting(month, name, cost)
        if not counted:
            return ()
        # Before a month's first reservation the ledger alone knows what is spent: that one begins with it.
        nothing = check_write(keys.purse_total_key(month), "attribute_not_exists(pk)")
        total = nothing if self._total(month) is None else _add(month, cost.usd)
        return (_none(month, name), total, *counted)

    def release(self, month: str, name: str) -> bool:
        return self._repeat(lambda: self._release(month, name))

    def releasing(self, month: str, name: str) -> tuple[Write, ...]:
        """See `release`; for who has more to write in the same transaction."""
        old = self.reservation(month, name)
        return (_gone(old), _add(month, -old.usd)) if old else ()

    def _release(self, month: str, name: str) -> bool:
        if writes := self.releasing(month, name):
            self.items.transact(*writes)
        return bool(writes)

    def _total(self, month: str) -> Decimal | None:
        return _committed(self.items.get(keys.purse_total_key(month)))

    def _put(self, new: Reservation, old: Reservation | None) -> Write:
        """As it was read: `old`, or none at all."""
        condition, values = ("usd = :old", {":old": old.usd}) if old else ("attribute_not_exists(pk)", None)
        return put_write(_item(new), condition, values)

    def _take(self, month: str, more: Decimal, total: Decimal | None, spent: Decimal) -> Write:
        """The first reservation of a month begins with what its ledger says: an earlier version may have spent."""
        key = keys.purse_total_key(month)
        if total is None:
            seeded = {":all": spent + more}
            return update_write(key, "SET committed_usd = :all", seeded, "attribute_not_exists(committed_usd)")
        return update_write(
            key, "ADD committed_usd :more", {":more": more, ":most": self.cap - more}, "committed_usd <= :most"
        )

    def _repeat(self, once: Callable[[], T]) -> T:
        with self._mine:
            for _ in range(TRIES):
                try:
                    return once()
                except ConditionFailed:
                    continue
        raise NotAccepted(BUSY)


def offered(
    wanted: Reservation, least: Decimal | None, old: Reservation | None, left: Decimal
) -> tuple[Reservation | None, Decimal]:
    """(what can be reserved, how much more that is than before); (None, what it would have needed). Pure."""
    before = old.usd if old else NOTHING
    needed = max(at_most(wanted.usd), before)
    usd = min(needed, before + max(NOTHING, at_least(left)))
    if usd < (needed if least is None else min(at_most(least), needed)):
        return None, needed - before
    return replace(wanted, usd=usd, since=old.since if old else wanted.since), usd - before


def _committed(total: Found) -> Decimal | None:
    return exact(total["committed_usd"]) if total else None


def settling_of(reserved: Reservation, cost: CountedCost) -> tuple[Write, ...]:
    """`PurseStore.settling` for who made the reservation and knows it: nothing is read for it."""
    month, name = reserved.month, reserved.name
    return (_gone(reserved), _add(month, cost.usd - reserved.usd), *_counting(month, name, cost))


def _counting(month: str, name: str, cost: CountedCost) -> tuple[Write, ...]:
    return count_writes(month, name, cost) if cost.usd or cost.sessions else ()


def _within(month: str, most: Decimal) -> Write:
    """What the ledger says is in the number already, unless somebody wrote into the ledger alone."""
    condition = "attribute_not_exists(spent_usd) OR spent_usd <= :most"
    return check_write(keys.ledger_total_key(month), condition, {":most": most})


def _add(month: str, usd: Decimal) -> Write:
    """To what is committed. Where anything was reserved, there is that number."""
    key, condition = keys.purse_total_key(month), "attribute_exists(committed_usd)"
    return update_write(key, "ADD committed_usd :usd", {":usd": usd}, condition)


def _gone(old: Reservation) -> Write:
    return delete_write(keys.reservation_key(old.month, old.name), "usd = :old", {":old": old.usd})


def _none(month: str, name: str) -> Write:
    return check_write(keys.reservation_key(month, name), "attribute_not_exists(pk)")


def _item(one: Reservation) -> Item:
    key = keys.reservation_key(one.month, one.name)
    return {**key, "owner": one.owner.value, "usd": one.usd, "since": one.since, "until": one.until}


def _reservation(month: str, item: Item) -> Reservation:
    name = item["sk"].removeprefix("RESERVED#")
    return Reservation(month, name, Owner(item["owner"]), exact(item["usd"]), item["since"], item["until"])
