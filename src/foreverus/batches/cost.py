"""What a batch has cost until now, and how fast its lines were answered. Pure; docs/batches.md has the rule.

An instance that was bought for the batch is the batch's, from launch to end. In a session that somebody else had
started, a line has the seconds that it held one of the engine's slots; all slots together are the GPU. What AWS answers
on Bedrock costs by the token.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foreverus import table
from foreverus.costs.meter import guard_price, spent_usd

Item = dict[str, Any]


@dataclass(frozen=True)
class Rates:
    """`engine_slots`: how many lines a GPU answers at once. Bedrock's prices are USD per token; None: not known."""

    region: str
    engine_slots: int
    bedrock_usd_per_prompt_token: float | None = None
    bedrock_usd_per_completion_token: float | None = None


def batch_cost_usd(
    batch_id: str, shards: list[Item], sessions: list[Item], rates: Rates, now: datetime
) -> float | None:
    """USD, rounded to a millionth; None when Bedrock answered and its price is not known. A session that is still live
    is counted until now.

    `sessions`: the records of those that were started for the batch or worked on it.
    """
    bedrock = _bedrock_usd(shards, rates)
    if bedrock is None:
        return None
    seconds = slot_seconds(shards)
    total = bedrock
    for session in sessions:
        if session.get("trigger") == "batch" and session.get("batch_id") == batch_id:
            total += _whole_usd(session, rates, now)
        else:
            total += _share_usd(session, seconds.get(session["session_id"], 0.0), rates)
    return round(total, 6)


def slot_seconds(shards: list[Item]) -> dict[str, float]:
    """By session: how long the batch's lines held slots of its engine.

    >>> slot_seconds([{"shares": {"ses_1": 2.5}}, {"shares": {"ses_1": 1, "ses_2": 4}}])
    {'ses_1': 3.5, 'ses_2': 4.0}
    """
    total: dict[str, float] = {}
    for shard in shards:
        for session_id, seconds in shard.get("shares", {}).items():
            total[session_id] = total.get(session_id, 0.0) + float(seconds)
    return total


def _bedrock_usd(shards: list[Item], rates: Rates) -> float | None:
    prompt = sum(int(one.get("bedrock_prompt_tokens", 0)) for one in shards)
    completion = sum(int(one.get("bedrock_completion_tokens", 0)) for one in shards)
    if not prompt and not completion:
        return 0.0
    if rates.bedrock_usd_per_prompt_token is None or rates.bedrock_usd_per_completion_token is None:
        return None
    return prompt * rates.bedrock_usd_per_prompt_token + completion * rates.bedrock_usd_per_completion_token


def _whole_usd(session: Item, rates: Rates, now: datetime) -> float:
    total = session.get("receipt", {}).get("total_usd")
    if total is not None:
        return float(total)
    ended = session.get("terminated_at")
    return spent_usd(session.get("launches", []), table.parse_timestamp(ended) if ended else now, rates.region)


def _share_usd(session: Item, seconds: float, rates: Rates) -> float:
    """A relaunched session may have had instances of several prices: the newest one's counts."""
    launches = session.get("launches", [])
    if not launches or not seconds:
        return 0.0
    price = guard_price(rates.region)(launches[-1]).usd_per_hour or 0.0
    return seconds / rates.engine_slots / 3600 * price
