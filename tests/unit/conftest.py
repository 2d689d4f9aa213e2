"""Unit tests run against moto, in this process. The only sockets that may be opened are loopback's."""

import copy
import functools
import gc
import importlib
import os
import pkgutil
import socket
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.loaders import Loader
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table as MotoTable

from foreverus import bootstrap
from foreverus.aws import keys
from foreverus.aws.dynamo import Table
from foreverus.costs.launch import Launch
from foreverus.sessions.items import launch_from_item, session_from_item
from foreverus.sessions.records import Session

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

# moto reads this when EC2 is first called. Its own list has 1,300 images, and is made anew for every test.
os.environ["MOTO_AMIS_PATH"] = str(Path(__file__).with_name("amis.json"))


def _add(self: DynamoType, other: DynamoType) -> DynamoType:
    """moto takes a number without a point for a whole one, and fails at 1E-7, which DynamoDB knows."""
    return DynamoType({"N": f"{self.cast_value + other.cast_value:f}"})


DynamoType.__add__ = _add  # type: ignore[method-assign]


def _sharing_its_items(self: MotoTable, memo: dict[int, Any]) -> MotoTable:
    """Of each item of a transaction moto copies the whole table, in case it fails: a sixth of the time of all calls."""
    kept = copy.copy(self)
    kept.items = defaultdict(dict, {key: copy.copy(items) for key, items in self.items.items()})
    return kept


def _on_a_copy(self: DynamoDBBackend, table_name: str, key: dict[str, Any], *rest: Any, **named: Any) -> Any:
    """moto changes the item itself, which a table that was kept may share."""
    table = self.tables.get(table_name)
    if table and key.keys() == {table.hash_key_attr, table.range_key_attr}:
        at, range_at = (DynamoType(key[str(name)]) for name in (table.hash_key_attr, table.range_key_attr))
        if held := table.items.get(at, {}).get(range_at):
            table.items[at][range_at] = copy.deepcopy(held)
    return _update(self, table_name, key, *rest, **named)


MotoTable.__deepcopy__ = _sharing_its_items  # type: ignore[attr-defined]
_update = DynamoDBBackend.update_item
DynamoDBBackend.update_item = _on_a_copy  # type: ignore[method-assign]

_models: defaultdict[type[Loader], dict[Any, Any]] = defaultdict(dict)  # moto's loader has descriptions of its own
_new_loader = Loader.__init__


def _loader_of_all(self: Loader, *rest: Any, **named: Any) -> None:
    """botocore reads its descriptions of AWS once for each session, and tests make hundreds: once for the process."""
    _new_loader(self, *rest, **named)
    self._cache = _models[type(self)]


Loader.__init__ = _loader_of_all  # type: ignore[method-assign]

GROWN_BYTES = 16 << 20
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(autouse=True)
def _what_is_left_of_it_is_freed() -> Iterator[None]:
    """A cloud of moto is a circle, which nobody frees for minutes: of a test that keeps large files it is collected.
    What was imported is frozen (tests/conftest.py), so that this takes 20 ms."""
    before = _resident_bytes()
    yield
    if _resident_bytes() - before > GROWN_BYTES:
        gc.collect()


def _resident_bytes() -> int:
    """Where Linux tells it; elsewhere nothing has grown."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * PAGE_BYTES
    except OSError:
        return 0


HANGS_S = 600.0  # what takes longer than this never ends
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOOPBACK:
            raise AssertionError(f"a unit test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True, scope="session")
def _one_call_at_a_time() -> Iterator[None]:
    """moto's tables know nothing of threads: each call happens at one moment, as AWS's do."""
    answers, moment = BotocoreStubber.process_request, threading.RLock()

    def alone(self: BotocoreStubber, request: Any) -> Any:
        with moment:
            return answers(self, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "process_request", alone)
        yield


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What answers on loopback here does so when the machine comes to it. A test of a limit sets that limit itself."""
    monkeypatch.setattr("foreverus.backends.openai_http.CONNECT_TIMEOUT_S", HANGS_S)
    monkeypatch.setattr("foreverus.backends.openai_http.HEALTH_TIMEOUT_S", HANGS_S)
    monkeypatch.setattr("foreverus.worker.instance.ANSWER_TIMEOUT_S", HANGS_S)
    monkeypatch.setattr("foreverus.cli.api.TIMEOUT", HANGS_S)
    monkeypatch.setattr("foreverus.aws.push.PATIENCE_S", HANGS_S)
    monkeypatch.setattr("foreverus.conversations.frames.LIST_PATIENCE_S", HANGS_S)


