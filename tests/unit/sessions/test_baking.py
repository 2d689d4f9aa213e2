"""Bakes: claimed and counted like any session, one at a time, and told when the session ends before its time."""

from dataclasses import replace

import pytest

from foreverus.aws import keys
from foreverus.aws.step_functions import MemoryTasks
from foreverus.costs.purse import PurseStore
from foreverus.errors import AnotherSessionIsLive, SpendCapReached
from foreverus.sessions.baking import Bakes, BakesOver
from foreverus.sessions.closing import Failure
from foreverus.sessions.records import Outcome, Trigger
from foreverus.sessions.start import SessionStarter
from foreverus.sessions.store import SessionStore
from tests.unit.conftest import NOW, Aws, session_item, session_record
from tests.unit.sessions.test_closing import CAP, Machine, closer, live, request


def bakes(aws: Aws, machine: Machine) -> Bakes:
    store = SessionStore(aws.items)
    return Bakes(SessionStarter(store, PurseStore(aws.items, CAP), machine, None, 4.0, lambda: NOW), store, lambda: NOW)


def test_bake_is_claimed_like_any_session_and_keeps_the_token_that_waits(aws: Aws) -> None:
    machine = Machine()
    session_id = bakes(aws, machine).start("token")["session_id"]
    record = SessionStore(aws.items).get(session_id)
    assert record and (record.trigger, record.bake_token, record.baked_at) == (Trigger.BAKE, "token", "")
    assert machine.started == SessionStore(aws.items).live_session_ids() == [session_id]


def test_execution_hears_that_it_is_a_bakes_and_other_sessions_hear_nothing(aws: Aws) -> None:
    requests = []

    class Asked(Machine):
        def start(self, session_id: str, request: dict[str, object]) -> None:
            requests.append(request)

    bakes(aws, Asked()).start("token", allow_on_demand=True)
    aws.items.delete(keys.GPU_SLOT)
    starter = SessionStarter(SessionStore(aws.items), PurseStore(aws.items, CAP), Asked(), None, 4.0, lambda: NOW)
    starter.start("ana", Trigger.PAGE)
    assert requests == [{"allow_on_demand": True, "bake": True}, {"allow_on_demand": False}]


def test_bake_that_was_cut_off_lets_its_gpu_go_and_nobody_elses(aws: Aws) -> None:
    baking = bakes(aws, Machine())
    session_id = baking.start("token")["session_id"]
    aws.put(**session_item("ses_of_ana", trigger="page"))
    aws.put(**keys.gpu_slot_key(1), session_id="ses_of_ana")
    assert baking.release() == [session_id]
    assert baking.release() == [session_id], "twice is the same"
    store = SessionStore(aws.items)
    ours, anas = store.get(session_id), store.get("ses_of_ana")
    assert ours and anas and (bool(ours.baked_at), anas.baked_at) == (True, "")


def test_nothing_is_released_where_no_bake_is_live(aws: Aws) -> None:
    assert bakes(aws, Machine()).release() == []


def test_second_bake_and_a_bake_beside_a_session_buy_nothing(aws: Aws) -> None:
    machine = Machine()
    bakes(aws, machine).start("token")
    with pytest.raises(AnotherSessionIsLive, match="Bake when it has ended"):
        bakes(aws, machine).start("another")
    assert len(machine.started) == 1


def test_bake_at_the_months_cap_buys_nothing(aws: Aws) -> None:
    aws.put(**keys.ledger_total_key("2026-01"), spent_usd=CAP)
    machine = Machine()
    with pytest.raises(SpendCapReached):
        bakes(aws, machine).start("token")
    assert machine.started == [] and SessionStore(aws.items).live_session_ids() == []


def test_person_who_starts_a_session_joins_the_bake_and_buys_no_second_gpu(aws: Aws) -> None:
    machine = Machine()
    baking = bakes(aws, machine)
    session_id = baking.start("token")["session_id"]
    assert isinstance(baking.starter, SessionStarter)
    joined, started = baking.starter.start("ana", Trigger.MESSAGE)
    assert (joined.session_id, started) == (session_id, False)


ENDINGS = {
    "failed": (request("failed", Failure("NoGpuCapacity", "none")), "NoGpuCapacity"),
    "interrupted": (request("interrupted"), "SessionLost"),
    "ended while it booted": (request("ended"), "SessionLost"),
    "at a cap": (request("spend_cap"), "SessionLost"),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_session_that_ends_before_its_gpu_is_ready_fails_the_bake_at_once(aws: Aws, how: str) -> None:
    asked, error = ENDINGS[how]
    live(aws, bake_token="token", trigger="bake")
    tasks = MemoryTasks()
    tasks.open.add("token")
    replace(closer(aws, Machine()), end_bake=BakesOver(tasks)).close(asked)
    ((token, told, cause),) = tasks.results
    assert (token, told) == ("token", error) and cause


def test_bake_that_has_its_gpu_or_is_over_refuses_the_word_and_the_session_is_closed(aws: Aws) -> None:
    live(aws, bake_token="token", trigger="bake")
    closed = replace(closer(aws, Machine()), end_bake=BakesOver(MemoryTasks())).close(request("ended"))
    assert closed.status == "ended" and SessionStore(aws.items).live_session_ids() == []


def test_no_call_that_fails_keeps_a_session_open(aws: Aws) -> None:
    class Unreachable(MemoryTasks):
        def fail(self, token: str, error: str, cause: str) -> None:
            raise ConnectionError

    live(aws, bake_token="token", trigger="bake")
    closed = replace(closer(aws, Machine()), end_bake=BakesOver(Unreachable())).close(request("ended"))
    assert closed.status == "ended" and SessionStore(aws.items).live_session_ids() == []


def test_session_that_is_no_bakes_tells_nobody() -> None:
    tasks = MemoryTasks()
    BakesOver(tasks)(session_record("ses_1", outcome=Outcome.IDLE))
    assert tasks.results == []
