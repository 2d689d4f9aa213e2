"""What the REST API calls."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from foreverus import settings
from foreverus.bootstrap import aws, images, shared
from foreverus.bootstrap.documents import people_documents
from foreverus.bootstrap.person_starts import persons_starter

if TYPE_CHECKING:
    from foreverus.batches.service import BatchService
    from foreverus.conversations.deleting import MessageDeletion
    from foreverus.conversations.importing import ConversationImports
    from foreverus.conversations.library import PromptLibrary
    from foreverus.conversations.remembered.service import Memories
    from foreverus.conversations.search.service import ConversationSearch
    from foreverus.conversations.service import ConversationService
    from foreverus.conversations.stopping import MessageStops
    from foreverus.documents.service import Documents
    from foreverus.files.service import FileService
    from foreverus.files.uploads.service import UploadService
    from foreverus.limits.person import PersonLimits
    from foreverus.limits.records import CountChange
    from foreverus.openai_api.models import ModelList
    from foreverus.sessions.service import SessionService
    from foreverus.sessions.start import SessionStarter
    from foreverus.spending.figures import CostFiguresLook
    from foreverus.spending.quotes import QuoteService
    from foreverus.spending.usage import TeamUsage


SEARCH_SECONDS = 15  # what somebody waits for texts, of API Gateway's 29; then titles alone


@dataclass(frozen=True)
class ApiServices:
    sessions: "SessionService"
    conversations: "ConversationService"
    stops: "MessageStops"
    deletions: "MessageDeletion"
    prompts: "PromptLibrary"
    memories: "Memories"
    documents: "Documents"
    imports: "ConversationImports"
    search: "Callable[[], ConversationSearch]"  # made when somebody searches
    models: "ModelList"
    usage: "TeamUsage"
    quotes: "Callable[[], QuoteService]"  # made when the first one is asked for
    files: "FileService"
    uploads: "UploadService"
    batches: "BatchService"


@cache
def build() -> ApiServices:
    """Everything that the REST API calls."""
    from foreverus.conversations.library import PromptLibrary, PromptStore
    from foreverus.costs.ledger import LedgerStore
    from foreverus.costs.meter import Caps
    from foreverus.costs.usage.store import UsageStore
    from foreverus.files.uploads.service import UploadService
    from foreverus.files.uploads.store import UploadStore
    from foreverus.sessions.diary import CapacityDiary
    from foreverus.sessions.service import SessionService
    from foreverus.sessions.store import SessionStore
    from foreverus.sessions.usage import Usage
    from foreverus.spending.usage import TeamUsage

    env = settings.ApiSettings.from_env(os.environ)
    table = aws.items(env.table_name)
    purse = shared.purse(env.table_name, env.monthly_cap_usd)
    caps = Caps(env.monthly_cap_usd, env.session_cap_usd)
    limits, figures = _limits(env), _figures(env)
    start = persons_starter(env, env.idle_seconds or None)
    once, kept = shared.once(env.table_name), env.file_retention_days * 86_400

    files = _files(env, limits)
    return ApiServices(
        sessions=SessionService(SessionStore(table), start, once, shared.session_work(env.table_name)),
        conversations=_conversations(env, start, limits),
        stops=_stops(env),
        deletions=_deletions(env),
        prompts=PromptLibrary(PromptStore(table), once, aws.clock),
        memories=_memories(env),
        documents=people_documents(env),
        imports=_imports(env, limits),
        search=search,
        models=_models(env),
        usage=TeamUsage(
            Usage(SessionStore(table), purse, LedgerStore(table), CapacityDiary(table), caps, aws.region(), aws.clock),
            UsageStore(table),
            figures,
            aws.clock,
        ),
        files=files,
        uploads=UploadService(UploadStore(table), files.store, files.objects, once, aws.clock, files.room, kept),
        batches=replace(shared.batch_service(env), limits=limits),
        quotes=quotes,
    )


def _files(env: settings.ApiSettings, limits: "PersonLimits") -> "FileService":
    from foreverus.files.stored import stored_bytes

    table = aws.items(env.table_name)

    def room(user_id: str, more: int) -> "CountChange":
        return limits.bytes(user_id, more, lambda: stored_bytes(table, user_id, aws.clock()))

    files, kept = shared.file_service(env.table_name, env.data_bucket), env.file_retention_days * 86_400
    return replace(files, room=room, retention_s=kept, look=images.look(env))


def _imports(env: settings.ApiSettings, limits: "PersonLimits") -> "ConversationImports":
    from foreverus.conversations.importing import ConversationImports, imported_bytes
    from foreverus.conversations.store import ConversationStore

    table = aws.items(env.table_name)

    def room(user_id: str, more: int) -> None:
        limits.take_imported(user_id, more, lambda: imported_bytes(table, user_id))

    return ConversationImports(ConversationStore(table), room, aws.clock, aws.push, env.conversation_retention_days)


def _memories(env: settings.ApiSettings) -> "Memories":
    from foreverus.conversations.remembered.service import Memories
    from foreverus.conversations.remembered.store import MemoryStore
    from foreverus.conversations.store import ConversationStore

    table = aws.items(env.table_name)
    return Memories(MemoryStore(table), ConversationStore(table), shared.once(env.table_name), aws.clock)


@cache
def quotes() -> "QuoteService":
    from foreverus.batches.input.source import BatchInputs
    from foreverus.choice.refusals import RefusalStore
    from foreverus.spending.batch_input import BatchFiles
    from foreverus.spending.quotes import QuoteService

    env = settings.ApiSettings.from_env(os.environ)
    files = shared.file_service(env.table_name, env.data_bucket)
    look = shared.backends_look(env, bool(env.answer_conversation_function), env.images_model_id)
    refusals = RefusalStore(aws.items(env.table_name), aws.clock)
    return QuoteService(
        figures=_figures(env),
        look=lambda: look(refusals.left_s()),
        files=BatchFiles(BatchInputs(files, files.objects, env.data_bucket), env.model_id, env.context_tokens),
        session_cap_usd=env.session_cap_usd,
        max_gpus=env.max_gpus,
        context_tokens=env.context_tokens,
        clock=aws.clock,
        **images.quoted(env),
    )


@cache
def search() -> "ConversationSearch":
    from botocore.config import Config

    from foreverus.aws.lambda_functions import LambdaFunction
    from foreverus.conversations.search.calling import SearchFunction
    from foreverus.conversations.search.records import NoTexts
    from foreverus.conversations.search.service import ConversationSearch
    from foreverus.conversations.store import ConversationStore

    env = settings.ApiSettings.from_env(os.environ)
    once = Config(read_timeout=SEARCH_SECONDS, retries={"total_max_attempts": 1})
    function = env.search_messages_function
    texts = SearchFunction(LambdaFunction(aws.client("lambda", None, once), function)) if function else NoTexts()
    return ConversationSearch(ConversationStore(aws.items(env.table_name)), texts, env.conversation_retention_days)


def _stops(env: settings.ApiSettings) -> "MessageStops":
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


def _deletions(env: settings.ApiSettings) -> "MessageDeletion":
    from foreverus.conversations.deleting import MessageDeletion
    from foreverus.conversations.image_files import DeleteImages
    from foreverus.conversations.store import ConversationStore
    from foreverus.sessions.pending import PendingWorkStore

    table = aws.items(env.table_name)
    images = DeleteImages(table, aws.clock)
    return MessageDeletion(table, ConversationStore(table), PendingWorkStore(table), aws.push, aws.clock, images)


def _figures(env: settings.ApiSettings) -> "CostFiguresLook":
    """What quotes and comparisons are reckoned with."""
    from foreverus.batches.plan.estimates import Deployment
    from foreverus.batches.store import BatchStore
    from foreverus.costs.database import wake_usd
    from foreverus.costs.prices import bedrock_price
    from foreverus.sessions.store import SessionStore
    from foreverus.spending.figures import CostFiguresLook

    table, region = aws.items(env.table_name), aws.region()
    deployment = Deployment(
        region=region,
        instance_types=tuple(env.instance_types.split(",")),
        idle_seconds=env.idle_seconds,
        max_gpus=env.max_gpus,
        bedrock_model_id=env.bedrock_model_id,
        bedrock_calls=shared.BEDROCK_CALLS,
        bedrock_price=bedrock_price(env.bedrock_model_id, region),
    )
    database_usd = 0.0 if env.database == "none" else wake_usd()
    return CostFiguresLook(SessionStore(table), BatchStore(table).speed, deployment, database_usd)


def _conversations(env: settings.ApiSettings, start: "SessionStarter", limits: "PersonLimits") -> "ConversationService":
    from foreverus.aws.lambda_functions import LambdaFunction
    from foreverus.aws.sqs import ChatQueue
    from foreverus.backends.port import BackendName
    from foreverus.bootstrap.crowd import crowd_gpus
    from foreverus.conversations.choosing import BackendChooser
    from foreverus.conversations.images import MessageImages
    from foreverus.conversations.queue import ConversationFunction
    from foreverus.conversations.replacing import Replacing
    from foreverus.conversations.service import ConversationService
    from foreverus.conversations.store import ConversationStore
    from foreverus.sessions.pending import PendingWorkStore

    table, stack = aws.items(env.table_name), BackendName(env.chat_backend)
    look = shared.backends_look(env, bool(env.answer_conversation_function), env.images_model_id)
    function = LambdaFunction(aws.client("lambda"), env.answer_conversation_function)
    return ConversationService(
        store=ConversationStore(table),
        queue=ChatQueue(aws.client("sqs"), env.chat_queue_url),
        sessions=start,
        context_tokens=env.context_tokens,
        once=shared.once(env.table_name),
        limits=limits,
        clock=aws.clock,
        chooser=BackendChooser(table, look, stack, aws.clock, documents=bool(env.find_passages_function)),
        bedrock=ConversationFunction(function),
        images=MessageImages(table, bool(env.images_model_id), images.texts(env)),
        replacing=Replacing(ConversationStore(table), PendingWorkStore(table)),
        retention_days=env.conversation_retention_days,
        push=aws.push,
        crowd=crowd_gpus(env, look, start).asked,
    )


def _models(env: settings.ApiSettings) -> "ModelList":
    from foreverus.costs.endpoint_store import EndpointStore
    from foreverus.costs.prices import bedrock_price
    from foreverus.openai_api.models import EndpointState, ModelList
    from foreverus.openai_api.requests import Served

    look = shared.gpu_look(env.table_name, env.engine_slots)
    endpoint = EndpointStore(aws.items(env.table_name), env.sagemaker_endpoint)
    has_endpoint = bool(env.sagemaker_endpoint)
    return ModelList(
        served=Served(env.model_id, has_endpoint),
        context_tokens=env.context_tokens,
        bedrock=bedrock_price(env.bedrock_model_id, aws.region()) if env.bedrock_model_id else None,
        gpu=lambda: look().status,
        sagemaker=(lambda: EndpointState(endpoint.get(), aws.clock(), env.sagemaker_usd_per_hour))
        if has_endpoint
        else None,
    )


def _limits(env: settings.ApiSettings) -> "PersonLimits":
    """What one person may send and have."""
    from foreverus.conversations.importing import MOST_IMPORTED_BYTES
    from foreverus.limits.person import PersonLimits
    from foreverus.limits.records import PersonCaps
    from foreverus.limits.store import CountStore

    caps = PersonCaps(
        messages_per_minute=env.person_messages_per_minute,
        open_batches=env.person_open_batches,
        stored_bytes=env.person_stored_megabytes * 1_000_000,
        tokens_per_day=env.person_tokens_per_day,
        imported_bytes=MOST_IMPORTED_BYTES,
    )
    return PersonLimits(CountStore(aws.items(env.table_name)), caps, aws.clock)