@dataclass
class Aws:
    """The stack's resources in moto, and the environment that the Lambdas would have."""

    items: Table
    api_keys: Table
    queue_url: str
    topic_inbox_url: str
    gpu_session_arn: str
    bucket: str
    data_bucket: str
    batch_run_arn: str

    def put(self, **item: Any) -> None:
        self.items.put(item)

    def start_execution(self, session_id: str) -> None:
        boto3.client("stepfunctions").start_execution(stateMachineArn=self.gpu_session_arn, name=session_id)

    def queued(self) -> list[dict[str, Any]]:
        received = boto3.client("sqs").receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        return list(received.get("Messages", []))

    def notifications(self) -> list[dict[str, Any]]:
        received = boto3.client("sqs").receive_message(QueueUrl=self.topic_inbox_url, MaxNumberOfMessages=10)
        return list(received.get("Messages", []))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", _session())
        made = _stack()
        for name, value in {
            "TABLE_NAME": made.items.name,
            "KEYS_TABLE_NAME": made.api_keys.name,
            "CHAT_QUEUE_URL": made.queue_url,
            "GPU_SESSION_ARN": made.gpu_session_arn,
            "MODEL_ID": "mistral-7b-instruct-v0.3",
            "CONTEXT_TOKENS": "2048",
            "IDLE_SECONDS": "300",
            "USER_POOL_ID": "us-east-1_none",  # a real one takes moto an eighth of a second: `make_pool`
            "USER_POOL_CLIENT_ID": "page",
            "KEYS_IN_ADDRESSES": "true",
            "TOKEN_ISSUER": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_none",
            "SIGNING_KEYS_URL": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_none/.well-known/jwks.json",
            "WEBSOCKET_CALLBACK_URL": "https://ws12345678.execute-api.us-east-1.amazonaws.com/v1",
            "WEBSOCKET_URL": "wss://ws12345678.execute-api.us-east-1.amazonaws.com/v1",
            "STACK_NAME": "foreverus",
            "MORE_METRICS": "false",
            "DEAD_LETTER_QUEUES": boto3.client("sqs").create_queue(QueueName="dead-letters")["QueueUrl"],
            "TOPIC_ARN": boto3.client("sns").list_topics()["Topics"][0]["TopicArn"],
            "BOOT_TIMEOUT_SECONDS": "900",
            "MAX_SESSION_SECONDS": "14400",
            "MONTHLY_CAP_USD": "20",
            "SESSION_CAP_USD": "4",
            "DATABASE": "none",
            "SEARCH_MESSAGES_FUNCTION": "",
            "INDEX_DOCUMENT_FUNCTION": "",
            "FIND_PASSAGES_FUNCTION": "",
            "FIND_SOURCES_FUNCTION": "",
            "GPU_MODEL_SEES": "",
            "READ_DOCUMENT_FUNCTION": "foreverus-read-document",
            "CHAT_GPU": "off",
            "DATABASE_CLUSTER_ARN": "",
            "DATABASE_SECRET_ARN": "",
            "DATABASE_NAME": "",
            "DATABASE_PASSWORDS": "/foreverus/database",
            "LENT_SECRETS": "foreverus/lent/test",
            "SITE_BUCKET": made.bucket,
            "DATA_BUCKET": made.data_bucket,
            "BATCH_RUN_ARN": made.batch_run_arn,
            "ENGINE_SLOTS": "4",
            "PERSON_MESSAGES_PER_MINUTE": "20",
            "PERSON_OPEN_BATCHES": "10",
            "PERSON_STORED_MEGABYTES": "1000",
            "FILE_RETENTION_DAYS": "0",
            "PERSON_OPEN_SOCKETS": "3",
            "PERSON_GPU_STARTS_PER_HOUR": "6",
            "PERSON_TOKENS_PER_DAY": "2000000",
            "PERSON_REQUESTS_PER_MINUTE": "60",
            "PERSON_REQUESTS_AT_ONCE": "4",
            "KEY_REQUESTS_PER_MINUTE": "60",
            "KEY_REQUESTS_AT_ONCE": "4",
            "ALL_REQUESTS_AT_ONCE": "6",
            "KEY_TOKENS_PER_DAY": "0",
            "AWS_LWA_PORT": "8080",
            "BEDROCK_MODEL_ID": "mistral.mistral-7b-instruct-v0:2",
            "BATCH_QUEUE_URL": boto3.client("sqs").create_queue(QueueName="batch")["QueueUrl"],
            "INSTANCE_TYPES": "g6.xlarge,g5.xlarge",
            "MAX_GPUS": "1",
            "MACHINE_LOG_GROUP": "/foreverus/foreverus/machines",
            "BAKE_IMAGE_ARN": made.gpu_session_arn.replace("gpu-session", "bake-image"),  # not there, as by default
            "SPENDING_ROLES": ",".join(
                (
                    "launching",
                    *(f"Answer{one}FunctionRole" for one in ("Conversation", "Batch")),
                    "ChatCompletionsFunctionRole",
                )
            ),
            "NO_LAUNCHES_ARN": "arn:aws:iam::123456789012:policy/NoLaunches",
            "IMAGE_PARAMETER": "/foreverus/gpu-image",
            "EXPORT_DATA_FUNCTION": "arn:aws:lambda:us-east-1:123456789012:function:ExportDataFunction",
            # Not there: what is owed is not lost by that.
            "ERASE_PEOPLE_FUNCTION": "arn:aws:lambda:us-east-1:123456789012:function:ErasePeopleFunction",
            "LOG_RETENTION_DAYS": "30",
            "CONVERSATION_RETENTION_DAYS": "0",
            "CHAT_BACKEND": "auto",
            "IMAGES": "off",
            "IMAGES_MODEL_ID": "",
            "VOICE": "off",
            "ABILITY_RUN_ARN": made.gpu_session_arn.replace("gpu-session", "ability-run"),  # not there, as by default
            "ABILITY_QUEUE_URL": "",
            "ABILITY_CLUSTER": "arn:aws:ecs:us-east-1:123456789012:cluster/foreverus-abilities",  # not there either
            "TASK_MAX_SECONDS": "3600",
            "SAGEMAKER_ENDPOINT": "",
            "SAGEMAKER_COMPONENT": "",
            "SAGEMAKER_USD_PER_HOUR": "1.41",
            "SAGEMAKER_START_SECONDS": "600",
            "SAGEMAKER_IDLE_SECONDS": "1380",
            "ANSWER_CONVERSATION_FUNCTION": "",  # not there: chats are the GPU's
        }.items():
            monkeypatch.setenv(name, value)
        _forget_clients()
        yield made
    _forget_clients()


