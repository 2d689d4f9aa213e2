"""Whoever leaves is gone from every store, whatever crashes or is down meanwhile; nobody else loses anything."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.client import BaseClient

from foreverus import ids
from foreverus.access.records import Caller
from foreverus.aws import keys
from foreverus.batches.records import BatchOutcome, BatchStatus, ShardProgress
from foreverus.costs.ledger import CountedCost, LedgerStore
from foreverus.costs.meter import month_of
from foreverus.costs.money import exact
from foreverus.costs.purse import PurseStore
from foreverus.errors import NotAllowed
from foreverus.privacy.receipts import digest_of
from tests.unit.conftest import NOW, Aws
from tests.unit.privacy.world import CONFIRMED, LATER, Person, World

WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem", "DeleteObject")
CRASHES = (*WRITES, "DeleteObjects", "AdminDeleteUser")


class Killed(BaseException):
    """The function is gone in the middle of a call: nothing behind it runs."""


@pytest.fixture
def world(aws: Aws) -> World:
    return World(aws)


@pytest.fixture
def ana(world: World) -> Person:
    person = Person(world, "ana")
    person.use_everything()
    return person


@pytest.fixture
def bia(world: World) -> Person:
    person = Person(world, "bia")
    person.use_everything()
    return person


def test_whoever_leaves_is_in_no_store_and_nobody_else_loses_anything(world: World, ana: Person, bia: Person) -> None:
    kept = world.places(bia.user_id, bia.text)
    receipt = world.leave(ana)
    assert world.sockets.closed == [(ana.user_id, "")]
    for now in (NOW, NOW + timedelta(minutes=5), LATER, LATER + timedelta(minutes=5)):
        assert world.work_off(now)[1] == []
    assert world.places(ana.user_id, ana.text, "ana@example.com") == []
    assert world.places(bia.user_id, bia.text) == kept
    found = world.erasures.get(receipt)
    assert found and found.person == digest_of(ana.user_id)
    assert found.requested_at < found.erased_at < found.settled_at
    counts = {
        "cognito users": 1, "dynamodb batches": 1, "dynamodb conversations": 1, "dynamodb files": 2,
        "dynamodb documents": 1, "dynamodb memories": 1,
        "dynamodb sessions_without_owner": 2, "dynamodb uploads": 1, "keys api_keys": 1,
    }  # fmt: skip
    assert counts.items() <= found.counts.items()
    session = world.aws.items.get(keys.session_key("ses_of_ana")) or {}
    assert session["owner"] == "erased"
    ended = world.aws.items.get(keys.session_key("ses_ended_by_ana")) or {}
    assert (ended["owner"], ended["end_requested_by"]) == ("somebody", "erased")


def test_from_the_request_on_nothing_lets_them_in(world: World, ana: Person, bia: Person) -> None:
    secret, others = ana.key(), bia.key()
    world.leave(ana)
    assert world.api_keys.find(secret) is None
    assert world.members.get(ana.user_id) is None
    assert world.api_keys.find(others) and world.members.get(bia.user_id)
    assert world.eraser.times == 1


def test_asked_twice_it_is_one_deletion(world: World, ana: Person) -> None:
    assert world.leave(ana) == world.leave(ana, NOW + timedelta(minutes=1))


def test_it_is_owed_although_all_else_is_down(world: World, ana: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    world.eraser.fails = True
    with monkeypatch.context() as down:
        down.setattr(type(world.members), "delete", _down)
        down.setattr(type(world.api_keys), "forget_person", _down)
        assert world.leave(ana).startswith("erasure_")
        assert world.work_off()[1]
    for now in (NOW + timedelta(minutes=15), NOW + timedelta(minutes=20), LATER, LATER + timedelta(minutes=5)):
        world.work_off(now)
    assert world.places(ana.user_id, ana.text) == []


def _down(*_: Any) -> Any:
    raise ConnectionError


def test_a_running_batch_is_cancelled_and_goes_when_it_is_over(world: World, ana: Person) -> None:
    ref = ana.run_batch("batch_running", BatchStatus.IN_PROGRESS)
    world.tasks.open.add("token")
    assert world.batches.offer(ref, 0, "token", NOW)
    world.leave(ana)
    for minutes in (0, 5, 10):
        world.work_off(NOW + timedelta(minutes=minutes))
    running = world.batches.get(ref)
    assert running and running.status is BatchStatus.CANCELLING
    assert world.tasks.results == [("token", "success", {"outcome": "cancelled"})]
    assert world.batches.finished(ref.batch_id, 0).results  # its end puts them together, and fails for none
    outcome = BatchOutcome(status=BatchStatus.CANCELLED)
    assert world.batches.end(ref, outcome, (BatchStatus.CANCELLING,), NOW + timedelta(minutes=11))
    world.work_off(NOW + timedelta(minutes=15))
    assert world.batches.get(ref), "its execution still looks at it"
    for now in (NOW + timedelta(minutes=30), LATER, LATER + timedelta(minutes=5)):
        world.work_off(now)
    assert world.places(ana.user_id, ana.text, ref.batch_id) == []


@pytest.mark.parametrize(("prompt", "completion"), [(1, 0), (0, 1), (400, 900)])
@pytest.mark.parametrize("fails_for", [timedelta(minutes=20), timedelta(hours=5), timedelta(days=3)])
def test_what_a_batch_has_cost_is_counted_before_it_goes(
    world: World, ana: Person, fails_for: timedelta, prompt: int, completion: int
) -> None:
    """It has ended, and its finishing cannot settle: for how long, does not matter."""
    ref = ana.run_batch("batch_bedrock", BatchStatus.COMPLETED)
    used = ShardProgress(completed=1, bedrock_prompt_tokens=prompt, bedrock_completion_tokens=completion)
    world.batches.progress(ref, 0, used, True)
    receipt = world.leave(ana)
    for after in (timedelta(0), timedelta(minutes=16), fails_for):
        world.work_off(NOW + after)
        assert world.batches.get(ref), "the sweep repeats its end by its record"
    found = world.erasures.get(receipt)
    assert found and not found.erased_at
    cost = CountedCost(exact(0.25), ids.timestamp(NOW + fails_for))
    assert PurseStore(world.aws.items, 20.0).settle(month_of(ids.timestamp(NOW)), ref.batch_id, cost)
    for later in (timedelta(minutes=5), timedelta(minutes=10), timedelta(days=1), timedelta(days=1, minutes=5)):
        world.work_off(NOW + fails_for + later)
    assert world.places(ana.user_id, ana.text) == []
    assert LedgerStore(world.aws.items).spent(month_of(ids.timestamp(NOW))) == 0.25


def test_what_was_on_its_way_goes_with_the_second_look(world: World, ana: Person) -> None:
    """A last request within the minute that a credential may be known for; a worker, and an address to upload to."""
    receipt = world.leave(ana)
    for now in (NOW, NOW + timedelta(minutes=5)):
        world.work_off(now)
    first = world.erasures.get(receipt)
    assert first and first.erased_at and not first.settled_at
    ana.converse("conv_late")
    ana.upload_file("file_late")
    ana.run_batch("batch_late", BatchStatus.COMPLETED)
    late = LATER + timedelta(hours=3)
    for now in (LATER, LATER + timedelta(minutes=5), late, late + timedelta(minutes=5)):
        world.work_off(now)
    assert world.places(ana.user_id, ana.text) == []
    settled = world.erasures.get(receipt)
    assert settled and settled.settled_at


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Of the calls that change something, the `at`th one is the last of its process; `after`: it still took effect."""
    call = BaseClient._make_api_call  # type: ignore[attr-defined]
    state: dict[str, Any] = {"at": 0, "after": False, "seen": 0}

    def counted(self: BaseClient, operation: str, request: dict[str, Any]) -> Any:
        changes = operation in CRASHES
        state["seen"] += changes
        last = changes and state["seen"] == state["at"]
        if last and not state["after"]:
            raise Killed
        try:
            return call(self, operation, request)
        finally:
            if last:
                raise Killed

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    return state


