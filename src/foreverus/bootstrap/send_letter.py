"""The weekly letter."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, shared
from foreverus.letter_settings import SendLetterSettings

if TYPE_CHECKING:
    from foreverus.spending.letter import WeeklyLetter


@cache
def build() -> "WeeklyLetter":
    from foreverus.batches.plan.estimates import Deployment
    from foreverus.batches.store import BatchStore
    from foreverus.costs.ledger import LedgerStore
    from foreverus.costs.prices import bedrock_price
    from foreverus.costs.usage.store import UsageStore
    from foreverus.sessions.store import SessionStore
    from foreverus.spending.figures import CostFiguresLook
    from foreverus.spending.letter import WeeklyLetter
    from foreverus.spending.sent_letters import SentLetterStore

    env = SendLetterSettings.from_env(os.environ)
    table, region = aws.items(env.table_name), aws.region()
    deployment = Deployment(
        region=region,
        instance_types=tuple(env.instance_types.split(",")),
        idle_seconds=0,  # of the comparison nothing is idle
        max_gpus=1,
        bedrock_model_id=env.bedrock_model_id,
        bedrock_calls=shared.BEDROCK_CALLS,
        bedrock_price=bedrock_price(env.bedrock_model_id, region),
    )
    return WeeklyLetter(
        sessions=SessionStore(table),
        ledger=LedgerStore(table),
        days=UsageStore(table),
        figures=CostFiguresLook(SessionStore(table), BatchStore(table).speed, deployment, 0.0),
        notifier=aws.notifier(env.topic_arn),
        monthly_cap_usd=env.monthly_cap_usd,
        clock=aws.clock,
        sent=SentLetterStore(table),
    )
