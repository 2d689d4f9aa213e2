"""Starting and joining sessions."""

from datetime import timedelta

import boto3
import pytest

from foreverus import bootstrap, ids
from foreverus.aws import keys
from foreverus.costs.database import wake_usd
from foreverus.costs.purse import PurseStore
from foreverus.errors import NotAccepted
from foreverus.sessions.records import Gpus, Trigger
from foreverus.sessions.start import SessionStarter
from foreverus.sessions.store import SessionStore
from tests.unit.conftest import Aws, session_item

CAP = 20.0  # USD a month


def starter(aws: Aws) -> SessionStarter:
    machine = bootstrap.aws.machine(aws.gpu_session_arn)
    return SessionStarter(SessionStore(aws.items), PurseStore(aws.items, CAP), machine, 300, 4.0, bootstrap.aws.clock)


def executions(aws: Aws) -> list[str]:
    listed = boto3.client("stepfunctions").list_executions(stateMachineArn=aws.gpu_session_arn)["executions"]
    return [execution["name"] for execution in listed]


def test_a_second_start_joins_the_live_session_and_buys_nothing(aws: Aws) -> None:
    first, started = starter(aws).start("user-1", Trigger.PAGE)
    again, started_again = starter(aws).start("user-2", Trigger.PAGE)
    assert (started, started_again) == (True, False)
    assert again.session_id == first.session_id
    assert executions(aws) == [first.session_id]


def test_two_starts_at_once_buy_one_gpu(aws: Aws) -> None:
    class Slow(SessionStore):
        """Both have looked and seen nothing live when they claim."""

        looked = 0

        def gpus(self) -> Gpus:
            Slow.looked += 1
            if Slow.looked == 1:
                starter(aws).start("user-2", Trigger.PAGE)
                return Gpus(())
            return super().gpus()

    late = SessionStarter(
        Slow(aws.items),
        PurseStore(aws.items, CAP),
        bootstrap.aws.machine(aws.gpu_session_arn),
        300,
        4.0,
        bootstrap.aws.clock,
    )
    session, started = late.start("user-1", Trigger.PAGE)
    assert not started
    assert executions(aws) == [session.session_id]


def test_a_start_that_fails_buys_nothing_and_blocks_nobody(aws: Aws) -> None:
    class Broken:
        def start(self, session_id: str, request: dict[str, object]) -> None:
            raise ConnectionError

    broken = SessionStarter(
        SessionStore(aws.items), PurseStore(aws.items, CAP), Broken(), 300, 4.0, bootstrap.aws.clock
    )
    with pytest.raises(NotAccepted):
        broken.start("user-1", Trigger.PAGE)
    assert SessionStore(aws.items).live_session_ids() == []
    assert list(aws.items.query(keys.SESSIONS)) == []
    assert starter(aws).start("user-1", Trigger.PAGE)[1]


def test_a_start_that_took_effect_although_its_answer_was_lost_is_not_undone(aws: Aws) -> None:
    class Lost:
        """The SDK has tried again until the execution had opened the session; nobody ever heard of it."""

        def start(self, session_id: str, request: dict[str, object]) -> None:
            aws.items.update(
                keys.session_key(session_id),
                "SET #status = :launching ADD version :one",
                {":launching": "launching", ":one": 1},
                names={"#status": "status"},
            )
            raise ConnectionError

    lost = SessionStarter(SessionStore(aws.items), PurseStore(aws.items, CAP), Lost(), 300, 4.0, bootstrap.aws.clock)
    session, started = lost.start("user-1", Trigger.PAGE)
    assert started
    assert (session.status, session.version) == ("launching", 2)
    assert SessionStore(aws.items).live_session_ids() == [session.session_id]
    assert starter(aws).start("user-2", Trigger.PAGE) == (session, False)


def test_a_session_that_is_closing_is_not_joined(aws: Aws) -> None:
    aws.put(**session_item("ses_old", status="ended"))
    aws.put(**keys.GPU_SLOT, session_id="ses_old")
    with pytest.raises(NotAccepted, match="few seconds"):
        starter(aws).start("user-1", Trigger.PAGE)


def test_a_retried_start_of_the_same_session_is_one_execution(aws: Aws) -> None:
    machine = bootstrap.aws.machine(aws.gpu_session_arn)
    machine.start("ses_1", {})
    machine.start("ses_1", {})
    assert executions(aws) == ["ses_1"]


def test_each_of_a_batchs_gpus_reserves_what_it_may_cost(aws: Aws) -> None:
    machine = bootstrap.aws.machine(aws.gpu_session_arn)
    purse = PurseStore(aws.items, 9.0)
    many = SessionStarter(SessionStore(aws.items), purse, machine, 300, 4.0, bootstrap.aws.clock, max_gpus=4)
    first, _ = many.start("ana", Trigger.BATCH, batch_id="batch_1")
    assert many.start_more("ana", "batch_1", 2) == 1
    assert many.start_more("ana", "batch_1", 2) == 0  # two are live
    assert many.start_more("ana", "batch_1", 9) == 1, "the third has what is left, and then nothing is"
    live = SessionStore(aws.items).live_session_ids()
    records = [one for session_id in live if (one := SessionStore(aws.items).get(session_id))]
    assert [(one.slot, one.batch_id, one.trigger) for one in records] == [(n, "batch_1", "batch") for n in range(3)]
    assert [(one.session_cap_usd, one.capped_by) for one in records[:2]] == [(4.0, None)] * 2
    assert (records[2].session_cap_usd, records[2].capped_by) == (pytest.approx(1 - 3 * wake_usd()), "month")
    assert purse.month(first.created_at[:7]).left == 0
    assert many.start("bia", Trigger.PAGE) == (records[0], False)  # a person joins the one that is everybody's
    assert live[0] == first.session_id
    SessionStore(aws.items).release_slot(records[1])
    assert SessionStore(aws.items).live_session_ids() == [live[0], live[2]]


def test_a_claim_that_is_undone_leaves_nothing_reserved(aws: Aws) -> None:
    class Broken:
        def start(self, session_id: str, request: dict[str, object]) -> None:
            raise ConnectionError

    purse = PurseStore(aws.items, CAP)
    broken = SessionStarter(SessionStore(aws.items), purse, Broken(), 300, 4.0, bootstrap.aws.clock)
    with pytest.raises(NotAccepted):
        broken.start("user-1", Trigger.PAGE)
    month = purse.month(f"{bootstrap.aws.clock():%Y-%m}")
    assert (month.reservations, month.committed) == ((), 0)


def test_sessions_of_the_earlier_schedule_stand_behind_the_others_and_can_be_read(aws: Aws) -> None:
    """Their ids are their executions' names, which no id of ours looks like."""
    begin = bootstrap.aws.clock()
    ours = [ids.new_id("ses", begin + timedelta(minutes=number)) for number in range(4)]
    theirs = ["9f3c21aa-night", "0b5e77d0-night"]
    for session_id in (*ours, *theirs):
        aws.put(**session_item(session_id, created_at=ids.timestamp(begin)))
    store = SessionStore(aws.items)
    newest = [one.session_id for one in store.newest(10)]
    assert newest == [*ours[::-1], *theirs]
    paged: list[str] = []
    while page := store.newest(2, paged[-1] if paged else ""):
        paged += [one.session_id for one in page]
    assert paged == newest
    found = store.get(theirs[0])
    assert found and found.session_id == theirs[0]
