"""What the REST API is put together from: a part of bootstrap.py, which makes the clients."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foreverus.bootstrap import client, clock, items, machine, objects, region, starter
from foreverus.settings import ApiSettings

if TYPE_CHECKING:
    from foreverus.backends.catalog import Catalog
    from foreverus.batches.files import FileService
    from foreverus.batches.service import BatchService
    from foreverus.conversations.service import ConversationService
    from foreverus.sessions.service import SessionService
    from foreverus.sessions.usage import Usage


@dataclass(frozen=True)
class ApiServices:
    sessions: "SessionService"
    conversations: "ConversationService"
    models: "Catalog"
    usage: "Usage"
    files: "FileService"
    batches: "BatchService"


def api_services(env: ApiSettings) -> ApiServices:
    from foreverus.backends.catalog import Catalog
    from foreverus.bootstrap_batches import batch_costs
    from foreverus.conversations.queue import ChatQueue
    from foreverus.conversations.service import ConversationService
    from foreverus.conversations.store import ConversationStore
    from foreverus.costs.meter import Caps
    from foreverus.sessions.diary import CapacityDiary
    from foreverus.sessions.service import SessionService
    from foreverus.sessions.store import SessionStore
    from foreverus.sessions.usage import Usage

    table = items(env.table_name)
    start = starter(env.table_name, env.gpu_session_arn, env.monthly_cap_usd, env.idle_seconds)
    queue = ChatQueue(client("sqs"), env.chat_queue_url)
    caps = Caps(env.monthly_cap_usd, env.session_cap_usd)
    cost_of = batch_costs(env.table_name, env.engine_slots, env.bedrock_model_id)
    batches = batch_service(env.table_name, env.data_bucket, env.batch_run_arn, cost_of)
    return ApiServices(
        sessions=SessionService(SessionStore(table), start),
        conversations=ConversationService(ConversationStore(table), queue, start, env.context_tokens, clock),
        models=Catalog(env.model_id, env.context_tokens),
        usage=Usage(SessionStore(table), CapacityDiary(table), caps, region(), clock),
        files=batches.files,
        batches=batches,
    )


def batch_service(
    table_name: str,
    data_bucket: str,
    batch_run_arn: str,
    cost_of: Callable[[dict[str, Any], list[dict[str, Any]]], float | None],
) -> "BatchService":
    """`cost_of`: USD that a batch and its shards have cost until now."""
    from foreverus.batches.files import FileService
    from foreverus.batches.files_store import FileStore
    from foreverus.batches.service import BatchService
    from foreverus.batches.store import BatchStore
    from foreverus.sessions.tasks import StepFunctionsTasks

    table = items(table_name)
    return BatchService(
        store=BatchStore(table),
        files=FileService(FileStore(table), objects(data_bucket), clock),
        machine=machine(batch_run_arn),
        tasks=StepFunctionsTasks(client("stepfunctions")),
        bucket=data_bucket,
        cost_of=cost_of,
        clock=clock,
    )
