"""Many owners at once, in any order, each cut off anywhere: the cap holds at every moment, and in the end the purse
says what was really spent.

In DynamoDB (moto) the owners' steps are interleaved between what one reads and what it writes; in the twin, between its
calls. A crash comes before a write, or after it: then its owner never hears that it was done.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foreverus.aws.dynamo import Table, Write
from foreverus.costs.ledger import CountedCost
from foreverus.costs.money import NOTHING, exact
from foreverus.costs.purse import Purse, PurseStore
from foreverus.costs.purse_memory import MemoryPurse
from foreverus.costs.reservations import Owner, Reservation
from foreverus.errors import NotAccepted, SpendCapReached
from tests.unit.conftest import Aws

OWNERS = 6
AT = "2026-01-01T12:00:00.000Z"
MONTHS = (f"{year:04}-01" for year in count(1))  # each example has a month of its own
ANY = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Crash(Exception):
    pass


@dataclass
class Work:
    """What an owner knows after a crash: its name, and what it has really spent. `may`: what it believes to have
    reserved; None after a crash, until it has looked."""

    name: str
    spent: Decimal = NOTHING
    may: Decimal | None = NOTHING
    is_over: bool = False


@dataclass
class World:
    purse: Purse
    month: str
    cap: Decimal
    chance: random.Random
    works: list[Work] = field(default_factory=lambda: [Work(f"owner_{n}") for n in range(OWNERS)])
    depth: int = 0

    def number(self, most: int) -> int:
        return self.chance.randint(0, most)

    def step(self) -> None:
        """Somebody does something, and may be cut off in it."""
        work = self.works[self.number(OWNERS - 1)]
        acts = (self.reserve, self.reserve, self.spend, self.shrink, self.settle, self.sweep)
        try:
            acts[self.number(len(acts) - 1)](work)
        except Crash:
            work.may = None
        except (SpendCapReached, NotAccepted):
            pass
        self.check()

    def reserve(self, work: Work) -> None:
        if work.is_over:
            return
        usd = work.spent + exact(self.number(40) / 10)
        wanted = Reservation(self.month, work.name, Owner.BATCH, usd, AT, AT)
        work.may = self.purse.reserve(wanted, work.spent + exact(self.number(10) / 10) if self.number(1) else None).usd

    def spend(self, work: Work) -> None:
        """It spends what it has reserved, and no more; one that was cut off looks first."""
        if work.may is None:
            found = self.purse.reservation(self.month, work.name)
            work.may = found.usd if found else NOTHING
        if not work.is_over and work.may > work.spent:
            work.spent += exact((work.may - work.spent) * self.number(10) / 10)

    def shrink(self, work: Work) -> None:
        """To what it may still spend, from now on."""
        if work.may is not None and not work.is_over:
            work.may = exact(work.spent + max(NOTHING, work.may - work.spent) * self.number(10) / 10)
            self.purse.shrink(self.month, work.name, work.may)

    def settle(self, work: Work) -> None:
        work.is_over = True
        self.purse.settle(self.month, work.name, CountedCost(work.spent, AT))

    def sweep(self, work: Work) -> None:
        """Of somebody who is over. What was spent is counted by who ends it: here it is done again."""
        if work.is_over:
            self.settle(work)
            self.purse.release(self.month, work.name)

    def check(self) -> None:
        at = self.purse.month(self.month)
        assert at.committed == at.spent + at.reserved
        assert at.committed <= self.cap
        assert sum(work.spent for work in self.works) <= self.cap

    def end(self) -> None:
        """Everybody is tried again until it is over."""
        for work in self.works:
            self.settle(work)
        at = self.purse.month(self.month)
        assert not at.reservations
        assert at.committed == at.spent == sum(work.spent for work in self.works)


class Interleaved(Table):
    """Before a transaction others may have their turn; it may be cut off before or after it."""

    world: World | None = None

    def transact(self, *writes: Write) -> None:
        world = self.world
        if world is None or world.depth > 1:
            return super().transact(*writes)
        happens = world.number(9)
        if happens == 1:
            raise Crash
        if happens > 2:
            world.depth += 1
            try:
                world.step()
            finally:
                world.depth -= 1
        super().transact(*writes)
        if happens == 2:
            raise Crash


class Cut(MemoryPurse):
    """The twin, whose callers may be cut off before and after each call."""

    world: World | None = None

    def __getattribute__(self, name: str):  # type: ignore[no-untyped-def]
        found = super().__getattribute__(name)
        if name not in ("reserve", "shrink", "settle", "release"):
            return found
        world = super().__getattribute__("world")

        def cut(*args, **kwargs):  # type: ignore[no-untyped-def]
            happens = world.number(9) if world else 0
            if happens == 1:
                raise Crash
            done = found(*args, **kwargs)
            if happens == 2:
                raise Crash
            return done

        return cut


class Nested(PurseStore):
    """One process's calls come one after the other; here each step is a process of its own."""

    def _repeat(self, once):  # type: ignore[no-untyped-def]
        return PurseStore._repeat(PurseStore(self.items, float(self.cap)), once)


@pytest.fixture(params=["dynamodb", "memory"])
def made(request: pytest.FixtureRequest) -> Iterator[Callable[[float], tuple[Purse, list[object]]]]:
    if request.param == "memory":
        yield lambda cap: (lambda one: (one, [one]))(Cut(cap))
        return
    aws: Aws = request.getfixturevalue("aws")
    table = Interleaved(aws.items.client, aws.items.name)
    yield lambda cap: (Nested(table, cap), [table])


@ANY
@given(seed=st.integers(0, 2**32))
def test_no_interleaving_passes_the_cap_and_in_the_end_it_is_what_was_spent(
    made: Callable[[float], tuple[Purse, list[object]]], seed: int
) -> None:
    """Steps come of a seed: what Hypothesis draws one by one is rarely mixed enough to find a missing condition."""
    chance = random.Random(seed)
    cap = chance.choice([3.0, 3.0, 0.1, 5.0])
    purse, disturbed = made(cap)
    world = World(purse, next(MONTHS), exact(cap), chance)
    for one in disturbed:
        one.world = world  # type: ignore[attr-defined]
    for _ in range(chance.randint(6, 14)):
        world.step()
    for one in disturbed:
        one.world = None  # type: ignore[attr-defined]
    world.end()
