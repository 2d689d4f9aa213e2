"""Chats on Bedrock, when no GPU could be had."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus import settings
from foreverus.bootstrap import aws, shared

if TYPE_CHECKING:
    from foreverus.conversations.on_bedrock import ChatsOnBedrock


@cache
def build() -> "ChatsOnBedrock":
    from foreverus.conversations.answers import DynamoAnswers
    from foreverus.conversations.bedrock_budget import BedrockBudget
    from foreverus.conversations.on_bedrock import ChatsOnBedrock
    from foreverus.costs.prices import bedrock_price
    from foreverus.sessions.pending import PendingWorkStore
    from foreverus.sessions.store import SessionStore

    env = settings.AnswerChatsSettings.from_env(os.environ)
    table = aws.items(env.table_name)
    store = SessionStore(table)
    budget = BedrockBudget(
        sessions=store,
        purse=shared.purse(env.table_name, env.monthly_cap_usd),
        price=bedrock_price(env.bedrock_model_id, aws.region()),
        session_cap_usd=env.session_cap_usd,
        region=aws.region(),
        clock=aws.clock,
    )
    return ChatsOnBedrock(
        pending=PendingWorkStore(table),
        answers=DynamoAnswers(table),
        sessions=store,
        backend=shared.bedrock_backend(env.bedrock_model_id),
        budget=budget,
        push=aws.push(),
        context_tokens=env.context_tokens,
        calls_at_once=shared.BEDROCK_CALLS,
        clock=aws.clock,
    )
