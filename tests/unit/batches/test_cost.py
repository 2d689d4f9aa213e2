"""What a batch costs: its own sessions whole, others by slot time, Bedrock by the token."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from foreverus import ids
from foreverus.batches.cost import Rates, batch_cost_usd
from foreverus.batches.plan.records import LearnedSpeed
from foreverus.batches.plan.speed import gpu_tokens_per_second, learned
from foreverus.batches.records import Shard
from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR
from foreverus.costs.prices import TokenPrice
from foreverus.sessions.records import Session
from tests.unit.conftest import NOW, launch_item, session_record

RATES = Rates("us-east-1", engine_slots=16, bedrock=TokenPrice(0.15, 0.20, "test"))
UNKNOWN = Rates("us-east-1", engine_slots=16, bedrock=TokenPrice(None, None, "unknown"))


def session(session_id: str, minutes: float, **changes: Any) -> Session:
    at = ids.timestamp(NOW - timedelta(minutes=minutes))
    bought = launch_item(launched_at=at, price_per_hour_usd=0.4, price_source="test")
    return session_record(session_id, launches=[bought], **changes)


def shard(**changes: Any) -> Shard:
    return replace(Shard(0, 1, 100, 0, 9_000), **changes)


def cost(shards: list[Shard], *sessions: Session, rates: Rates = RATES) -> float | None:
    return batch_cost_usd("batch_1", shards, list(sessions), rates, NOW)


def test_a_session_that_was_bought_for_the_batch_is_the_batchs_from_launch_to_now() -> None:
    own = session("ses_1", 30, trigger="batch", batch_id="batch_1")
    assert cost([shard(slot_seconds={"ses_1": 10.0})], own) == pytest.approx(
        0.5 * (0.4 + BESIDE_GPU_USD_PER_HOUR), abs=1e-6
    )


def test_a_session_that_is_over_has_cost_what_its_receipt_says() -> None:
    own = session("ses_1", 30, trigger="batch", batch_id="batch_1", receipt={"total_usd": 0.123})
    assert cost([], own) == 0.123
    unknown = session("ses_1", 60, trigger="batch", batch_id="batch_1", receipt={"total_usd": None})
    ended = replace(unknown, terminated_at=ids.timestamp(NOW - timedelta(minutes=30)))
    assert cost([], ended) == pytest.approx(0.5 * (0.4 + BESIDE_GPU_USD_PER_HOUR), abs=1e-6)


def test_messages_that_bedrock_answered_in_a_batchs_session_are_no_part_of_the_batch() -> None:
    paid = {"total_usd": 0.125, "bedrock_usd": 0.025}
    assert cost([], session("ses_1", 30, trigger="batch", batch_id="batch_1", receipt=paid)) == 0.1


def test_in_somebody_elses_session_a_line_costs_its_share_of_the_gpu() -> None:
    shards = [shard(slot_seconds={"ses_1": 16 * 900.0})] * 2  # half an hour of all slots
    assert cost(shards, session("ses_1", 200)) == pytest.approx(0.2)
    another = session("ses_1", 200, trigger="batch", batch_id="batch_2")
    assert cost(shards, another) == pytest.approx(0.2)
    assert cost(shards, session_record("ses_1", launches=[])) == 0.0


def test_bedrock_costs_its_tokens_and_an_unknown_price_is_no_price() -> None:
    shards = [shard(bedrock_prompt_tokens=1_000_000, bedrock_completion_tokens=500_000)]
    assert cost(shards) == pytest.approx(0.25)
    assert cost(shards, rates=UNKNOWN) is None
    assert cost([], rates=UNKNOWN) == 0.0


def test_a_speed_is_learned_from_batches_that_fill_the_slots() -> None:
    assert gpu_tokens_per_second(64, 6400, 256.0, 16) == 400.0
    assert gpu_tokens_per_second(63, 6400, 256.0, 16) is None
    assert gpu_tokens_per_second(64, 0, 256.0, 16) is None
    assert learned(LearnedSpeed(), LearnedSpeed(400.0, 90.0)) == LearnedSpeed(400.0, 90.0)
    assert learned(LearnedSpeed(400.0, 90.0), LearnedSpeed(300.0)) == LearnedSpeed(370.0, 90.0)