@pytest.mark.parametrize(("first", "after"), [(1, False), (3, True)])
def test_killed_at_any_call_it_is_finished_by_the_next_pass(
    world: World, killed_at: Any, first: int, after: bool
) -> None:
    """Every fifth call of a whole deletion, which has more than forty."""
    at = first
    while True:
        person = Person(world, f"ana{at}x{after:d}")
        person.use_everything()
        killed_at.update(at=at, after=after, seen=0)
        try:
            world.leave(person)
            world.work_off(NOW)
            finished = True
        except Killed:
            finished = False
        killed_at["at"] = 0
        world.leave(person)  # whoever got no answer asks again, where anything of theirs still lets them in
        for now in (NOW, NOW + timedelta(minutes=5), LATER, LATER + timedelta(minutes=5)):
            assert world.work_off(now)[1] == []
        assert world.places(person.user_id, person.text) == [], f"killed at call {at}"
        if finished:
            break
        at += 5
    assert at > 40


@pytest.mark.parametrize(("key_id", "may"), [("", True), ("key_1", False), ("key_1", True)])
def test_a_key_may_end_its_owner_only_if_it_may_make_keys(world: World, ana: Person, key_id: str, may: bool) -> None:
    caller = Caller(user_id=ana.user_id, key_id=key_id, can_create_keys=may)
    if may:
        assert world.service().delete(caller, CONFIRMED)["object"] == "erasure"
        return
    with pytest.raises(NotAllowed) as refused:
        world.service().delete(caller, CONFIRMED)
    assert refused.value.reason == "key_cannot_delete_account"
    assert world.members.get(ana.user_id)
