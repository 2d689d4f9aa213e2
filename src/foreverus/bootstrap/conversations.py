"""What conversations are put together from, as the REST API has them."""

import os
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, images, shared
from foreverus.settings.api import ApiSettings

if TYPE_CHECKING:
    from foreverus.conversations.deleting import MessageDeletion
    from foreverus.conversations.importing import ConversationImports
    from foreverus.conversations.remembered.service import Memories
    from foreverus.conversations.search.service import ConversationSearch
    from foreverus.conversations.service import ConversationService
    from foreverus.conversations.stopping import MessageStops
    from foreverus.limits.person import PersonLimits
    from foreverus.sessions.start import SessionStarter


SEARCH_SECONDS = 15  # what somebody waits for texts, of API Gateway's 29; then titles alone


def imports(env: ApiSettings, limits: "PersonLimits") -> "ConversationImports":
    from foreverus.conversations.importing import ConversationImports, imported_bytes
    from foreverus.conversations.store import ConversationStore

    table = aws.items(env.table_name)

    def room(user_id: str, more: int) -> None:
        limits.take_imported(user_id, more, lambda: imported_bytes(table, user_id))

    return ConversationImports(ConversationStore(table), room, aws.clock, aws.push, env.conversation_retention_days)


def memories(env: ApiSettings) -> "Memories":
    from foreverus.conversations.remembered.service import Memories
    from foreverus.conversations.remembered.store import MemoryStore
    from foreverus.conversations.store import ConversationStore

    table = aws.items(env.table_name)
    return Memories(MemoryStore(table), ConversationStore(table), shared.once(env.table_name), aws.clock)


@cache
def search() -> "ConversationSearch":
    from botocore.config import Config

    from foreverus.aws.lambda_functions import LambdaFunction
    from foreverus.conversations.search.calling import SearchFunction
    from foreverus.conversations.search.records import NoTexts
    from foreverus.conversations.search.service import ConversationSearch
    from foreverus.conversations.store import ConversationStore

    env = ApiSettings.from_env(os.environ)
    once = Config(read_timeout=SEARCH_SECONDS, retries={"total_max_attempts": 1})
    function = env.search_messages_function
    texts = SearchFunction(LambdaFunction(aws.client("lambda", None, once), function)) if function else NoTexts()
    return ConversationSearch(ConversationStore(aws.items(env.table_name)), texts, env.conversation_retention_days)


def stops(env: ApiSettings) -> "MessageStops":
    from foreverus.aws.lambda_functions import LambdaFunction
    from foreverus.conversations.answers import DynamoAnswers
    from foreverus.conversations.queue import ConversationFunction
    from foreverus.conversations.stopping import MessageStops
    from foreverus.conversations.store import ConversationStore
    from foreverus.sessions.store import SessionStore

    table = aws.items(env.table_name)
    return MessageStops(
        store=ConversationStore(table),
        answers=DynamoAnswers(table, aws.clock),
        sessions=SessionStore(table),
        bedrock=ConversationFunction(LambdaFunction(aws.client("lambda"), env.answer_conversation_function)),
        push=aws.push,
        clock=aws.clock,
    )


def deletions(env: ApiSettings) -> "MessageDeletion":
    from foreverus.conversations.deleting import MessageDeletion
    from foreverus.conversations.image_files import DeleteImages
    from foreverus.conversations.store import ConversationStore
    from foreverus.sessions.pending import PendingWorkStore

    table = aws.items(env.table_name)
    images = DeleteImages(table, aws.clock)
    return MessageDeletion(table, ConversationStore(table), PendingWorkStore(table), aws.push, aws.clock, images)


def service(env: ApiSettings, start: "SessionStarter", limits: "PersonLimits") -> "ConversationService":
    from foreverus.aws.lambda_functions import LambdaFunction
    from foreverus.aws.sqs import ChatQueue
    from foreverus.backends.port import BackendName
    from foreverus.bootstrap.crowd import crowd_gpus
    from foreverus.conversations.choosing import BackendChooser
    from foreverus.conversations.queue import ConversationFunction
    from foreverus.conversations.replacing import Replacing
    from foreverus.conversations.service import ConversationService
    from foreverus.conversations.store import ConversationStore
    from foreverus.sessions.pending import PendingWorkStore

    table, stack = aws.items(env.table_name), BackendName(env.chat_backend)
    look = images.look_at_backends(env)
    function = LambdaFunction(aws.client("lambda"), env.answer_conversation_function)
    return ConversationService(
        store=ConversationStore(table),
        queue=ChatQueue(aws.client("sqs"), env.chat_queue_url),
        sessions=start,
        context_tokens=env.context_tokens,
        once=shared.once(env.table_name),
        limits=limits,
        clock=aws.clock,
        chooser=BackendChooser(table, look, stack, aws.clock, bool(env.find_passages_function), images.reads(env)),
        bedrock=ConversationFunction(function),
        images=images.of_messages(env),
        replacing=Replacing(ConversationStore(table), PendingWorkStore(table)),
        retention_days=env.conversation_retention_days,
        push=aws.push,
        crowd=crowd_gpus(env, look, start).asked,
    )
