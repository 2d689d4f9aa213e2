"""The only place where real things are put together: one builder per Lambda.

Clients are made on first use, not at import: importing any module with an empty environment works.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from foreverus import settings
from foreverus.tracing import trace_aws_calls

if TYPE_CHECKING:
    from botocore.config import Config

    from foreverus.access.authorizer import Authorizer
    from foreverus.batches.objects import S3Objects
    from foreverus.batches.waiting import WaitingBatches
    from foreverus.bootstrap_api import ApiServices
    from foreverus.conversations.push import WebSocketPush
    from foreverus.conversations.rescue import Rescuer
    from foreverus.conversations.waiting import WaitingRequests
    from foreverus.dynamo import Table
    from foreverus.live.frames import Frames
    from foreverus.results.database import Database
    from foreverus.results.store import ResultsKeeper
    from foreverus.sessions.closing import SessionCloser
    from foreverus.sessions.machine import StepFunctionsMachine
    from foreverus.sessions.pricing import SpendWatch
    from foreverus.sessions.reaping import Reaper
    from foreverus.sessions.start import SessionStarter
    from foreverus.site import Site


def clock() -> datetime:
    return datetime.now(UTC)


def count_reaped(stack_name: str) -> Callable[[int], None]:
    """Writes the metric as a whole line of the log, without what a logger puts before it: CloudWatch finds it there."""
    from foreverus.sessions.metrics import reaped_line

    def count(instances: int) -> None:
        sys.stdout.write(reaped_line(stack_name, instances, clock()) + "\n")
        sys.stdout.flush()

    return count


@cache
def client(service: str, endpoint_url: str | None = None, own: "Config | None" = None) -> Any:
    """One boto3 client per service and process; the region comes from the runtime. `own`: over the common settings."""
    import boto3
    from botocore.config import Config

    trace_aws_calls()
    # For presigned addresses: what S3 signs with else binds no upload's size, and a new bucket is known to its own
    # Region's host only.
    s3 = Config(signature_version="s3v4", s3={"addressing_style": "virtual"}) if service == "s3" else Config()
    config = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "max_attempts": 4}).merge(s3)
    make: Any = boto3.client  # its stubs want each service's name spelled out
    return make(service, config=config.merge(own) if own else config, endpoint_url=endpoint_url)


def items(table_name: str) -> "Table":
    from foreverus.dynamo import Table

    return Table(client("dynamodb"), table_name)


@dataclass(frozen=True)
class LiveServices:
    frames: "Frames"
    push: "WebSocketPush"


def starter(
    table_name: str, gpu_session_arn: str, monthly_cap_usd: float, idle_seconds: int | None = None
) -> "SessionStarter":
    from foreverus.sessions.start import SessionStarter
    from foreverus.sessions.store import SessionStore

    store = SessionStore(items(table_name))
    return SessionStarter(store, machine(gpu_session_arn), idle_seconds, monthly_cap_usd, clock)


def region() -> str:
    """Where we are, as boto3 finds it."""
    return str(client("dynamodb").meta.region_name)


def machine(gpu_session_arn: str) -> "StepFunctionsMachine":
    from foreverus.sessions.machine import StepFunctionsMachine

    return StepFunctionsMachine(client("stepfunctions"), gpu_session_arn)


def objects(bucket: str) -> "S3Objects":
    from foreverus.batches.objects import S3Objects

    return S3Objects(client("s3"), bucket, clock)


@cache
def api() -> "ApiServices":
    """Everything that the REST API calls."""
    from foreverus.bootstrap_api import api_services

    return api_services(settings.ApiSettings.from_env(os.environ))


@cache
def authorizer() -> "Authorizer":
    from foreverus.access.authorizer import Authorizer
    from foreverus.access.store import ApiKeyStore, CognitoTokens

    env = settings.AuthorizeSettings.from_env(os.environ)
    tokens = CognitoTokens(client("cognito-idp"))
    return Authorizer(ApiKeyStore(items(env.table_name)), tokens, env.user_pool_id, env.user_pool_client_id)


@cache
def live() -> LiveServices:
    """Everything behind the WebSocket."""
    from foreverus.conversations.store import ConversationStore
    from foreverus.live.connections import ConnectionStore
    from foreverus.live.frames import Frames
    from foreverus.sessions.store import SessionStore

    table = items(settings.WebSocketSettings.from_env(os.environ).table_name)
    frames = Frames(ConnectionStore(table), ConversationStore(table), SessionStore(table), clock)
    return LiveServices(frames, push())


@cache
def push() -> "WebSocketPush":
    from foreverus.conversations.push import WebSocketPush

    env = settings.WebSocketSettings.from_env(os.environ)
    return WebSocketPush(client("apigatewaymanagementapi", env.websocket_callback_url), items(env.table_name))


@cache
def spend_watch() -> "SpendWatch":
    """What looks at every change of a session's record for prices to note and notices to give."""
    from foreverus.costs.spot_price import PriceBook
    from foreverus.sessions.notifications import SnsTopic
    from foreverus.sessions.pricing import SpendWatch
    from foreverus.sessions.store import SessionStore

    env = settings.PublishChangesSettings.from_env(os.environ)
    prices = PriceBook(client("ec2"), region())
    return SpendWatch(SessionStore(items(env.table_name)), SnsTopic(client("sns"), env.topic_arn), prices.price_of)


