"""Closing: the record's end, the receipt, the notification, the successor."""

from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest

from foreverus import ids
from foreverus.aws import keys
from foreverus.aws.ssm import MemoryPublishedImage
from foreverus.costs.ledger import LedgerStore
from foreverus.costs.prices import Price
from foreverus.costs.purse import PurseStore
from foreverus.sessions.closing import CloseRequest, Failure, SessionCloser, Successor
from foreverus.sessions.diary import CapacityDiary
from foreverus.sessions.items import session_from_item
from foreverus.sessions.notification import notification
from foreverus.sessions.records import Outcome, Session, Trigger
from foreverus.sessions.refused import RefusedPool
from foreverus.sessions.start import SessionStarter
from foreverus.sessions.store import SessionStore
from tests.unit.conftest import NOW, Aws, launch_item, session_item, session_record

CAP = 20.0  # USD a month


class Waiting:
    """Remembers what was rejected for which error."""

    def __init__(self, wanted: Successor | None = None) -> None:
        self.wanted = wanted
        self.rejected: list[tuple[str, str, str]] = []

    def reject_all(self, session_id: str, code: str, until: str = "", by: str = "") -> int:
        self.rejected.append((session_id, code, until))
        self.by = by
        return 1

    def successor(self, ended: Session) -> Successor | None:
        return None if self.rejected else self.wanted


class Machine:
    def __init__(self) -> None:
        self.started: list[str] = []

    def start(self, session_id: str, request: dict[str, object]) -> None:
        self.started.append(session_id)


def closer(aws: Aws, machine: Machine, price: float | None = 0.4, waiting: Waiting | None = None) -> SessionCloser:
    store = SessionStore(aws.items)
    starter = SessionStarter(store, PurseStore(aws.items, CAP), machine, 300, 4.0, lambda: NOW)
    return SessionCloser(
        store=store,
        starter=starter,
        waiting=(waiting or Waiting(),),
        diary=CapacityDiary(aws.items),
        price_of=lambda launch: Price(price, "test"),
        region="us-east-1",
        clock=lambda: NOW,
        machine_log_group="/foreverus/team/machines",
    )


def request(
    outcome: str = "ended", failure: Failure | None = None, session_id: str = "ses_1", **more: Any
) -> CloseRequest:
    return CloseRequest(session_id=session_id, outcome=Outcome(outcome), failure=failure, **more)


def live(aws: Aws, **changes: object) -> None:
    at = ids.timestamp(NOW - timedelta(minutes=30))
    aws.put(**session_item("ses_1", launches=[launch_item(launched_at=at)], task_token="token", **changes))
    aws.put(**keys.GPU_SLOT, session_id="ses_1")


def test_closing_releases_the_gpu_and_writes_the_receipt(aws: Aws) -> None:
    live(aws, completion_tokens=90, prompt_tokens=10, messages_answered=2)
    result = closer(aws, Machine()).close(request("idle", terminated_at=ids.timestamp(NOW)))
    record = aws.items.get(keys.session_key("ses_1")) or {}
    assert (record["status"], record["outcome"]) == ("ended", "idle")
    assert "task_token" not in record
    assert record["receipt"]["instance_minutes"] == 30
    assert record["receipt"]["gpu_usd"] == 0.2
    assert record["receipt"]["completion_tokens"] == 90
    assert aws.items.get(keys.GPU_SLOT) is None
    assert result.notification.subject.startswith("Forever Us: session ended, US$ 0.2")


def test_closing_counts_once_what_was_paid_while_nobody_asked(aws: Aws) -> None:
    healthy = ids.timestamp(NOW - timedelta(minutes=25))
    live(aws, healthy_at=healthy, busy=[{"attempt": 0, "seconds": 300}])
    for _ in range(2):
        closer(aws, Machine()).close(request("idle", terminated_at=ids.timestamp(NOW)))
    bill = (aws.items.get(keys.session_key("ses_1")) or {})["receipt"]
    assert (bill["boot_seconds"], bill["idle_seconds"]) == (300, 1200)
    idle = LedgerStore(aws.items).idle(ids.timestamp(NOW)[:7])
    assert (float(idle.seconds), float(idle.usd), idle.sessions) == (1200, bill["idle_usd"], 1)
    live_since(aws, "ses_2")
    closer(aws, Machine()).close(request("idle", session_id="ses_2", terminated_at=ids.timestamp(NOW)))
    assert LedgerStore(aws.items).idle(ids.timestamp(NOW)[:7]) == idle, "of a GPU that said nothing nobody knows"


