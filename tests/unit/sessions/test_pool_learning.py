"""How spot GPUs fared is counted by type and zone, and orders the next launch. Nothing of it may fail or delay one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.demand_keys import POOL_ORDER
from foreverus.aws.dynamo import Table, Values
from foreverus.choice.pools import PoolFigures, PoolSeen, pool_order
from foreverus.costs.launch import Lifecycle
from foreverus.costs.purse import PurseStore
from foreverus.errors import SessionLost
from foreverus.sessions.closing import Failure, SessionCloser
from foreverus.sessions.diary import CapacityDiary
from foreverus.sessions.pool_learning import PoolLearning
from foreverus.sessions.records import Session, Trigger
from foreverus.sessions.spot_lives import HALF_LIFE, MOST_COUNTED, LostGpu, PoolCounts, SpotLife, spot_lives
from foreverus.sessions.start import POOLS_HOLD, SessionStarter
from foreverus.sessions.store import SessionStore
from foreverus.sessions.views import public_pool, public_session
from tests.unit.conftest import NOW, Aws, launch, launch_item, session_item
from tests.unit.sessions.test_closing import CAP, Machine, closer, live, request

A, B = "g6.xlarge#us-east-1a", "g6.xlarge#us-east-1b"
Prices = Callable[[Sequence[str], datetime], dict[tuple[str, str], float]]


def same_everywhere(types: Sequence[str], when: datetime) -> dict[tuple[str, str], float]:
    return {(kind, f"us-east-1{zone}"): 0.36 for kind in types for zone in "abcdef"}


def learning(aws: Aws, prices: Prices = same_everywhere, now: datetime = NOW) -> PoolLearning:
    return PoolLearning(
        diary=CapacityDiary(aws.items),
        sessions=SessionStore(aws.items),
        spot_prices=prices,
        region="us-east-1",
        clock=lambda: now,
    )


def closing(aws: Aws, prices: Prices = same_everywhere) -> SessionCloser:
    return replace(closer(aws, Machine()), learn=learning(aws, prices).learn)


def at(minutes: float) -> str:
    return ids.timestamp(NOW - timedelta(minutes=minutes))


def interrupted(aws: Aws, number: int, zone: str = "us-east-1a", **more: Any) -> Session:
    """A session whose spot GPU was taken back after ten minutes."""
    name = f"ses_{number}"
    bought = launch_item(launched_at=at(20), instance_id=f"i-{number}", availability_zone=zone)
    if not aws.items.get(keys.session_key(name)):
        aws.put(**session_item(name, created_at=at(21), launches=[bought], healthy_at=at(15)))
    lost = [LostGpu(0, "SpotInterrupted", at(10))]
    closing(aws, **more).close(request("interrupted", session_id=name, terminated_at=at(10), lost=lost, pools=(A, B)))
    found = SessionStore(aws.items).get(name)
    assert found
    return found


def start(aws: Aws, now: datetime = NOW) -> Session:
    store = SessionStore(aws.items)
    starter = SessionStarter(store, PurseStore(aws.items, CAP), Machine(), 300, 4.0, lambda: now)
    begun, _ = starter.start("ana", Trigger.PAGE)
    kept = store.get(begun.session_id)
    assert kept
    return kept


def test_pool_that_was_interrupted_often_is_asked_for_last(aws: Aws) -> None:
    for number in range(4):
        interrupted(aws, number)
    assert SessionStore(aws.items).gpus().session_ids == ()
    kept = start(aws)
    assert kept.pools and kept.pools.names == (B, A) and kept.pools.learned
    shown = public_session(kept)["pools"]
    assert shown["learned"] and shown["numbers"]["last"]["availability_zone"] == "us-east-1a"
    assert (
        shown["numbers"]["last"]["interruptions"] == pytest.approx(4, abs=0.1)
        and "4.0 interruptions in 0.7 hours) last" in shown["text"]
    )
    (pool,) = [public_pool(one) for one in CapacityDiary(aws.items).read()]
    assert pool["spot"] == {"launches": 4, "hours": 0.7, "interruptions": 4}


def test_one_interruption_changes_nothing_and_is_said(aws: Aws) -> None:
    interrupted(aws, 1)
    kept = start(aws)
    assert kept.pools and (kept.pools.names, kept.pools.learned) == ((), False)
    assert "1.0 interruptions in 0.2 hours" in public_session(kept)["pools"]["text"]


def test_where_nothing_is_known_nothing_is_said(aws: Aws) -> None:
    assert public_session(start(aws))["pools"] is None


def test_closing_that_runs_again_counts_once(aws: Aws) -> None:
    for _ in range(3):
        interrupted(aws, 1)
    (pool,) = CapacityDiary(aws.items).read()
    assert (pool.counts.launches, pool.counts.interruptions) == (1, 1)


def test_two_closings_at_once_are_both_counted(aws: Aws) -> None:
    class Racing(Table):
        raced = False

        def update(self, key: keys.Key, *others: Any, **more: Any) -> Any:
            if not Racing.raced:
                Racing.raced = True
                CapacityDiary(aws.items).count([life("i-other")])
            return super().update(key, *others, **more)

    CapacityDiary(aws.items).count([life("i-before")])
    CapacityDiary(Racing(aws.items.client, aws.items.name)).count([life("i-own")])
    (pool,) = CapacityDiary(aws.items).read()
    assert pool.counts.launches == 3 and set(pool.counts.counted) == {"i-before", "i-other", "i-own"}


def life(instance_id: str, ended: datetime = NOW, interrupted: bool = True) -> SpotLife:
    return SpotLife(
        instance_id=instance_id,
        instance_type="g6.xlarge",
        zone="us-east-1a",
        ended_at=ended,
        hours=1.0,
        interrupted=interrupted,
    )


def test_old_ones_weigh_less_in_whatever_order_they_are_counted(aws: Aws) -> None:
    old = life("i-old", NOW - HALF_LIFE)
    for first, second in ((old, life("i-new")), (life("i-new"), old)):
        counts = PoolCounts().with_life(first).with_life(second)
        assert (counts.launches, counts.hours, counts.interruptions) == pytest.approx((1.5, 1.5, 1.5))
        assert counts.at == ids.timestamp(NOW)
    later = PoolCounts().with_life(life("i-new")).aged(NOW + 10 * HALF_LIFE)
    assert later.interruptions == pytest.approx(1 / 1024)


def test_what_a_pool_keeps_is_bounded() -> None:
    counts = PoolCounts()
    for number in range(10 * MOST_COUNTED):
        counts = counts.with_life(life(f"i-{number}"))
    assert len(counts.counted) == MOST_COUNTED and counts.launches == 10 * MOST_COUNTED


def test_lives_of_a_session_with_a_relaunch() -> None:
    launches = [
        launch(instance_id="i-0", attempt=0, launched_at=at(60), availability_zone="us-east-1a"),
        launch(instance_id="i-1", attempt=1, launched_at=at(40), availability_zone="us-east-1b"),
        launch(
            instance_id="i-2",
            attempt=2,
            launched_at=at(20),
            availability_zone="us-east-1b",
            lifecycle=Lifecycle.ON_DEMAND,
        ),
        launch(instance_id="i-3", attempt=3, launched_at=at(10), availability_zone=""),
    ]
    lost = [LostGpu(0, "SpotInterrupted", at(45)), LostGpu(1, "EngineFailed", at(25))]
    found = spot_lives(launches, lost, NOW)
    assert [(one.instance_id, one.hours, one.interrupted) for one in found] == [
        ("i-0", 0.25, True),
        ("i-1", 0.25, False),
    ]


def test_of_a_session_whose_end_nobody_saw_nothing_is_counted(aws: Aws) -> None:
    live(aws)
    closing(aws).close(request(failure=Failure(SessionLost.code(), "gone")))
    assert [pool.counts.launches for pool in CapacityDiary(aws.items).read()] == [0]
    assert SessionStore(aws.items).gpus().pools is None


class Dead(Table):
    """A table of which one item, or one partition, cannot be had."""

    def __init__(self, aws: Aws, dead: str):
        super().__init__(aws.items.client, aws.items.name)
        self.dead = dead

    def get(self, key: keys.Key) -> Any:
        self._look(key)
        return super().get(key)

    def put(self, item: Values, *others: Any, **more: Any) -> None:
        self._look(item)
        super().put(item, *others, **more)

    def query(self, pk: str, *others: Any, **more: Any) -> Any:
        self._look({"pk": pk, "sk": ""})
        return super().query(pk, *others, **more)

    def _look(self, key: Values) -> None:
        if self.dead in (key["pk"], key["sk"]):
            raise ConnectionError(self.dead)


@pytest.mark.parametrize("dead", [keys.CAPACITY, POOL_ORDER["sk"], keys.SESSIONS])
def test_dead_diary_neither_fails_a_closing_nor_a_launch(aws: Aws, dead: str) -> None:
    table = Dead(aws, dead)
    broken = replace(learning(aws), diary=CapacityDiary(table), sessions=SessionStore(table))
    live(aws)
    lost = [LostGpu(0, "SpotInterrupted", at(10))]
    asked = request("interrupted", terminated_at=at(10), lost=lost, pools=(A, B))
    closed = replace(closer(aws, Machine()), learn=broken.learn).close(asked)
    assert closed.status == "ended"
    broken.renew()
    assert start(aws).pools is None


def written(**changes: Any) -> dict[str, Any]:
    cost = {"instance_type": "g6.xlarge", "zone": "us-east-1a", "usd_per_hour": 0.4, "hours": 1, "interruptions": 0}
    cost |= {"chance": 0.5, "usd": 1}
    order = {"at": at(1), "learned": True, "names": [A], "first": cost, "last": cost}
    return {**order, "hours": 1, "interruptions": 0, "seconds": 1, **changes}


BROKEN = [
    {},
    {"names": [A]},
    written(first="?"),
    written(last=3),
    written(names=None),
    written(at="yesterday"),
    written(hours="many"),
    written(first={"instance_type": "g6.xlarge"}),
]


def test_order_is_read_as_it_was_written(aws: Aws) -> None:
    aws.put(**POOL_ORDER, **written())
    kept = start(aws)
    assert kept.pools and kept.pools.names == (A,)


@pytest.mark.parametrize("broken", BROKEN)
def test_order_that_this_version_does_not_understand_is_none(aws: Aws, broken: dict[str, Any]) -> None:
    aws.put(**POOL_ORDER, **broken)
    assert start(aws).pools is None


def test_order_that_nobody_renewed_is_used_no_more(aws: Aws) -> None:
    for number in range(4):
        interrupted(aws, number)
    assert start(aws, NOW + POOLS_HOLD + timedelta(seconds=1)).pools is None


def test_renewing_takes_the_prices_of_then(aws: Aws) -> None:
    for number in range(4):
        interrupted(aws, number)
    later = NOW + timedelta(hours=6)

    def dearer(types: Sequence[str], when: datetime) -> dict[tuple[str, str], float]:
        assert (types, when) == (["g6.xlarge"], later)
        return {("g6.xlarge", "us-east-1a"): 0.2, ("g6.xlarge", "us-east-1b"): 0.9}

    learning(aws, dearer, later).renew()
    order = SessionStore(aws.items).gpus().pools
    assert order and order.names == (A, B) and not order.learned and order.at == ids.timestamp(later)
    assert start(aws, NOW + POOLS_HOLD + timedelta(hours=5)).pools is not None


def test_where_ec2_gives_no_prices_listed_ones_count(aws: Aws) -> None:
    def refuses(types: Sequence[str], when: datetime) -> dict[tuple[str, str], float]:
        raise ConnectionError

    for number in range(4):
        interrupted(aws, number, prices=refuses)
    order = SessionStore(aws.items).gpus().pools
    assert order and order.names == (B, A) and order.first.usd_per_hour == order.last.usd_per_hour > 0


def test_order_is_no_slot(aws: Aws) -> None:
    order = pool_order(
        [PoolSeen(instance_type="g6.xlarge", zone="us-east-1a", usd_per_hour=0.4)],
        PoolFigures(boot_seconds=1, use_seconds=1),
        at(1),
    )
    assert order
    store = SessionStore(aws.items)
    store.note_pools(order)
    assert store.live_session_ids() == [] and store.gpus().pools == order
