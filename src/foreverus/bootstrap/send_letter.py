"""The weekly letter."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, shared
from foreverus.settings.upkeep import SendLetterSettings

if TYPE_CHECKING:
    from foreverus.spending.letter import WeeklyLetter


@cache
def build() -> "WeeklyLetter":
    from foreverus.batches.store import BatchStore
    from foreverus.costs.ledger import LedgerStore
    from foreverus.costs.usage.store import UsageStore
    from foreverus.sessions.store import SessionStore
    from foreverus.spending.figures import CostFiguresLook
    from foreverus.spending.letter import WeeklyLetter
    from foreverus.spending.sent_letters import SentLetterStore

    env = SendLetterSettings.from_env(os.environ)
    table = aws.items(env.table_name)
    deployment = shared.deployment(env, idle_seconds=0, max_gpus=1)  # of the comparison nothing is idle
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