def live_since(aws: Aws, session_id: str) -> None:
    at = ids.timestamp(NOW - timedelta(minutes=30))
    aws.put(**session_item(session_id, launches=[launch_item(launched_at=at)], healthy_at=ids.timestamp(NOW)))


def test_what_was_refused_stays_with_the_session_that_heard_it(aws: Aws) -> None:
    pool = RefusedPool("g6.xlarge", "us-east-1b", "VcpuLimitExceeded", "spot", ids.timestamp(NOW), "GpuQuotaExceeded")
    live(aws, refused=[asdict(pool)])
    closer(aws, Machine()).close(request("idle"))  # as the reaper closes it, who has not heard of it
    closed = SessionStore(aws.items).get("ses_1")
    assert closed and closed.refused == (pool,)
    aws.put(**session_item("ses_2"))
    closer(aws, Machine()).close(request("failed", NO_GPU, session_id="ses_2", refused=(pool, pool)))
    closed = SessionStore(aws.items).get("ses_2")
    assert closed and closed.refused == (pool, pool)


def test_a_failed_session_keeps_its_error_and_says_so(aws: Aws) -> None:
    live(aws)
    result = closer(aws, Machine()).close(request("failed", Failure("BootFailed", "no driver\nç" * 400)))
    record = aws.items.get(keys.session_key("ses_1")) or {}
    assert (record["status"], record["error"]) == ("failed", "BootFailed")
    assert len(record["cause"]) == 1000
    assert record["cause"].endswith("CloudWatch Logs, group /foreverus/team/machines, streams ses_1/…")
    subject = result.notification.subject
    assert subject == "Forever Us: session failed, BootFailed"
    assert len(notification(session_from_item({**record, "error": "x" * 200})).subject) < 100


def test_closing_twice_releases_nobody_elses_gpu(aws: Aws) -> None:
    live(aws)
    closer(aws, Machine()).close(request("idle"))
    aws.put(**session_item("ses_2"))
    aws.put(**keys.GPU_SLOT, session_id="ses_2")
    closer(aws, Machine()).close(request("idle"))
    assert SessionStore(aws.items).live_session_ids() == ["ses_2"]


LATE = Successor("user-1", Trigger.MESSAGE, allow_on_demand=False)
BATCH = Successor("ana", Trigger.BATCH, allow_on_demand=True, batch_id="batch_1", gpus=2)


def test_a_message_that_came_too_late_gets_a_successor(aws: Aws) -> None:
    live(aws)
    machine = Machine()
    closer(aws, machine, waiting=Waiting(LATE)).close(request("idle"))
    assert machine.started == SessionStore(aws.items).live_session_ids()
    assert len(machine.started) == 1


def test_a_batch_that_is_not_done_gets_as_many_gpus_as_it_is_worth(aws: Aws) -> None:
    live(aws)
    machine = Machine()
    closing = closer(aws, machine, waiting=Waiting(BATCH))
    replace(closing, starter=replace(closing.starter, max_gpus=3, session_cap_usd=4)).close(request("max_life"))
    started = [one for session_id in machine.started if (one := SessionStore(aws.items).get(session_id))]
    assert [one.trigger for one in started] == ["batch", "batch"]
    assert {one.batch_id for one in started} == {"batch_1"}
    assert all(one.allow_on_demand for one in started)


def test_a_message_and_a_batch_share_one_successor(aws: Aws) -> None:
    live(aws)
    machine = Machine()
    waiting = (Waiting(LATE), Waiting(replace(BATCH, gpus=1)))
    replace(closer(aws, machine), waiting=waiting).close(request("max_life"))
    assert len(machine.started) == 1


def test_one_kind_of_work_that_cannot_be_rejected_keeps_no_other_waiting(aws: Aws) -> None:
    class Broken(Waiting):
        def reject_all(self, session_id: str, code: str, until: str = "", by: str = "") -> int:
            raise ConnectionError

    live(aws)
    batches = Waiting()
    closing = replace(closer(aws, Machine()), waiting=(Broken(), batches))
    closing.close(request("failed", Failure("BootFailed", "")))
    assert batches.rejected == [("ses_1", "BootFailed", "")]


def test_after_a_failure_what_waits_ends_in_that_error_and_buys_no_second_gpu(aws: Aws) -> None:
    live(aws)
    machine, waiting = Machine(), Waiting(LATE)
    closer(aws, machine, waiting=waiting).close(request("failed", Failure("BootFailed", "")))
    assert machine.started == []
    assert waiting.rejected == [("ses_1", "BootFailed", "")]