def waiting_requests(table_name: str) -> "WaitingRequests":
    from foreverus.conversations.answers import DynamoAnswers
    from foreverus.conversations.store import ConversationStore
    from foreverus.conversations.waiting import WaitingRequests

    table = items(table_name)
    return WaitingRequests(ConversationStore(table), DynamoAnswers(table), push(), clock)


def waiting_batches(table_name: str) -> "WaitingBatches":
    from foreverus.batches.store import BatchStore
    from foreverus.batches.waiting import WaitingBatches
    from foreverus.sessions.store import SessionStore
    from foreverus.sessions.tasks import StepFunctionsTasks

    table = items(table_name)
    tasks = StepFunctionsTasks(client("stepfunctions"))
    return WaitingBatches(BatchStore(table), tasks, SessionStore(table).live_session_ids)


def session_closer(table_name: str, gpu_session_arn: str, monthly_cap_usd: float) -> "SessionCloser":
    from foreverus.costs.spot_price import PriceBook
    from foreverus.sessions.closing import SessionCloser
    from foreverus.sessions.diary import CapacityDiary
    from foreverus.sessions.store import SessionStore

    table = items(table_name)
    return SessionCloser(
        store=SessionStore(table),
        starter=starter(table_name, gpu_session_arn, monthly_cap_usd),
        waiting=(waiting_requests(table_name), waiting_batches(table_name)),
        diary=CapacityDiary(table),
        price_of=PriceBook(client("ec2"), region()).price_of,
        region=region(),
        clock=clock,
    )


@cache
def closer() -> "SessionCloser":
    env = settings.CloseSessionSettings.from_env(os.environ)
    return session_closer(env.table_name, env.gpu_session_arn, env.monthly_cap_usd)


@cache
def reaper() -> "Reaper":
    from datetime import timedelta

    from foreverus.sessions.fleet import Fleet
    from foreverus.sessions.notifications import SnsTopic
    from foreverus.sessions.reaping import Reaper
    from foreverus.sessions.store import SessionStore

    env = settings.ReapGpusSettings.from_env(os.environ)
    return Reaper(
        gpus=Fleet(client("ec2"), env.stack_name),
        executions=machine(env.gpu_session_arn),
        sessions=SessionStore(items(env.table_name)),
        closer=session_closer(env.table_name, env.gpu_session_arn, env.monthly_cap_usd),
        notifications=SnsTopic(client("sns"), env.topic_arn),
        count=count_reaped(env.stack_name),
        most=timedelta(seconds=env.max_session_seconds),
        clock=clock,
    )


@cache
def rescuer() -> "Rescuer":
    from foreverus.conversations.queue import ChatQueue
    from foreverus.conversations.rescue import Rescuer
    from foreverus.conversations.store import ConversationStore
    from foreverus.sessions.store import SessionStore

    env = settings.RescueRequestsSettings.from_env(os.environ)
    queue, table = ChatQueue(client("sqs"), env.chat_queue_url), items(env.table_name)
    start = starter(env.table_name, env.gpu_session_arn, env.monthly_cap_usd)
    waiting = waiting_requests(env.table_name)
    return Rescuer(ConversationStore(table), queue, start, waiting, lambda: SessionStore(table).newest(1), clock)


def database(env: settings.DatabaseSettings) -> "Database | None":
    """None when the stack was deployed without PostgreSQL."""
    from foreverus.results.database import Database

    if not env.database_cluster_arn:
        return None
    return Database(client("rds-data"), env.database_cluster_arn, env.database_secret_arn, env.database_name)


def migration_database() -> "Database":
    found = database(settings.MigrateDatabaseSettings.from_env(os.environ))
    if found is None:
        raise settings.MissingSetting("DATABASE_CLUSTER_ARN is empty: there is no database to migrate")
    return found


@cache
def results_keeper() -> "ResultsKeeper":
    from foreverus.results.store import ResultsKeeper
    from foreverus.sessions.store import SessionStore

    env = settings.StoreResultsSettings.from_env(os.environ)
    table = items(env.table_name)
    return ResultsKeeper(table, SessionStore(table), database(env), clock)


def site() -> "Site":
    from pathlib import Path

    from foreverus.site import Site

    env = settings.PublishSiteSettings.from_env(os.environ)
    return Site(client("s3"), env.site_bucket, Path(os.environ.get("LAMBDA_TASK_ROOT", ".")) / "site")
