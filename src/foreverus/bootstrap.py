"""The only place where real things are put together: one builder per Lambda.

Clients are made on first use, not at import: importing any module with an empty environment works.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from foreverus import settings
from foreverus.tracing import trace_aws_calls

if TYPE_CHECKING:
    from foreverus.backends.catalog import Catalog
    from foreverus.conversations.service import ConversationService
    from foreverus.sessions.service import SessionService


def clock() -> datetime:
    return datetime.now(UTC)


@cache
def client(service: str, endpoint_url: str | None = None) -> Any:
    """One boto3 client per service and process; the region comes from the runtime."""
    import boto3
    from botocore.config import Config

    trace_aws_calls()
    config = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "max_attempts": 4})
    return boto3.client(service, config=config, endpoint_url=endpoint_url)


def items(table_name: str) -> Any:
    from foreverus.dynamo import Table

    return Table(client("dynamodb"), table_name)


@dataclass(frozen=True)
class ApiServices:
    sessions: "SessionService"
    conversations: "ConversationService"
    models: "Catalog"


@cache
def api() -> ApiServices:
    """Everything that the REST API calls."""
    from foreverus.backends.catalog import Catalog
    from foreverus.conversations.queue import ChatQueue
    from foreverus.conversations.service import ConversationService
    from foreverus.conversations.store import ConversationStore
    from foreverus.sessions.machine import StepFunctionsMachine
    from foreverus.sessions.service import SessionService
    from foreverus.sessions.start import SessionStarter
    from foreverus.sessions.store import SessionStore

    env = settings.ApiSettings.from_env(os.environ)
    table = items(env.table_name)
    store = SessionStore(table)
    starter = SessionStarter(
        store, StepFunctionsMachine(client("stepfunctions"), env.gpu_session_arn), env.idle_seconds, clock
    )
    return ApiServices(
        sessions=SessionService(store, starter),
        conversations=ConversationService(
            ConversationStore(table),
            ChatQueue(client("sqs"), env.chat_queue_url),
            starter,
            env.context_tokens,
            clock,
        ),
        models=Catalog(env.model_id, env.context_tokens),
    )
