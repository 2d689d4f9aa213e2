"""Reservations whose owner is gone are released, and no others."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from foreverus import ids
from foreverus.costs.ledger import CountedCost
from foreverus.costs.money import exact
from foreverus.costs.purse_memory import MemoryPurse
from foreverus.costs.reservations import Owner, Reservation
from foreverus.sessions.records import Session, SessionStatus
from foreverus.sweeps.reservations import LostReservations
from foreverus.sweeps.sweep import sweep
from tests.unit.conftest import NOW


@dataclass
class Open:
    batch_id: str


@dataclass
class World:
    purse: MemoryPurse = field(default_factory=lambda: MemoryPurse(20.0))
    sessions: dict[str, Session] = field(default_factory=dict)
    batches: list[Open] = field(default_factory=list)
    now: datetime = NOW

    def get(self, session_id: str) -> Session | None:
        return self.sessions.get(session_id)

    def reserve(self, name: str, owner: Owner, minutes: float = 10) -> None:
        until = ids.timestamp(self.now + timedelta(minutes=minutes))
        month = f"{self.now:%Y-%m}"
        self.purse.reserve(Reservation(month, name, owner, exact(1), ids.timestamp(self.now), until))

    def sweep(self) -> list[str]:
        duty = LostReservations(self.purse, self, lambda: self.batches, lambda: self.now)
        return sweep({"lost reservations": duty})["lost reservations"]


@pytest.mark.parametrize(
    ("session", "released"),
    [
        (None, True),
        (SessionStatus.FAILED, True),
        (SessionStatus.ENDED, True),
        (SessionStatus.REQUESTED, False),
        (SessionStatus.DRAINING, False),
    ],
)
def test_of_a_session_that_is_over_or_was_never_claimed(session: SessionStatus | None, released: bool) -> None:
    world = World()
    if session:
        world.sessions["ses_1"] = Session(session_id="ses_1", status=session)
    world.reserve("ses_1", Owner.SESSION)
    world.now += timedelta(days=1)  # one that lives longer than anybody expected still spends
    assert world.sweep() == (["ses_1 released"] if released else [])
    assert world.sweep() == []
    assert world.purse.month("2026-01").reserved == (0 if released else 1)


def test_of_a_batch_that_is_not_open_any_more() -> None:
    world = World(batches=[Open("batch_1")])
    world.reserve("batch_1", Owner.BATCH)
    world.reserve("batch_2", Owner.BATCH)
    world.now += timedelta(hours=23)
    assert world.sweep() == ["batch_2 released"]
    world.batches = []
    assert world.sweep() == ["batch_1 released"]


@pytest.mark.parametrize("owner", [Owner.CHAT, Owner.OTHER])
def test_of_a_call_whose_time_is_over(owner: Owner) -> None:
    world = World()
    world.reserve("ses_1/msg_1", owner, minutes=11)
    world.now += timedelta(minutes=11)
    assert world.sweep() == []
    world.now += timedelta(seconds=1)
    assert world.sweep() == ["ses_1/msg_1 released"]


def test_an_openai_call_that_nobody_settled_is_counted_once_for_all_it_could_cost() -> None:
    world = World()
    world.reserve("api/req_1", Owner.CHAT)
    world.reserve("api/req_2", Owner.CHAT)
    world.purse.settle("2026-01", "api/req_2", CountedCost(exact(0.25), ids.timestamp(NOW)))
    world.reserve("api/req_2", Owner.CHAT)  # its end was written, and its reservation anew after it
    assert world.sweep() == []
    world.now += timedelta(minutes=11)
    assert world.sweep() == ["api/req_1 counted", "api/req_2 released"]
    assert world.sweep() == []
    month = world.purse.month("2026-01")
    assert (month.spent, month.reserved) == (exact(1.25), 0)
    assert not world.purse.settle("2026-01", "api/req_1", CountedCost(exact(0.5), ids.timestamp(world.now))), "once"
    assert world.purse.month("2026-01").spent == exact(1.25)


def test_the_month_before_is_looked_after_too() -> None:
    world = World(now=datetime(2026, 1, 31, 23, 59, tzinfo=UTC))
    world.reserve("ses_1", Owner.SESSION)
    world.now = datetime(2026, 2, 1, 0, 4, tzinfo=UTC)
    world.reserve("ses_2", Owner.SESSION)
    assert world.sweep() == ["ses_2 released", "ses_1 released"]
    assert world.purse.month("2026-01").left == world.purse.month("2026-02").left == 20


def test_what_was_settled_stays_counted() -> None:
    world = World()
    world.reserve("batch_1", Owner.BATCH)
    world.purse.settle("2026-01", "batch_1", CountedCost(exact(0.5), ids.timestamp(NOW)))
    world.reserve("batch_1", Owner.BATCH)  # a step of it that was late
    assert world.sweep() == ["batch_1 released"]
    assert (world.purse.month("2026-01").spent, world.purse.month("2026-01").reserved) == (exact(0.5), 0)
