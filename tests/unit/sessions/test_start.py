"""Starting and joining sessions."""

from datetime import timedelta

import boto3
import pytest

from foreverus import bootstrap, ids
from foreverus.aws import keys
from foreverus.costs.ledger import LedgerStore
from foreverus.errors import NotAccepted
from foreverus.sessions.records import Trigger
from foreverus.sessions.start import SessionStarter
from foreverus.sessions.store import SessionStore
from tests.unit.conftest import Aws, session_item

CAP = 20.0  # USD a month


def starter(aws: Aws) -> SessionStarter:
    return bootstrap.shared.starter(aws.items.name, aws.gpu_session_arn, CAP, 300)


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

        def live_session_ids(self) -> list[str]:
            Slow.looked += 1
            if Slow.looked == 1:
                starter(aws).start("user-2", Trigger.PAGE)
                return []
            return super().live_session_ids()

    late = SessionStarter(
        Slow(aws.items),
        LedgerStore(aws.items),
        bootstrap.aws.machine(aws.gpu_session_arn),
        300,
        CAP,
        bootstrap.aws.clock,
    )
    session, started = late.start("user-1", Trigger.PAGE)
    assert not started
    assert executions(aws) == [session.session_id]


def test_a_start_that_fails_buys_nothing_and_blocks_nobody(aws: Aws) -> None:
    class Broken:
        def start(self, session_id: str, request: dict[str, object]) -> None:
            raise ConnectionError

    broken = SessionStarter(SessionStore(aws.items), LedgerStore(aws.items), Broken(), 300, CAP, bootstrap.aws.clock)
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

    lost = SessionStarter(SessionStore(aws.items), LedgerStore(aws.items), Lost(), 300, CAP, bootstrap.aws.clock)
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


def test_a_batch_gets_more_gpus_only_while_the_month_holds_a_whole_cap_for_each(aws: Aws) -> None:
    machine = bootstrap.aws.machine(aws.gpu_session_arn)
    many = SessionStarter(
        SessionStore(aws.items),
        LedgerStore(aws.items),
        machine,
        300,
        20.0,
        bootstrap.aws.clock,
        max_gpus=3,
        session_cap_usd=4.0,
    )
    first, _ = many.start("ana", Trigger.BATCH, batch_id="batch_1")
    assert many.start_more("ana", "batch_1", 2) == 1
    assert many.start_more("ana", "batch_1", 2) == 0  # two are live
    month = bootstrap.aws.clock().strftime("%Y-%m")
    aws.put(**keys.ledger_total_key(month), spent_usd=9, sessions=1)
    assert many.start_more("ana", "batch_1", 3) == 0  # 9 + 3 x 4 is more than 20
    aws.put(**keys.ledger_total_key(month), spent_usd=8, sessions=1)
    assert many.start_more("ana", "batch_1", 9) == 1
    live = SessionStore(aws.items).live_session_ids()
    records = [one for session_id in live if (one := SessionStore(aws.items).get(session_id))]
    assert [(one.slot, one.batch_id, one.trigger) for one in records] == [(n, "batch_1", "batch") for n in range(3)]
    assert many.start("bia", Trigger.PAGE) == (records[0], False)  # a person joins the one that is everybody's
    assert live[0] == first.session_id
    SessionStore(aws.items).release_slot(records[1])
    assert SessionStore(aws.items).live_session_ids() == [live[0], live[2]]


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
