"""How the GPUs are, as whoever chooses a backend sees them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from foreverus import ids
from foreverus.aws import keys
from foreverus.choice.assumed import ASSUMED_BOOT_S
from foreverus.choice.request_records import GpuStatus
from foreverus.costs.launch import BedrockUse
from foreverus.costs.meter import month_of
from foreverus.costs.prices import TokenPrice
from foreverus.costs.purse import PurseStore
from foreverus.sessions.backends_now import BackendsLook, Figures
from foreverus.sessions.gpu_state import LEAST_WAIT_S, GpuLook, gpu_state
from foreverus.sessions.records import Session, SessionStatus
from foreverus.sessions.store import SessionStore
from tests.unit.conftest import NOW, Aws, launch, session_item

NONE, BOOTING, HEALTHY, FULL = GpuStatus
FIGURES = Figures(
    region="us-east-1",
    instance_type="g6.xlarge",
    context_tokens=8192,
    idle_seconds=300,
    bedrock=False,
    bedrock_price=TokenPrice(0.15, 0.2, "listed"),
)


def session(status: SessionStatus, age_s: float = 0.0, **more: bool) -> Session:
    created_at = ids.timestamp(NOW - timedelta(seconds=age_s))
    return replace(Session(session_id="ses_1", created_at=created_at, status=status), **more)  # type: ignore[arg-type]


def booted(took_s: float) -> Session:
    begun = NOW - timedelta(hours=1)
    healthy_at = ids.timestamp(begun + timedelta(seconds=took_s))
    return Session(session_id="ses_0", created_at=ids.timestamp(begun), healthy_at=healthy_at)


@pytest.mark.parametrize(
    ("live", "waiting", "status", "free"),
    [
        ([], 0, NONE, 0),
        ([], 5, NONE, 0),
        ([session(SessionStatus.REQUESTED)], 0, BOOTING, 0),
        ([session(SessionStatus.LAUNCHING)], 9, BOOTING, 0),
        ([session(SessionStatus.BOOTING)], 0, BOOTING, 0),
        ([session(SessionStatus.SERVING)], 0, HEALTHY, 8),
        ([session(SessionStatus.SERVING)], 7, HEALTHY, 1),
        ([session(SessionStatus.SERVING)], 8, FULL, 0),
        ([session(SessionStatus.SERVING)], 80, FULL, 0),
        ([session(SessionStatus.SERVING), session(SessionStatus.SERVING)], 8, HEALTHY, 8),
        ([session(SessionStatus.SERVING), session(SessionStatus.BOOTING)], 8, FULL, 0),
        ([session(SessionStatus.SERVING, end_requested=True)], 0, NONE, 0),  # switched off: it takes nothing more
        ([session(SessionStatus.DRAINING)], 0, NONE, 0),
        ([session(SessionStatus.ENDED)], 0, NONE, 0),
        ([session(SessionStatus.DRAINING), session(SessionStatus.BOOTING)], 0, BOOTING, 0),
    ],
)
def test_whether_a_gpu_answers_and_has_a_slot_free(
    live: list[Session], waiting: int, status: GpuStatus, free: int
) -> None:
    state = gpu_state(live, waiting, 8, [], NOW)
    assert (state.status, state.free) == (status, free)


@pytest.mark.parametrize(
    ("live", "earlier", "seconds"),
    [
        ([], [], ASSUMED_BOOT_S),
        ([], [booted(100), booted(150), booted(900)], 150),
        ([session(SessionStatus.BOOTING, age_s=60)], [booted(150)], 90),
        ([session(SessionStatus.BOOTING, age_s=600)], [booted(150)], LEAST_WAIT_S),
        ([session(SessionStatus.BOOTING, age_s=10), session(SessionStatus.REQUESTED, age_s=100)], [booted(150)], 50),
    ],
)
def test_how_long_until_one_is_healthy_is_learned_from_earlier_boots(
    live: list[Session], earlier: list[Session], seconds: float
) -> None:
    state = gpu_state(live, 0, 8, earlier, NOW)
    assert state.boot_seconds == seconds and state.retry_after_s == seconds


def test_the_look_reads_slots_records_and_what_waits(aws: Aws) -> None:
    counts = [3, 2]

    def look() -> GpuLook:
        return GpuLook(SessionStore(aws.items), [lambda: counts[0], lambda: counts[1]], 8, lambda: NOW)

    assert look()().status is NONE and look()().waiting == 0  # what waits elsewhere is none of a GPU that is not there
    aws.items.put(session_item("ses_1", status="serving"))
    aws.items.put({"pk": "GPU", "sk": "SLOT#0", "session_id": "ses_1"})
    aws.items.put({"pk": "GPU", "sk": "SLOT#1", "session_id": "ses_gone"})
    state = look()()
    assert (state.status, state.free, state.waiting) == (HEALTHY, 3, 5)


def test_what_is_on_counts_toward_the_month_before_any_ledger_knows_it(aws: Aws) -> None:
    bought = launch(launched_at=ids.timestamp(NOW - timedelta(hours=1)), price_per_hour_usd=2.0, price_source="EC2")
    on = replace(session(SessionStatus.SERVING), launches=(bought,), bedrock=BedrockUse(usd=0.5, counted_usd=0.25))
    over = replace(on, status=SessionStatus.ENDED)
    state = gpu_state([on, on, over], 0, 8, [], NOW, "us-east-1")
    assert state.live_usd == pytest.approx(2 * 2.25, abs=0.1), "of one that is over the ledger knows"
    month, purse = month_of(ids.timestamp(NOW)), PurseStore(aws.items, 10.0)
    aws.items.put({**keys.ledger_total_key(month), "spent_usd": Decimal(6)})
    look = BackendsLook(lambda: state, purse, FIGURES, lambda: NOW)
    assert purse.totals(month).spent_percent < 80 < look(0).month.spent_percent
    assert look.totals(month, replace(state, live_usd=0.0)).spent_percent == purse.totals(month).spent_percent