def test_off_means_off_for_what_was_not_answered_when_the_gpu_was_switched_off(aws: Aws) -> None:
    at = ids.timestamp(NOW)
    live(aws, end_requested=True, end_requested_at=at)
    waiting = Waiting()
    closer(aws, Machine(), waiting=waiting).close(request("ended"))
    assert waiting.rejected == [("ses_1", "SessionEndRequested", at)]


@pytest.mark.parametrize(
    ("record", "by"),
    [
        ({}, ""),  # of earlier versions: everybody's
        ({"end_requested_by": "ana"}, "ana"),
        ({"end_requested_by": "ana", "end_everything": True}, ""),
    ],
)
def test_whose_work_ends_with_a_gpu_is_up_to_who_has_switched_it_off(
    aws: Aws, record: dict[str, object], by: str
) -> None:
    live(aws, end_requested=True, end_requested_at=ids.timestamp(NOW), **record)
    waiting = Waiting()
    closer(aws, Machine(), waiting=waiting).close(request("ended"))
    assert waiting.by == by


def test_the_first_wish_to_end_counts_and_an_admins_whenever_it_comes(aws: Aws) -> None:
    live(aws)
    store = SessionStore(aws.items)
    assert store.request_end("ses_1", NOW, "ana").spares_all_but == "ana"
    assert store.request_end("ses_1", NOW, "bia").spares_all_but == "ana"
    ended = store.request_end("ses_1", NOW, "admin", everything=True)
    assert (ended.spares_all_but, ended.end_requested_by) == ("", "ana")
    assert store.request_end("ses_1", NOW, "bia").spares_all_but == ""


def test_nothing_waits_so_nothing_is_bought(aws: Aws) -> None:
    live(aws)
    machine = Machine()
    closer(aws, machine).close(request("idle"))
    assert machine.started == []


def test_an_unknown_price_is_said_to_be_unknown(aws: Aws) -> None:
    live(aws)
    result = closer(aws, Machine(), price=None).close(request("idle"))
    assert "cost unknown" in result.notification.subject
    assert (aws.items.get(keys.session_key("ses_1")) or {})["receipt"]["total_usd"] is None


ANSWERED = {"bedrock_messages": 2, "bedrock_usd": 0.00025, "messages_answered": 2, "prompt_tokens": 60}
NO_GPU = Failure("NoGpuCapacity", "EC2 said: InsufficientInstanceCapacity")


def without_gpu(aws: Aws, **changes: object) -> None:
    at = ids.timestamp(NOW)
    aws.put(**session_item("ses_1", launches=[], status="launching", created_at=at, **{**ANSWERED, **changes}))
    aws.put(**keys.GPU_SLOT, session_id="ses_1")


def test_what_bedrock_answered_is_told_beside_the_launchs_error_and_counted_once(aws: Aws) -> None:
    without_gpu(aws)
    for _ in range(2):
        sent = closer(aws, Machine()).close(request("failed", NO_GPU)).notification
    record = aws.items.get(keys.session_key("ses_1")) or {}
    assert (record["status"], record["error"]) == ("failed", "NoGpuCapacity")
    assert (record["receipt"]["bedrock_usd"], record["receipt"]["total_usd"]) == (0.00025, 0.00025)
    assert LedgerStore(aws.items).spent(ids.timestamp(NOW)[:7]) == 0.00025
    assert sent.subject == "Forever Us: session failed, NoGpuCapacity"
    assert "NoGpuCapacity: AWS has no such GPU free" in sent.message
    assert "2 messages were answered on Bedrock, US$ 0.000250" in sent.message
    assert "GPU:       none was launched" in sent.message


def test_without_answers_of_bedrock_nothing_is_said_of_it(aws: Aws) -> None:
    live(aws)
    assert "Bedrock" not in closer(aws, Machine()).close(request("idle")).notification.message


def test_bedrock_at_an_unknown_price_is_said_to_be_unknown_and_guarded_in_the_ledger(aws: Aws) -> None:
    without_gpu(aws, bedrock_price_unknown=True, bedrock_messages=1)
    sent = closer(aws, Machine()).close(request("failed", NO_GPU)).notification.message
    assert "1 message was answered on Bedrock, a price that is not known" in sent
    assert "Cost:      cost unknown" in sent
    assert LedgerStore(aws.items).spent(ids.timestamp(NOW)[:7]) == 0.00025


