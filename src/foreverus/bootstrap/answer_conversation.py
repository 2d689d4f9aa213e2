"""A conversation that Bedrock answers."""

import asyncio
import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus import ids
from foreverus.bootstrap import aws, images, shared
from foreverus.concurrency import KeptThreads
from foreverus.settings.chats import AnswerConversationSettings

if TYPE_CHECKING:
    from foreverus.api.responses import Body
    from foreverus.conversations.bedrock.answering import ConversationAnswering
    from foreverus.conversations.bedrock.asking import BedrockAsker
    from foreverus.conversations.bedrock.entitling import BedrockTitles
    from foreverus.conversations.bedrock.seeing import Seeing
    from foreverus.conversations.entitling import TitleNews
    from foreverus.conversations.passages.asking import DocumentPassages

THREADS = 16  # for the table's calls and the sockets' posts
CALLS = 3  # of Bedrock: an answer, a title, and one that was left and ends by itself


def run(conversation_id: str, user_id: str, seconds: float, function: str) -> "Body":
    """`function`: this one's name, which it calls again when its time is short."""

    holder = ids.new_id("call", aws.clock())
    try:
        return asyncio.run(build(function).run(conversation_id, user_id, seconds, holder))
    finally:
        threads().finish()


@cache
def threads() -> KeptThreads:
    return KeptThreads(THREADS, "calls")


@cache
def build(function: str) -> "ConversationAnswering":
    from foreverus.aws.lambda_functions import LambdaFunction
    from foreverus.backends.bedrock import SILENCE_TIMEOUT_S
    from foreverus.backends.tokens import BEDROCK_CONTEXT_TOKENS
    from foreverus.bootstrap.chat_gpu import chat_gpu
    from foreverus.choice.refusals import RefusalStore
    from foreverus.conversations.answers import DynamoAnswers
    from foreverus.conversations.bedrock.answering import ConversationAnswering
    from foreverus.conversations.bedrock.asking import BedrockAsker
    from foreverus.conversations.bedrock.writing import AnswerWriter
    from foreverus.conversations.entitling import TitleNews
    from foreverus.conversations.lease import LeaseStore
    from foreverus.costs.prices import bedrock_price
    from foreverus.sessions.pending import PendingWorkStore

    env = AnswerConversationSettings.from_env(os.environ)
    table, takeover = aws.items(env.table_name), shared.takeover(env)
    asker = BedrockAsker(
        backend=shared.bedrock_backend(env.bedrock_model_id, CALLS, SILENCE_TIMEOUT_S),
        ends=takeover.ends,
        price=bedrock_price(env.bedrock_model_id, aws.region()),
        context_tokens=BEDROCK_CONTEXT_TOKENS,
        clock=aws.clock,
        run_blocking=threads(),
        seeing=_seeing(env.images_model_id, env.data_bucket) if env.images_model_id else None,
    )
    news = TitleNews(DynamoAnswers(table, aws.clock), aws.push(), env.conversation_retention_days)
    writer = AnswerWriter(
        answers=news.answers,
        ends=takeover.ends,
        asker=asker,
        takeover=takeover,
        refusals=RefusalStore(table, aws.clock),
        push=news.push,
        clock=aws.clock,
        run_blocking=threads(),
        chat_gpu=chat_gpu(env),
        titles=_titles(asker, news),
        news=news,
        passages=_passages(env),
        metrics=aws.metrics(),
    )
    answering = ConversationAnswering(
        pending=PendingWorkStore(table),
        lease=LeaseStore(table, aws.clock),
        writer=writer,
        again=LambdaFunction(aws.client("lambda"), function),
        run_blocking=threads(),
    )
    return aws.lasting(answering)


def _passages(env: AnswerConversationSettings) -> "DocumentPassages | None":
    """None: documents are off."""
    from botocore.config import Config

    from foreverus.aws.lambda_functions import LambdaFunction
    from foreverus.conversations.passages.asking import DocumentPassages
    from foreverus.conversations.passages.looking import CONNECT_S, WAIT_S

    once = Config(connect_timeout=CONNECT_S, read_timeout=WAIT_S, retries={"total_max_attempts": 1})
    if not env.find_sources_function:
        return None
    function = LambdaFunction(aws.client("lambda", None, once), env.find_sources_function)
    return DocumentPassages(aws.items(env.table_name), function)


def _seeing(model_id: str, bucket: str) -> "Seeing":
    from foreverus.conversations.bedrock.seeing import Seeing
    from foreverus.costs.prices import bedrock_price

    price = bedrock_price(model_id, aws.region())
    return Seeing(backend=images.sight(model_id, CALLS), price=price, objects=aws.objects(bucket))


def _titles(asker: "BedrockAsker", news: "TitleNews") -> "BedrockTitles":
    from foreverus.conversations.bedrock.entitling import BedrockTitles

    return BedrockTitles(
        backend=asker.backend,
        answers=news.answers,
        ends=asker.ends,
        news=news,
        price=asker.price,
        clock=aws.clock,
        run_blocking=threads(),
    )
