"""Counting, in the table and in its twin: nobody ever gets more than their limit, however requests meet."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.costs.usage.records import UsageKind, Used, UsedService, day_of
from foreverus.costs.usage.store import usage_write
from foreverus.errors import LimitReached
from foreverus.limits.person import PersonLimits, counted
from foreverus.limits.records import Count, CountChange, CountChanged, Kind, PersonCaps
from foreverus.limits.store import CountStore, MemoryCounts, fewer_bytes_write
from tests.unit.conftest import NOW, Aws

CAPS = PersonCaps(messages_per_minute=3, open_batches=2, open_sockets=2, stored_bytes=1000, tokens_per_day=500)


class World(Protocol):
    """The table or its twin, and what joins other transactions there."""

    counts: Any

    def use_tokens(self, user_id: str, tokens: int, now: datetime) -> None: ...
    def take_away(self, user_id: str, bytes_: int) -> None: ...


def used(tokens: int) -> tuple[Used, Used]:
    """Of both backends and of two kinds of work: the limit is of all together."""
    gpu = Used(service=UsedService.GPU, kind=UsageKind.CHAT, prompt_tokens=tokens // 2)
    return gpu, Used(service=UsedService.BEDROCK, kind=UsageKind.API, completion_tokens=tokens - tokens // 2)


class InTheTable:
    def __init__(self, aws: Aws):
        self.items = aws.items
        self.counts = CountStore(aws.items)

    def use_tokens(self, user_id: str, tokens: int, now: datetime) -> None:
        self.items.transact(usage_write(user_id, now, *used(tokens)))

    def take_away(self, user_id: str, bytes_: int) -> None:
        self.items.transact(fewer_bytes_write(user_id, bytes_))


class InMemory:
    def __init__(self) -> None:
        self.counts = MemoryCounts()

    def use_tokens(self, user_id: str, tokens: int, now: datetime) -> None:
        self.counts.usage.add(user_id, now, *used(tokens))

    def take_away(self, user_id: str, bytes_: int) -> None:
        self.counts.add_bytes(user_id, -bytes_)


@pytest.fixture(params=["table", "memory"])
def world(request: pytest.FixtureRequest) -> World:
    return InMemory() if request.param == "memory" else InTheTable(request.getfixturevalue("aws"))


def limits_of(world: World, now: datetime = NOW) -> PersonLimits:
    return PersonLimits(world.counts, CAPS, lambda: now)


def take(world: World, change: CountChange) -> None:
    if not world.counts.apply(change):
        raise CountChanged


def everything(ids: Collection[str]) -> Collection[str]:
    return list(ids)


def test_two_at_once_never_both_get_the_last_place(world: World) -> None:
    mine = limits_of(world)
    for _ in range(2):
        take(world, mine.message("ana"))
    one, other = mine.message("ana"), mine.message("ana")
    assert world.counts.apply(one) and not world.counts.apply(other)
    with pytest.raises(LimitReached):
        counted(lambda: mine.message("ana"), lambda place: take(world, place))
    take(world, mine.message("bia"))  # everybody has their own


def test_what_was_never_counted_is_taken_by_one_of_two(world: World) -> None:
    one, other = limits_of(world).message("ana"), limits_of(world).message("ana")
    assert world.counts.apply(other) and not world.counts.apply(one)
    assert len(world.counts.read("ana", Kind.MESSAGES).times) == 1


def test_a_window_ends_by_itself(world: World) -> None:
    for _ in range(3):
        take(world, limits_of(world).message("ana"))
    with pytest.raises(LimitReached):
        limits_of(world, NOW + timedelta(seconds=59.9)).message("ana")
    take(world, limits_of(world, NOW + timedelta(seconds=60)).message("ana"))


def test_what_is_over_gives_its_place_back_when_the_next_one_comes(world: World) -> None:
    until = NOW + timedelta(hours=24)
    for name in ("batch_1", "batch_2"):
        take(world, limits_of(world).batch("ana", name, until, everything))
    with pytest.raises(LimitReached):
        limits_of(world).batch("ana", "batch_3", until, everything)
    take(world, limits_of(world).batch("ana", "batch_3", until, lambda ids: {"batch_2"}))
    assert world.counts.read("ana", Kind.BATCHES).held.keys() == {"batch_2", "batch_3"}


def test_who_comes_back_while_another_request_looks_what_is_over_is_not_lost(world: World) -> None:
    """Its creation was undone, another request looks, and it is created again under its id before that one notes what
    it has seen."""
    until = NOW + timedelta(hours=24)
    for name in ("batch_1", "batch_2"):
        take(world, limits_of(world).batch("ana", name, until, everything))
    looks = []

    def created_meanwhile(ids: Collection[str]) -> Collection[str]:
        looks.append(ids)
        if len(looks) == 1:
            take(world, limits_of(world).batch("ana", "batch_1", until, everything))
            return {"batch_2"}  # as it was when this request looked
        return {"batch_1", "batch_2"}

    with pytest.raises(LimitReached):
        limits_of(world).batch("ana", "batch_3", until, created_meanwhile)
    assert len(looks) == 2 and world.counts.read("ana", Kind.BATCHES).held.keys() == {"batch_1", "batch_2"}


def test_bytes_that_were_there_before_anybody_counted_are_counted(world: World) -> None:
    world.take_away("ana", 50)  # of a file of an earlier version
    take(world, limits_of(world).bytes("ana", 300, lambda: 600))
    assert world.counts.read("ana", Kind.BYTES).used == 900
    with pytest.raises(LimitReached):
        limits_of(world).bytes("ana", 101, lambda: 900)
    world.take_away("ana", 600)
    assert world.counts.read("ana", Kind.BYTES).used == 300


def test_bytes_are_counted_anew_before_somebody_is_refused(world: World) -> None:
    take(world, limits_of(world).bytes("ana", 900, lambda: 0))
    take(world, limits_of(world).bytes("ana", 200, lambda: 500))  # 400 of them went by themselves
    assert world.counts.read("ana", Kind.BYTES).used == 700


def test_what_is_deleted_while_bytes_are_counted_anew_is_counted_once(world: World) -> None:
    take(world, limits_of(world).bytes("ana", 1000, lambda: 0))
    truths = iter([1000, 600])

    def in_truth() -> int:
        found = next(truths)
        if found == 1000:
            world.take_away("ana", 400)  # after it was listed
        return found

    take(world, limits_of(world).bytes("ana", 300, in_truth))
    assert world.counts.read("ana", Kind.BYTES).used == 900


def test_a_days_tokens_are_the_days_in_utc(world: World) -> None:
    late = NOW.replace(hour=23, minute=59)
    world.use_tokens("ana", 300, NOW)
    world.use_tokens("ana", 199, late)
    limits_of(world, late).check_tokens("ana")
    world.use_tokens("ana", 1, late)
    assert world.counts.tokens("ana", day_of(NOW)) == 500
    for refused in (
        lambda: limits_of(world, late).message("ana"),
        lambda: limits_of(world, late).batch("ana", "batch_1", late, everything),
    ):
        with pytest.raises(LimitReached, match="500 tokens today") as found:
            refused()
        assert found.value.reason == "daily_tokens_used"
    after = found.value.retry_after_s or 0
    limits_of(world, late + timedelta(seconds=after)).message("ana")
    limits_of(world, late).message("bia")


@dataclass
class Request:
    """One request between its two steps: it has read, or not yet."""

    place: CountChange | None = None
    got: bool = False
    refused: bool = False


@dataclass
class Interleaving:
    """Requests of one person that meet: each reads and writes when it is its turn."""

    kind: Kind
    open: set[str] = field(default_factory=set)
    counts: MemoryCounts = field(default_factory=MemoryCounts)
    now: datetime = NOW

    def step(self, number: int, request: Request) -> None:
        if request.got or request.refused:
            return
        if request.place is None:
            try:
                request.place = self._place(number)
            except LimitReached:
                request.refused = True
            return
        request.got = self.counts.apply(request.place)
        request.place = None
        if request.got:
            self.open.add(f"id_{number}")

    def _place(self, number: int) -> CountChange:
        mine, until = PersonLimits(self.counts, CAPS, lambda: self.now), self.now + timedelta(hours=1)
        if self.kind is Kind.MESSAGES:
            return mine.message("ana")
        ask = mine.batch if self.kind is Kind.BATCHES else mine.socket
        return ask("ana", f"id_{number}", until, lambda ids: self.open & set(ids))


@given(
    st.sampled_from([Kind.MESSAGES, Kind.BATCHES, Kind.SOCKETS]),
    st.lists(st.integers(0, 7), max_size=80),
    st.sets(st.integers(0, 79)),
)
def test_however_requests_meet_as_many_get_through_as_there_are_places(
    kind: Kind, turns: list[int], ends: set[int]
) -> None:
    meeting, requests = Interleaving(kind), [Request() for _ in range(8)]
    most = 3 if kind is Kind.MESSAGES else 2
    for turn, number in enumerate([*turns, *list(range(8)) * 40]):
        if turn in ends and meeting.open and kind is not Kind.MESSAGES:
            meeting.open.remove(min(meeting.open))
        meeting.step(number, requests[number])
        assert len(meeting.open) <= most
    assert all(one.got or one.refused for one in requests)
    got = sum(one.got for one in requests)
    assert got == most if kind is Kind.MESSAGES or not ends else got >= most


def test_a_count_survives_the_table(aws: Aws) -> None:
    whole = Count(
        user_id="ana", kind=Kind.BYTES, times=(1, 2), held={"Ab=+/": 5, "batch_1": 6}, used=7, is_complete=True
    )
    changed = CountChange(replace(whole, version=0), replace(whole, version=1))
    assert CountStore(aws.items).apply(changed)
    assert CountStore(aws.items).read("ana", Kind.BYTES) == changed.after