@pytest.mark.parametrize(("usd", "words"), [(0.0, "US$ 0.0000"), (0.00002, "under US$ 0.0001"), (0.0061, "US$ 0.0061")])
def test_cost_that_is_small_never_looks_like_nothing(usd: float, words: str) -> None:
    closed = session_record("ses_1", status="ended", outcome="idle", receipt={"total_usd": usd})
    assert notification(closed).subject.endswith(f"session ended, {words}")


class Latecomer(Waiting):
    """A message that is accepted after the rejection, while the session still holds the GPU's slot: it joined it."""

    def successor(self, ended: Session) -> Successor | None:
        return LATE if self.rejected else None


def test_a_message_that_joined_a_failing_session_after_the_rejection_gets_a_successor(aws: Aws) -> None:
    live(aws)
    machine, waiting = Machine(), Latecomer()
    closing = closer(aws, machine, waiting=waiting)
    closing.close(request("failed", Failure("BootFailed", "")))
    assert machine.started == SessionStore(aws.items).live_session_ids()
    assert len(machine.started) == 1
    closing.close(request("failed", Failure("SessionLost", "the reaper closes it once more")))
    assert waiting.rejected == [("ses_1", "BootFailed", "")]  # what waits now waits for the successor
    assert len(machine.started) == 1


def test_what_could_not_be_rejected_buys_no_gpu(aws: Aws) -> None:
    class Broken(Waiting):
        def reject_all(self, session_id: str, code: str, until: str = "", by: str = "") -> int:
            raise ConnectionError

    live(aws)
    machine = Machine()
    closer(aws, machine, waiting=Broken(LATE)).close(request("failed", Failure("BootFailed", "")))
    assert machine.started == []


def test_a_session_without_a_record_is_counted_in_the_month_of_its_end_whatever_was_rejected_in_its_name(
    aws: Aws,
) -> None:
    """An answer that is rejected counts in the session's item, and makes one where there was none."""

    class Counting(Waiting):
        def reject_all(self, session_id: str, code: str, until: str = "", by: str = "") -> int:
            aws.items.update(keys.session_key(session_id), "ADD messages_answered :one", {":one": 1})
            return super().reject_all(session_id, code, until, by)

    closer(aws, Machine(), waiting=Counting()).close(request(failure=Failure("DynamoDb.InternalServerErrorException")))
    assert [item["sk"] for item in aws.items.query(keys.ledger_partition("2026-01"))] == ["TOTAL", "ses_1"]
    record = aws.items.get(keys.session_key("ses_1")) or {}
    assert (record["created_at"], record["status"]) == (ids.timestamp(NOW), "failed")


UNFIT = "ami-0unfit"


def test_image_from_which_a_gpu_did_not_boot_is_withdrawn_before_the_next_launch_and_people_hear_of_it(
    aws: Aws,
) -> None:
    live(aws)
    image, held = MemoryPublishedImage(UNFIT), []

    def withdraw(image_id: str) -> bool:
        held.append(SessionStore(aws.items).live_session_ids())
        return image.withdraw(image_id)

    closed = replace(closer(aws, Machine()), withdraw_image=withdraw).close(request("idle", unfit_image=UNFIT))
    assert (image.published, held) == ("", [["ses_1"]])
    assert f"{UNFIT} did not boot and is withdrawn" in closed.notification.message


@pytest.mark.parametrize("published", ["", "ami-0newer"])
def test_image_that_is_not_published_any_more_withdraws_no_other(aws: Aws, published: str) -> None:
    live(aws)
    image = MemoryPublishedImage(published)
    closed = replace(closer(aws, Machine()), withdraw_image=image.withdraw).close(request("idle", unfit_image=UNFIT))
    assert image.published == published
    assert "withdrawn" not in closed.notification.message


def test_session_whose_image_booted_withdraws_nothing(aws: Aws) -> None:
    live(aws)
    image = MemoryPublishedImage(UNFIT)
    replace(closer(aws, Machine()), withdraw_image=image.withdraw).close(request("idle"))
    assert image.published == UNFIT


def test_image_that_cannot_be_withdrawn_keeps_no_session_open(aws: Aws) -> None:
    def broken(image_id: str) -> bool:
        raise ConnectionError

    live(aws)
    closed = replace(closer(aws, Machine()), withdraw_image=broken).close(request("idle", unfit_image=UNFIT))
    assert closed.status == "ended" and SessionStore(aws.items).live_session_ids() == []
