"""What a batch has cost until now, and how fast its lines were answered. Pure; docs/batches.md has the rule.

An instance that was bought for the batch is the batch's, from launch to end. In a session that somebody else had
started, a line has the seconds that it held one of the engine's slots; all slots together are the GPU. What AWS answers
on Bedrock costs by the token.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus import ids
from foreverus.batches.records import Batch, Shard, sessions_of
from foreverus.costs.meter import guard_price, spent_usd
from foreverus.costs.prices import NO_PRICE, TokenPrice
from foreverus.sessions.records import Session, Trigger

SESSIONS_TO_LOOK_AT = 50  # the newest: one that failed at its boot has worked on nothing and was paid for all the same


@dataclass(frozen=True)
class Rates:
    """`engine_slots`: how many lines a GPU answers at once. `sight`: of the model on Bedrock that sees images."""

    region: str
    engine_slots: int
    bedrock: TokenPrice
    sight: TokenPrice = NO_PRICE


class Sessions(Protocol):
    def get(self, session_id: str) -> Session | None: ...
    def newest(self, limit: int) -> list[Session]: ...


@dataclass(frozen=True)
class BatchCosts:
    """Call it with a batch and its shards: USD until now, None when that is not known."""

    sessions: Sessions
    rates: Rates
    clock: Callable[[], datetime]

    def __call__(self, batch: Batch, shards: Sequence[Shard]) -> float | None:
        return batch_cost_usd(batch.batch_id, shards, self.sessions_of(batch, shards), self.rates, self.clock())

    def sessions_of(self, batch: Batch, shards: Sequence[Shard]) -> list[Session]:
        """Those that worked on it, and those that were bought for it and never did."""
        found = {session_id: self.sessions.get(session_id) for session_id in sorted(sessions_of(batch, shards))}
        for session in self.sessions.newest(SESSIONS_TO_LOOK_AT):
            if session.batch_id == batch.batch_id:
                found[session.session_id] = session
        return [session for session in found.values() if session]


def batch_cost_usd(
    batch_id: str, shards: Sequence[Shard], sessions: list[Session], rates: Rates, now: datetime
) -> float | None:
    """USD, rounded to a millionth; None when Bedrock answered and its price is not known. A session that is still live
    is counted until now.

    `sessions`: the records of those that were started for the batch or worked on it.
    """
    bedrock = bedrock_usd(shards, rates.bedrock, rates.sight)
    if bedrock is None:
        return None
    seconds = slot_seconds(shards)
    total = bedrock
    for session in sessions:
        if session.trigger is Trigger.BATCH and session.batch_id == batch_id:
            total += _whole_usd(session, rates, now)
        else:
            total += _share_usd(session, seconds.get(session.session_id, 0.0), rates)
    return round(total, 6)


def slot_seconds(shards: Sequence[Shard]) -> dict[str, float]:
    """By session: how long the batch's lines held slots of its engine.

    >>> first = Shard(0, 1, 100, 0, 9_000, slot_seconds={"ses_1": 2.5})
    >>> second = Shard(1, 101, 50, 9_000, 13_000, slot_seconds={"ses_1": 1.0, "ses_2": 4.0})
    >>> slot_seconds([first, second])
    {'ses_1': 3.5, 'ses_2': 4.0}
    """
    total: dict[str, float] = {}
    for shard in shards:
        for session_id, seconds in shard.slot_seconds.items():
            total[session_id] = total.get(session_id, 0.0) + seconds
    return total


def bedrock_usd(shards: Sequence[Shard], price: TokenPrice, sight: TokenPrice = NO_PRICE) -> float | None:
    """USD that Bedrock has taken so far; None when it answered and a price is not known. `sight`: of the model that
    answers the lines whose images it sees.

    >>> shard = Shard(0, 1, 2, 0, 9, bedrock_prompt_tokens=3_000_000, seen_prompt_tokens=1_000_000)
    >>> bedrock_usd([shard], TokenPrice(0.15, 0.20, ""), TokenPrice(0.06, 0.24, ""))
    0.36
    """
    usd, known = bedrock_guard_usd(shards, price, sight)
    return usd if known else None


def bedrock_guard_usd(shards: Sequence[Shard], price: TokenPrice, sight: TokenPrice = NO_PRICE) -> tuple[float, bool]:
    """(USD that Bedrock has taken so far, at a guard's price where nobody knows it; whether it is known)."""
    seen = sum(one.seen_prompt_tokens for one in shards), sum(one.seen_completion_tokens for one in shards)
    prompt = sum(one.bedrock_prompt_tokens for one in shards) - seen[0]
    completion = sum(one.bedrock_completion_tokens for one in shards) - seen[1]
    took = [(one, tokens) for one, tokens in ((price, (prompt, completion)), (sight, seen)) if any(tokens)]
    return sum(one.guard_usd(*tokens) for one, tokens in took), all(
        one.usd(*tokens) is not None for one, tokens in took
    )


def _whole_usd(session: Session, rates: Rates, now: datetime) -> float:
    """What its instances cost: what Bedrock answered in it were people's messages."""
    if session.receipt and session.receipt.total_usd is not None:
        return session.receipt.total_usd - (session.receipt.bedrock_usd or 0.0)
    ended = session.terminated_at
    return spent_usd(session.launches, ids.parse_timestamp(ended) if ended else now, rates.region)


def _share_usd(session: Session, seconds: float, rates: Rates) -> float:
    """A relaunched session may have had instances of several prices: the newest one's counts."""
    if not session.launches or not seconds:
        return 0.0
    price = guard_price(rates.region)(session.launches[-1]).usd_per_hour or 0.0
    return seconds / rates.engine_slots / 3600 * price
