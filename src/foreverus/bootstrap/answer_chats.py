"""Chats that go to Bedrock, when no GPU could be had."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, shared
from foreverus.settings.chats import AnswerChatsSettings

if TYPE_CHECKING:
    from foreverus.conversations.bedrock.handing import ChatsToBedrock


@cache
def build() -> "ChatsToBedrock":
    from foreverus.aws.lambda_functions import LambdaFunction
    from foreverus.conversations.bedrock.handing import ChatsToBedrock
    from foreverus.sessions.pending import PendingWorkStore
    from foreverus.sessions.store import SessionStore

    env = AnswerChatsSettings.from_env(os.environ)
    table = aws.items(env.table_name)
    return ChatsToBedrock(
        pending=PendingWorkStore(table),
        ends=shared.message_ends(env.table_name),
        sessions=SessionStore(table),
        function=LambdaFunction(aws.client("lambda"), env.answer_conversation_function),
        region=aws.region(),
        clock=aws.clock,
    )
