"""What the REST API calls."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws, conversations, images, quotes, shared
from foreverus.bootstrap.batches import batch_service
from foreverus.bootstrap.documents import people_documents
from foreverus.bootstrap.person_starts import persons_starter
from foreverus.bootstrap.session_ends import session_work
from foreverus.settings.api import ApiSettings

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
    from foreverus.spending.quotes import QuoteService
    from foreverus.spending.usage import TeamUsage


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

    env = ApiSettings.from_env(os.environ)
    table = aws.items(env.table_name)
    purse = shared.purse(env.table_name, env.monthly_cap_usd)
    caps = Caps(env.monthly_cap_usd, env.session_cap_usd)
    limits = _limits(env)
    start = persons_starter(env, env.idle_seconds or None)
    once, kept = shared.once(env.table_name), env.file_retention_days * 86_400

    files = _files(env, limits)
    services = ApiServices(
        sessions=SessionService(SessionStore(table), start, once, session_work(env.table_name)),
        conversations=conversations.service(env, start, limits),
        stops=conversations.stops(env),
        deletions=conversations.deletions(env),
        prompts=PromptLibrary(PromptStore(table), once, aws.clock),
        memories=conversations.memories(env),
        documents=people_documents(env),
        imports=conversations.imports(env, limits),
        search=conversations.search,
        models=_models(env),
        usage=TeamUsage(
            Usage(SessionStore(table), purse, LedgerStore(table), CapacityDiary(table), caps, aws.region(), aws.clock),
            UsageStore(table),
            quotes.figures(env),
            aws.clock,
        ),
        files=files,
        uploads=UploadService(UploadStore(table), files.store, files.objects, once, aws.clock, files.room, kept),
        batches=replace(batch_service(env), limits=limits),
        quotes=quotes.service,
    )
    return aws.lasting(services)


def _files(env: ApiSettings, limits: "PersonLimits") -> "FileService":
    from foreverus.files.stored import stored_bytes

    table = aws.items(env.table_name)

    def room(user_id: str, more: int) -> "CountChange":
        return limits.bytes(user_id, more, lambda: stored_bytes(table, user_id, aws.clock()))

    files, kept = shared.file_service(env.table_name, env.data_bucket), env.file_retention_days * 86_400
    return replace(files, room=room, retention_s=kept, look=images.look(env))


def _models(env: ApiSettings) -> "ModelList":
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


def _limits(env: ApiSettings) -> "PersonLimits":
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
