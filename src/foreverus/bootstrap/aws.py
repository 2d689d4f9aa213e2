"""Where every client is made, and what stands one line above a client.

Clients are made on first use, not at import: importing any module with an empty environment works.
"""

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from foreverus.metrics import SILENT, Metrics, of_function
from foreverus.settings.parts import LentDatabaseSettings, PushSettings
from foreverus.tracing import trace_calls

if TYPE_CHECKING:
    from botocore.config import Config

    from foreverus.aws.data_api import Database
    from foreverus.aws.dynamo import Table
    from foreverus.aws.lent_secrets import LentSecrets
    from foreverus.aws.push import WebSocketPush
    from foreverus.aws.s3 import S3Objects
    from foreverus.aws.ssm import SecureParameters
    from foreverus.aws.step_functions import StepFunctionsMachine, StepFunctionsTasks
    from foreverus.notifications.notification import TopicNotifier


# Hundreds of calls for one answer or batch: the steps around them tell of these, of a batch's lines the first few.
MANY_CALLS = ("bedrock-runtime", "sagemaker-runtime", "apigatewaymanagementapi")
# Connections that a client keeps. A Lambda needs as many as it has calls beside each other; a process that serves the
# API needs one for each of its threads (serve/application.py).
KEPT_CONNECTIONS = 50
_one_at_a_time = threading.Lock()
T = TypeVar("T")


def clock() -> datetime:
    return datetime.now(UTC)


@cache
def metrics() -> Metrics:
    """Those of the stack that this runs in; outside of one nothing is measured."""
    if not (stack := os.environ.get("STACK_NAME")):
        return SILENT
    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    return of_function(stack, function, more=os.environ.get("MORE_METRICS") == "true")


def lasting(services: T) -> T:
    """The same, with all that is loaded by now, until the process ends: Python's collector no longer looks through it,
    which held up one call in some hundreds for 30 ms and more to find nothing (docs/decisions/0043)."""
    gc.freeze()
    return services


def client(service: str, endpoint_url: str | None = None, own: "Config | None" = None) -> Any:
    """One boto3 client per service and process; the region comes from the runtime. `own`: over the common settings.
    Clients may be shared by threads, but boto3 may not make two of them at once."""
    with _one_at_a_time:
        return _client(service, endpoint_url, own)


@cache
def _client(service: str, endpoint_url: str | None, own: "Config | None") -> Any:
    import boto3
    from botocore.config import Config

    from foreverus.aws import lean

    common = Config(
        connect_timeout=3,
        read_timeout=20,
        retries={"mode": "standard", "max_attempts": 4},
        max_pool_connections=KEPT_CONNECTIONS,
    )
    config = lean.config(service).merge(common)
    if service == "s3":
        config = config.merge(_s3_config())
    make: Any = boto3.client  # its stubs want each service's name spelled out
    made = make(service, config=config.merge(own) if own else config, endpoint_url=endpoint_url)
    lean.keep_host(made)
    if service not in MANY_CALLS:
        trace_calls(made)
    return made


def _s3_config() -> "Config":
    """What presigned addresses and uploads in parts need.

    Signature: what S3 signs with else binds no upload's size. Host: a new bucket is known to its own Region's host
    only, and the page may connect to no other; boto3 alone would take the global host in us-east-1. Checksums: boto3
    would send a CRC with each part that neither Create nor Complete names, which S3 may refuse.
    """
    from botocore.config import Config

    return Config(
        signature_version="s3v4",
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
        request_checksum_calculation="when_required",
    )


def region() -> str:
    """Where we are, as boto3 finds it."""
    return str(client("dynamodb").meta.region_name)


def items(table_name: str) -> "Table":
    from foreverus.aws.dynamo import Table

    return Table(client("dynamodb"), table_name)


def machine(arn: str) -> "StepFunctionsMachine":
    from foreverus.aws.step_functions import StepFunctionsMachine

    return StepFunctionsMachine(client("stepfunctions"), arn)


def tasks() -> "StepFunctionsTasks":
    from foreverus.aws.step_functions import StepFunctionsTasks

    return StepFunctionsTasks(client("stepfunctions"))


def objects(bucket: str) -> "S3Objects":
    from foreverus.aws.s3 import S3Objects

    return S3Objects(client("s3"), bucket, clock)


def notifier(topic_arn: str) -> "TopicNotifier":
    from foreverus.aws.sns import SnsTopic
    from foreverus.notifications.notification import TopicNotifier

    return TopicNotifier(SnsTopic(client("sns"), topic_arn))


def database(cluster_arn: str, secret_arn: str, name: str) -> "Database | None":
    """None when the stack was deployed without PostgreSQL."""
    from foreverus.aws.data_api import Database

    return Database(client("rds-data"), cluster_arn, secret_arn, name) if cluster_arn else None


def secure_parameters() -> "SecureParameters":
    from foreverus.aws.ssm import SecureParameters

    return SecureParameters(client("ssm"))


def lent_secrets(table_name: str) -> "LentSecrets":
    from foreverus.aws.lent_secrets import LentSecrets

    return LentSecrets(client("secretsmanager"), items(table_name), clock)


@contextmanager
def lent_database(env: LentDatabaseSettings, role: str, login: str) -> "Iterator[Database]":
    """The database as a role that logs in seldom: its password is the parameter `<folder>/<login>`."""
    from foreverus.aws.data_api import Database

    password = secure_parameters().get(f"{env.database_passwords}/{login}")
    with lent_secrets(env.table_name).lend(env.lent_secrets, role, password) as secret_arn:
        yield Database(client("rds-data"), env.database_cluster_arn, secret_arn, env.database_name)


@cache
def push() -> "WebSocketPush":
    from botocore.config import Config

    from foreverus.aws.push import CONNECT_S, POSTS_AT_ONCE, READ_S, WebSocketPush

    env = PushSettings.from_env(os.environ)
    hasty = Config(
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        retries={"total_max_attempts": 1},
        max_pool_connections=POSTS_AT_ONCE,
    )
    posts = client("apigatewaymanagementapi", env.websocket_callback_url, hasty)
    return WebSocketPush(posts, items(env.table_name), clock)
