"""A conversation that Bedrock answers."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

from foreverus import ids, settings
from foreverus.bootstrap import aws, shared

if TYPE_CHECKING:
    from foreverus.api.responses import Body
    from foreverus.conversations.bedrock.answering import ConversationAnswering

THREADS = 16  # for the table's calls and the sockets' posts
CALLS = 2  # of Bedrock: one at a time, and one that was left and ends by itself


def run(conversation_id: str, user_id: str, seconds: float, function: str) -> "Body":
    """`function`: this one's name, which it calls again when its time is short."""

    async def answer() -> "Body":
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS))
        holder = ids.new_id("call", aws.clock())
        return await build(function).run(conversation_id, user_id, seconds, holder)

    return asyncio.run(answer())


@cache
def build(function: str) -> "ConversationAnswering":
    from foreverus.aws.lambda_functions import LambdaFunction
    from foreverus.backends.bedrock import SILENCE_TIMEOUT_S
    from foreverus.choice.refusals import RefusalStore
    from foreverus.conversations.answers import DynamoAnswers
    from foreverus.conversations.bedrock.answering import ConversationAnswering
    from foreverus.conversations.bedrock.asking import BedrockAsker
    from foreverus.conversations.bedrock.writing import AnswerWriter
    from foreverus.conversations.lease import LeaseStore
    from foreverus.costs.prices import bedrock_price
    from foreverus.sessions.pending import PendingWorkStore

    env = settings.AnswerConversationSettings.from_env(os.environ)
    table = aws.items(env.table_name)
    pending, takeover = PendingWorkStore(table), shared.takeover(env)
    asker = BedrockAsker(
        backend=shared.bedrock_backend(env.bedrock_model_id, CALLS, SILENCE_TIMEOUT_S),
        ends=takeover.ends,
        price=bedrock_price(env.bedrock_model_id, aws.region()),
        context_tokens=env.context_tokens,
        clock=aws.clock,
        run_blocking=asyncio.to_thread,
    )
    writer = AnswerWriter(
        answers=DynamoAnswers(table),
        pending=pending,
        ends=takeover.ends,
        asker=asker,
        takeover=takeover,
        refusals=RefusalStore(table, aws.clock),
        push=aws.push(),
        clock=aws.clock,
        run_blocking=asyncio.to_thread,
    )
    return ConversationAnswering(
        pending=pending,
        lease=LeaseStore(table, aws.clock),
        writer=writer,
        again=LambdaFunction(aws.client("lambda"), function),
        run_blocking=asyncio.to_thread,
    )
