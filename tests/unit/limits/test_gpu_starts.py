"""How many GPUs one person starts in an hour: each costs its boot, whatever is asked of it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from foreverus import bootstrap
from foreverus.aws import keys
from foreverus.costs.purse import PurseStore
from foreverus.errors import LimitReached
from foreverus.limits.person import PersonLimits
from foreverus.limits.records import Count, CountChange, Kind, PersonCaps
from foreverus.limits.rules import with_gpu_start
from foreverus.limits.store import CountStore
from foreverus.sessions.records import Gpus, Session, Trigger
from foreverus.sessions.start import SessionStarter
from foreverus.sessions.store import SessionStore
from tests.unit.conftest import NOW, Aws

MOST = 3


@dataclass
class Starting:
    """Under the API's limits; `over` is what the end of a session does to the slot."""

    aws: Aws
    now: datetime = NOW
    most: int = MOST

    def starter(self, store: SessionStore | None = None) -> SessionStarter:
        limits = PersonLimits(CountStore(self.aws.items), PersonCaps(gpu_starts_per_hour=self.most), lambda: self.now)
        machine, purse = bootstrap.aws.machine(self.aws.gpu_session_arn), PurseStore(self.aws.items, 1000.0)
        known = store or SessionStore(self.aws.items)
        return SessionStarter(known, purse, machine, 300, 4.0, lambda: self.now, place=limits.gpu_start)

    def start(self, user_id: str, trigger: Trigger = Trigger.PAGE) -> tuple[Session, bool]:
        return self.starter().start(user_id, trigger)

    def over(self) -> None:
        self.aws.items.delete(keys.GPU_SLOT)

    def counted(self, user_id: str) -> int:
        return len(CountStore(self.aws.items).read(user_id, Kind.GPU_STARTS).times)


@pytest.fixture
def at(aws: Aws) -> Starting:
    return Starting(aws)


@pytest.mark.parametrize("trigger", [Trigger.PAGE, Trigger.MESSAGE])
def test_who_switches_it_on_and_off_again_stops_at_the_limit(at: Starting, trigger: Trigger) -> None:
    for number in range(MOST):
        at.now = NOW + timedelta(minutes=number)
        assert at.start("ana", trigger)[1]
        at.over()
    for _ in range(3):
        with pytest.raises(LimitReached) as refused:
            at.start("ana", trigger)
        assert (refused.value.status, refused.value.reason) == (429, "too_many_gpu_starts")
        assert refused.value.retry_after_s == 3600 - 2 * 60
        with pytest.raises(LimitReached):
            at.starter().check_place("ana")
    assert list(at.aws.items.query(keys.GPUS)) == [], "nothing is claimed"
    assert at.start("bia")[1], "others start theirs"
    at.starter().check_place("ana")  # one is on, and serves everybody
    assert at.start("ana")[1] is False
    at.over()
    at.now = NOW + timedelta(hours=1)
    assert at.start("ana")[1], "the oldest is an hour old"


def test_joining_counts_nothing_and_who_is_not_asked_counts_nothing(at: Starting) -> None:
    at.start("ana")
    for _ in range(20):
        assert not at.start("ana")[1] and not at.start("bia")[1]
    assert (at.counted("ana"), at.counted("bia")) == (1, 0)
    at.over()
    uncounted = replace(at.starter(), place=None)  # the sweep, for a message that waits
    for _ in range(MOST + 1):
        assert uncounted.start("ana", Trigger.MESSAGE)[1]
        at.over()
    assert at.counted("ana") == 1


def test_who_presses_twice_at_once_has_one_gpu_and_one_count(at: Starting) -> None:
    class Racing(SessionStore):
        """Another request of the same person comes between the look and the claim."""

        looked = 0

        def gpus(self) -> Gpus:
            Racing.looked += 1
            if Racing.looked == 1:
                at.start("ana")
                return Gpus(())
            return super().gpus()

    assert at.starter(Racing(at.aws.items)).start("ana", Trigger.PAGE)[1] is False
    assert at.counted("ana") == 1


def test_two_starts_of_one_person_never_both_take_the_last_place(at: Starting) -> None:
    """The first one's GPU is over before the second one claims: only the count stands between them."""
    at.most = 1

    class Racing(SessionStore):
        claimed = 0

        def claim(
            self, session: Session, purse: PurseStore, session_cap_usd: float, place: CountChange | None = None
        ) -> Session:
            Racing.claimed += 1
            if Racing.claimed == 1:
                at.start("ana")
                at.over()
            return super().claim(session, purse, session_cap_usd, place)

    with pytest.raises(LimitReached):
        at.starter(Racing(at.aws.items)).start("ana", Trigger.PAGE)
    assert at.counted("ana") == 1 and list(at.aws.items.query(keys.GPUS)) == []


@pytest.mark.parametrize("most", [1, 6, 600])
def test_what_is_kept_is_bounded_however_long_it_goes_on(most: int) -> None:
    count = Count(user_id="ana", kind=Kind.GPU_STARTS)
    for hour in range(3):
        for number in range(most):
            now = NOW + timedelta(hours=hour, milliseconds=number)
            count = with_gpu_start(count, most, now).after
        with pytest.raises(LimitReached):
            with_gpu_start(count, most, NOW + timedelta(hours=hour, milliseconds=most))
    assert len(count.times) <= most