def make_pool(*people: str) -> str:
    """A user pool with these people, by their ids; it is the functions' own until the test ends. Returns its id."""
    cognito = boto3.client("cognito-idp")
    pool_id = str(cognito.create_user_pool(PoolName="foreverus")["UserPool"]["Id"])
    for person in people:
        cognito.admin_create_user(UserPoolId=pool_id, Username=person, MessageAction="SUPPRESS")
    os.environ["USER_POOL_ID"] = pool_id  # `aws` puts back what was there
    return pool_id


class _Session(boto3.Session):
    """Makes each client once per process: a test has ten, of 10 ms each, and all that they remember is in moto."""

    def __init__(self) -> None:
        super().__init__("testing", "testing", region_name="us-east-1")
        self.made: dict[tuple[str, str | None, str], Any] = {}

    def client(self, service: str, **options: Any) -> Any:  # type: ignore[override]
        own, url = options.get("config"), options.get("endpoint_url")
        key = (service, url, repr(sorted(own._user_provided_options.items())) if own else "")
        if options.keys() - {"config", "endpoint_url"}:
            return super().client(service, **options)
        if key not in self.made:
            self.made[key] = super().client(service, **options)
        return self.made[key]


_session = functools.cache(_Session)


BUILDERS = [
    importlib.import_module(f"{bootstrap.__name__}.{found.name}") for found in pkgutil.iter_modules(bootstrap.__path__)
]


def _forget_clients() -> None:
    """What bootstrap caches belongs to one process in Lambda, and to one test here."""
    for module in BUILDERS:
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def _stack() -> Aws:
    dynamodb, sqs, sns = boto3.client("dynamodb"), boto3.client("sqs"), boto3.client("sns")
    for name in ("foreverus", "keys"):
        dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
    queue_url = sqs.create_queue(QueueName="chat.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    inbox_url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    topic_arn = sns.create_topic(Name="foreverus")["TopicArn"]
    inbox_arn = "arn:aws:sqs:us-east-1:123456789012:inbox"
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=inbox_arn)
    machines = [
        boto3.client("stepfunctions").create_state_machine(
            name=f"foreverus-{name}",
            definition='{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}',
            roleArn=f"arn:aws:iam::123456789012:role/{name}",
        )["stateMachineArn"]
        for name in ("gpu-session", "batch-run")
    ]
    for bucket in ("site", "data"):
        boto3.client("s3").create_bucket(Bucket=bucket)
    return Aws(
        Table(dynamodb, "foreverus"),
        Table(dynamodb, "keys"),
        queue_url,
        inbox_url,
        machines[0],
        "site",
        "data",
        machines[1],
    )


def session_record(session_id: str, **changes: Any) -> Session:
    return session_from_item(session_item(session_id, **changes))


def session_item(session_id: str, **changes: Any) -> dict[str, Any]:
    """A session's item as it is while serving."""
    return {
        **keys.session_key(session_id),
        "session_id": session_id,
        "status": "serving",
        "version": 3,
        "trigger": "page",
        "owner": "user-1",
        "created_at": "2026-01-01T00:00:00.000Z",
        "launches": [launch_item()],
        "launched_at": "2026-01-01T00:00:02.000Z",
        **changes,
    }


def launch(**changes: Any) -> Launch:
    return launch_from_item(launch_item(**changes))


def launch_item(**changes: Any) -> dict[str, Any]:
    return {
        "attempt": 0,
        "instance_id": "i-0abc1234567890def",
        "instance_type": "g6.xlarge",
        "availability_zone": "us-east-1a",
        "lifecycle": "spot",
        "launched_at": "2026-01-01T00:00:02.000Z",
        **changes,
    }


class Clock:
    """Goes on when a test says so."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(bootstrap.aws, "clock", made)
    return made
