"""What people have used, in the table and in its twin: added up with what is saved, and nobody's when they leave."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foreverus.aws import keys
from foreverus.aws.dynamo import ConditionFailed, put_write
from foreverus.backends.port import BackendName
from foreverus.costs.usage.records import DayUsage, UsageKind, Used, UsedService, added
from foreverus.costs.usage.store import MemoryUsage, UsageStore, usage_write
from tests.unit.conftest import NOW, Aws

GPU, BEDROCK = UsedService.GPU, UsedService.BEDROCK
CHAT, BATCH, API = UsageKind


class World(Protocol):
    usage: Any

    def add(self, user_id: str, now: datetime, *used: Used) -> None: ...


class InTheTable:
    def __init__(self, aws: Aws):
        self.items = aws.items
        self.usage = UsageStore(aws.items)

    def add(self, user_id: str, now: datetime, *used: Used) -> None:
        self.items.transact(usage_write(user_id, now, *used))


class InMemory:
    def __init__(self) -> None:
        self.usage = MemoryUsage()
        self.add = self.usage.add


@pytest.fixture(params=["table", "memory"])
def world(request: pytest.FixtureRequest) -> World:
    return InMemory() if request.param == "memory" else InTheTable(request.getfixturevalue("aws"))


def used(service: UsedService = GPU, kind: UsageKind = CHAT, **numbers: Any) -> Used:
    return Used(service=service, kind=kind, **numbers)


def numbers(found: DayUsage) -> dict[tuple[str, str], tuple[int, int, int, Decimal]]:
    return {
        (one.service.value, one.kind.value): (one.messages, one.prompt_tokens, one.completion_tokens, one.usd)
        for one in found
    }


def test_a_day_has_what_was_added_by_backend_and_kind(world: World) -> None:
    for _ in range(3):
        world.add("ana", NOW, used(messages=1, prompt_tokens=10, completion_tokens=5))
    one, other = used(BEDROCK, usd=Decimal("0.000000001")), used(BEDROCK, API, messages=1, usd=Decimal("0.25"))
    world.add("ana", NOW, one, other, one)
    world.add("bia", NOW, used(GPU, BATCH, messages=7))
    day = world.usage.day("ana", "2026-01-01")
    assert numbers(day) == {
        ("gpu", "chat"): (3, 30, 15, 0),
        ("bedrock", "chat"): (0, 0, 0, Decimal("0.000000002")),
        ("bedrock", "api"): (1, 0, 0, Decimal("0.25")),
    }
    assert day.tokens == 45
    assert world.usage.day("ana", "2026-01-02").tokens == world.usage.day("nobody", "2026-01-01").tokens == 0


def test_days_are_everybodys_in_order_and_over_months(world: World) -> None:
    for day in (datetime(2025, 12, 31, 23, 59, tzinfo=UTC), NOW, NOW + timedelta(days=40)):
        for user_id in ("bia", "ana#1"):
            world.add(user_id, day, used(messages=1))
    found = [(one.day, one.user_id) for one in world.usage.days("2025-12-31", "2026-02-09")]
    assert found == [("2025-12-31", "ana#1"), ("2025-12-31", "bia"), ("2026-01-01", "ana#1"), ("2026-01-01", "bia")]
    assert [one.day for one in world.usage.of_person("bia", NOW)] == ["2025-12-31", "2026-01-01"]


def test_whose_numbers_they_were_goes_and_the_sums_stay(world: World) -> None:
    for user_id in ("ana", "anna", "bia"):
        world.add(user_id, NOW, used(messages=1, prompt_tokens=2), used(BEDROCK, usd=Decimal("0.1")))
        world.add(user_id, NOW - timedelta(days=399), used(messages=1))
    before = sums(world)
    assert (world.usage.forget_person("ana", NOW), world.usage.forget_person("bia", NOW)) == (2, 2)
    assert world.usage.forget_person("ana", NOW) == 0
    assert sums(world) == before
    assert {one.user_id for one in everything(world)} == {"anna", "erased"}


def everything(world: World) -> list[DayUsage]:
    return list(world.usage.days("2024-01-01", "2026-01-31"))


def sums(world: World) -> dict[tuple[UsedService, UsageKind], Used]:
    return added({}, (part for one in everything(world) for part in one))


def test_what_is_saved_while_somebody_is_forgotten_is_not_lost(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer ends between the look and the move: the next pass finds all of it."""
    world, real = InTheTable(aws), aws.items.transact_if
    world.add("ana", NOW, used(messages=1))

    def late(*writes: Any) -> bool:
        world.add("ana", NOW, used(messages=1))
        return bool(real(*writes))

    with monkeypatch.context() as patch:
        patch.setattr(aws.items, "transact_if", late)
        assert world.usage.forget_person("ana", NOW) == 0
    assert world.usage.forget_person("ana", NOW) == 1
    assert world.usage.day("erased", "2026-01-01").parts[GPU, CHAT].messages == 2
    assert world.usage.day("ana", "2026-01-01").tokens == 0


def test_it_is_counted_with_what_is_saved_or_not_at_all(aws: Aws) -> None:
    item = {**keys.deleted_key("conv_1")}
    aws.items.put(item)
    with pytest.raises(ConditionFailed):
        aws.items.transact(put_write(item, "attribute_not_exists(pk)"), usage_write("ana", NOW, used(messages=1)))
    assert not list(UsageStore(aws.items).days("2026-01-01", "2026-01-31"))


def test_it_is_kept_for_thirteen_months(aws: Aws) -> None:
    InTheTable(aws).add("ana", NOW, used(messages=1))
    item = aws.items.get(keys.usage_key("2026-01-01", "ana")) or {}
    assert timedelta(days=396) <= datetime.fromtimestamp(item["expires_at"], UTC) - NOW <= timedelta(days=400)


@pytest.mark.parametrize("backend", sorted(set(BackendName) - {BackendName.AUTO}))
def test_every_backend_is_counted_by_its_name(backend: BackendName) -> None:
    assert UsedService(backend.value).value == backend


PART = st.builds(
    Used,
    service=st.sampled_from([GPU, BEDROCK]),
    kind=st.sampled_from(UsageKind),
    messages=st.integers(0, 5),
    prompt_tokens=st.integers(0, 10**9),
    completion_tokens=st.integers(0, 10**9),
    usd=st.decimals(0, 10, places=9),
)
ADDED = st.tuples(st.sampled_from(["ana", "bia", "schedule"]), st.integers(0, 60), st.lists(PART, max_size=3))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(ADDED, max_size=12), st.sampled_from(["ana", "nobody"]))
def test_the_twin_says_what_the_table_says(aws: Aws, adds: list[tuple[str, int, list[Used]]], leaver: str) -> None:
    table, memory = InTheTable(aws), InMemory()
    for item in [one for month in ("2026-01", "2026-02", "2026-03") for one in aws.items.query(f"USAGE#{month}")]:
        aws.items.delete({"pk": item["pk"], "sk": item["sk"]})
    for world in (table, memory):
        for user_id, days, parts in adds:
            world.add(user_id, NOW + timedelta(days=days), *parts)
        world.usage.forget_person(leaver, NOW + timedelta(days=60))
    ours, theirs = (
        [(one.day, one.user_id, numbers(one)) for one in world.usage.days("2026-01-01", "2026-03-31") if numbers(one)]
        for world in (table, memory)
    )
    # The table keeps no part of which nothing was used, beside others of the day neither.
    kept = [(day, user_id, {part: one for part, one in found.items() if any(one)}) for day, user_id, found in theirs]
    assert ours == [one for one in kept if one[2]]
