"""What a batch reserves of its month for a round on Bedrock. Pure.

One reservation for the whole batch: what Bedrock has taken for it, which nobody counts before the batch is over, and
what the round may take. Between rounds it is the former alone, until the batch's window is over at the latest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from foreverus import ids
from foreverus.backends.tokens import MOST_BEDROCK_TOKENS
from foreverus.batches.cost import bedrock_guard_usd
from foreverus.batches.plan.estimates import bedrock_expected_usd, price_left
from foreverus.batches.records import Batch, Shard
from foreverus.choice.records import Work
from foreverus.costs.meter import month_of
from foreverus.costs.money import NOTHING, at_most
from foreverus.costs.prices import NO_PRICE, TokenPrice
from foreverus.costs.reservations import Month, Owner, Reservation

# How wrong the expected length of answers may be before a round stops at what it has reserved, and another one begins
# with what has been learned; beside that, each call takes the whole limit of its answer until it is there.
WRONG_BY, CALLS_AT_ONCE = 4, 32
ROUND_S = 1800  # the Lambda's 15 minutes, as long again until it begins, and its last writes


@dataclass(frozen=True)
class Need:
    """USD, each with what was `spent` already. `least`: what the round is expected to take; `most`: a token a byte of
    the lines, and the whole limits of their answers, or several times what these are expected to be: limits that
    nobody comes near would keep everybody else from the month for as long as the batch lasts. Where the month has less
    left than that, or that was too little, the round stops there."""

    spent: Decimal
    least: Decimal
    most: Decimal


def bedrock_need(
    batch: Batch, shards: Sequence[Shard], work: Work, price: TokenPrice, sight: TokenPrice = NO_PRICE
) -> Need:
    """`sight`: of the model that sees images."""
    spent = at_most(bedrock_guard_usd(shards, price, sight)[0])
    price = price_left(shards, price, sight)
    open_ = [one for one in shards if not one.is_done]
    prompt = sum(one.prompt_tokens_most or one.end - one.start for one in open_)
    # The limit of a line that names none is an estimate: one answer of the greatest length fits in any case.
    limits = max(sum(one.completion_tokens_limit for one in open_), MOST_BEDROCK_TOKENS)
    completion = min(limits, WRONG_BY * work.completion_tokens + CALLS_AT_ONCE * MOST_BEDROCK_TOKENS)
    least = at_most(bedrock_expected_usd(work, price))
    return Need(spent, spent + least, spent + max(least, at_most(price.guard_usd(prompt, completion))))


def own_usd(month: Month, batch: Batch) -> Decimal:
    """What the batch has reserved already."""
    return next((one.usd for one in month.reservations if one.name == batch.batch_id), NOTHING)


def reservation(batch: Batch, need: Need, now: datetime) -> Reservation:
    """For a round that begins now."""
    until = ids.timestamp(now + timedelta(seconds=ROUND_S))
    return Reservation(month_of(batch.created_at), batch.batch_id, Owner.BATCH, need.most, ids.timestamp(now), until)
