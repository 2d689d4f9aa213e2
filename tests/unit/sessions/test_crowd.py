"""Another GPU for people who wait: bought by their messages, one at a time, within MaxGpus and the caps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.demand_keys import CROWD
from foreverus.choice.crowd import APART_S, LASTS_S
from foreverus.costs.money import exact
from foreverus.costs.purse import PurseStore
from foreverus.costs.reservations import Owner, Reservation
from foreverus.errors import NotAccepted
from foreverus.sessions.backends_now import BackendsLook
from foreverus.sessions.crowd import CrowdGpus, CrowdStore
from foreverus.sessions.gpu_state import GpuState
from foreverus.sessions.records import Session, Trigger
from foreverus.sessions.start import SessionStarter
from foreverus.sessions.store import SessionStore
from foreverus.sessions.views import public_session
from tests.unit.conftest import Aws, session_item
from tests.unit.sessions.test_gpu_state import FIGURES

BEGIN = datetime(2026, 11, 20, 9, tzinfo=UTC)
CAP = 20.0


class Machine:
    def __init__(self) -> None:
        self.started: list[str] = []
        self.fails = False

    def start(self, name: str, request: dict[str, object]) -> None:
        if self.fails:
            raise ConnectionError
        self.started.append(name)


class Hall:
    """One GPU with eight slots, and people in front of it."""

    def __init__(self, aws: Aws, max_gpus: int = 2) -> None:
        self.aws, self.now, self.machine = aws, BEGIN, Machine()
        self.state = GpuState(slots=8, waiting=38, is_booting=False, boot_seconds=480)
        self.purse, self.store = PurseStore(aws.items, CAP), SessionStore(aws.items)
        starter = SessionStarter(self.store, self.purse, self.machine, 300, 4.0, lambda: self.now, max_gpus=max_gpus)
        look = BackendsLook(lambda: self.state, self.purse, FIGURES, lambda: self.now)
        self.gpus = CrowdGpus(
            look=look,
            sessions=self.store,
            crowds=CrowdStore(aws.items),
            starter=starter,
            slots_each=8,
            clock=lambda: self.now,
        )
        aws.put(**session_item("ses_first"))
        aws.put(**keys.GPU_SLOT, session_id="ses_first")

    def come(self, people: int, every_s: float) -> list[Session]:
        found = []
        for _ in range(people):
            if session := self.gpus.asked():
                found.append(session)
                self.state = replace(self.state, is_booting=True)
            self.now += timedelta(seconds=every_s)
        return found


def test_a_crowd_that_lasts_gets_one_more_gpu_with_its_sum(aws: Aws) -> None:
    hall = Hall(aws)
    (session,) = hall.come(400, 0.5)
    begun = ids.parse_timestamp(session.created_at)
    assert begun - BEGIN >= timedelta(seconds=LASTS_S) and hall.machine.started == [session.session_id]
    kept = hall.store.get(session.session_id)
    assert kept and (kept.trigger, kept.slot, kept.owner, kept.batch_id) == (Trigger.CROWD, 1, "crowd", "")
    shown = public_session(kept)["crowd"]
    assert shown["numbers"]["waiting"] == 30 and shown["numbers"]["asked_per_minute"] == pytest.approx(120, abs=2)
    assert shown["text"].startswith("30 people wait 17 s") and public_session(Session(session_id="s"))["crowd"] is None
    month = hall.purse.month("2026-11")
    assert [one.owner for one in month.reservations] == [Owner.SESSION], "it is within the month's cap"


def test_people_who_come_one_by_one_are_no_crowd(aws: Aws) -> None:
    assert Hall(aws).come(20, APART_S + 1) == []


def test_a_rush_that_is_over_before_a_gpu_has_booted_gets_none(aws: Aws) -> None:
    hall = Hall(aws)
    assert hall.come(200, 0.05) == []
    assert hall.come(20, 8) == [], "hardly anybody comes any more"


@pytest.mark.parametrize(
    "state",
    [
        GpuState(slots=8, waiting=7, is_booting=False, boot_seconds=480),
        GpuState(slots=8, waiting=38, is_booting=True, boot_seconds=480),
        GpuState(slots=16, waiting=76, is_booting=False, boot_seconds=480),
        GpuState(slots=0, waiting=38, is_booting=True, boot_seconds=480),
    ],
    ids=["a slot is free", "one boots", "MaxGpus are on", "the first one boots"],
)
def test_nothing_is_bought_where_it_would_not_help(aws: Aws, state: GpuState) -> None:
    hall = Hall(aws)
    hall.state = state
    assert hall.come(400, 0.5) == [] == hall.machine.started


def test_with_one_gpu_at_most_nothing_is_read(aws: Aws) -> None:
    hall = Hall(aws, max_gpus=1)
    assert hall.come(400, 0.5) == [] and aws.items.get(CROWD) is None


@pytest.mark.parametrize("usd", [16.0, 19.999], ids=["80 %", "nothing left"])
def test_near_the_months_cap_none_is_bought(aws: Aws, usd: float) -> None:
    hall = Hall(aws)
    aws.put(**keys.ledger_total_key("2026-11"), spent_usd=usd)
    assert hall.come(400, 0.5) == []


def test_what_others_have_reserved_is_theirs(aws: Aws) -> None:
    hall = Hall(aws)
    until = ids.timestamp(BEGIN + timedelta(days=1))
    hall.purse.reserve(Reservation("2026-11", "batch_1", Owner.BATCH, exact(Decimal(CAP)), until, until))
    assert hall.come(400, 0.5) == [] == hall.machine.started


def test_trouble_never_reaches_the_message(aws: Aws, caplog: pytest.LogCaptureFixture) -> None:
    hall = Hall(aws)
    hall.machine.fails = True
    assert hall.come(300, 0.5) == [] and "no GPU for the crowd" in caplog.text
    assert hall.store.live_session_ids() == ["ses_first"], "the claim was undone"

    def broken() -> GpuState:
        raise NotAccepted("not now")

    object.__setattr__(hall.gpus.look, "gpus", broken)
    assert hall.gpus.asked() is None


def test_two_who_find_the_same_queue_buy_one(aws: Aws) -> None:
    hall = Hall(aws, max_gpus=4)
    (first,) = hall.come(300, 0.5)
    assert first.crowd and hall.gpus.starter.start_beside(first.crowd) is None


def test_the_counter_is_no_gpu_and_a_count_may_be_lost_but_never_the_crowd(aws: Aws) -> None:
    hall = Hall(aws)
    hall.come(3, 1)
    assert hall.store.live_session_ids() == ["ses_first"]
    one, other = CrowdStore(aws.items), CrowdStore(aws.items)
    before = aws.items.get(CROWD)
    assert (one.one_more(hall.now).asked, other.one_more(hall.now).asked) == (4, 5)
    assert before and before["asked"] == 3
    late = hall.now + timedelta(seconds=APART_S + 5)
    assert (one.one_more(late).asked, one.one_more(late).since) == (1, late)
