"""With the credentials of a GPU instance, everything that only somebody who has stolen them would try."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus.aws import credential_keys, keys, person_keys, socket_keys
from local.cloud import Cloud
from local.emulator import client

pytestmark = pytest.mark.cloud

REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"}
Try = Callable[["Stolen"], Any]


class Stolen:
    """Clients with the credentials that an instance of the stack's launch template has of its metadata service."""

    def __init__(self, cloud: Cloud, credentials: dict[str, str]):
        self.cloud = cloud
        self.table = cloud.stack["TableName"]
        self.bucket = cloud.stack["DataBucket"]
        self._as = {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["Token"],
        }

    def physical(self, logical_id: str) -> str:
        found = self.cloud.emulator.client("cloudformation").describe_stack_resource(
            StackName=self.cloud.outputs["stack_name"], LogicalResourceId=logical_id
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def client(self, service: str) -> Any:
        return client(self.cloud.emulator.url, service, **self._as)

    @property
    def push(self) -> Any:
        url = f"{self.cloud.emulator.url}/_aws/execute-api/{self.physical('WebSocketApi')}/v1"
        return client(url, "apigatewaymanagementapi", **self._as)

    def item(self, key: dict[str, str]) -> dict[str, Any]:
        return {name: {"S": value} for name, value in key.items()}


@pytest.fixture(scope="module")
def stolen(cloud: Cloud) -> Iterator[Stolen]:
    ec2 = cloud.emulator.client("ec2")
    template = {"LaunchTemplateId": cloud.stack["LaunchTemplateId"], "Version": "$Latest"}
    fleet = ec2.create_fleet(  # without a session's tag: nobody boots it
        Type="instant",
        LaunchTemplateConfigs=[{"LaunchTemplateSpecification": template, "Overrides": [{"InstanceType": "g6.xlarge"}]}],
        TargetCapacitySpecification={"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "spot"},
    )
    instance_id = fleet["Instances"][0]["InstanceIds"][0]
    url = f"{cloud.emulator.url}/_foreverus/instance-credentials/{instance_id}"
    try:
        with urllib.request.urlopen(url) as answer:
            yield Stolen(cloud, json.load(answer))
    finally:
        ec2.terminate_instances(InstanceIds=[instance_id])


def is_refused(attempt: Callable[[], Any]) -> bool:
    try:
        attempt()
    except ClientError as err:
        return err.response["Error"]["Code"] in REFUSED
    return False


def put(key: dict[str, str]) -> Try:
    return lambda it: it.client("dynamodb").put_item(TableName=it.table, Item=it.item(key))


def update(key: dict[str, str]) -> Try:
    return lambda it: it.client("dynamodb").update_item(TableName=it.table, Key=it.item(key))


def delete(key: dict[str, str]) -> Try:
    return lambda it: it.client("dynamodb").delete_item(TableName=it.table, Key=it.item(key))


def get(key: dict[str, str]) -> Try:
    return lambda it: it.client("dynamodb").get_item(TableName=it.table, Key=it.item(key))


def query(partition: str) -> Try:
    return lambda it: it.client("dynamodb").query(
        TableName=it.table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": partition}}
    )


def beside_what_it_may(key: dict[str, str]) -> Try:
    """A write in a transaction with one that is allowed."""
    return lambda it: it.client("dynamodb").transact_write_items(
        TransactItems=[
            {"Put": {"TableName": it.table, "Item": it.item(keys.answered_key("ses_1", "msg_1"))}},
            {"Put": {"TableName": it.table, "Item": it.item(key)}},
        ]
    )


MONTH = "2026-11"
OF_A_PERSON = {
    "conversation": keys.conversation_key("ana", "conv_1"),
    "batch": keys.batch_key("ana", "batch_1"),
    "file": keys.file_key("ana", "file_1"),
    "upload": keys.upload_key("ana", "upload_1"),
    "set of documents": person_keys.ready_documents_key("ana"),
}
ELSEWHERE = {
    "ledger total": keys.ledger_total_key(MONTH),
    "ledger entry": keys.ledger_entry_key(MONTH, "ses_1"),
    "GPU slot": keys.GPU_SLOT,
    "diary": keys.capacity_key("g6.xlarge", "a"),
    "outbox": keys.outbox_key("SESSIONS", "ses_1"),
    "owed deletion": keys.owed_deletion_key("conversation", "conv_1"),
    "repeated request": keys.idempotency_key("ana", "batches", "1"),
    "document": person_keys.document_key("ana", "doc_1"),
    "open batch": keys.open_batch_key("batch_1"),
    "speed": keys.speed_key("g6.xlarge"),
    "connection": socket_keys.connection_key("c-1"),
}
NOT_IN_THE_TABLE: dict[str, Try] = {
    **{f"{kind} of a person put": put(key) for kind, key in OF_A_PERSON.items()},
    **{f"{kind} of a person changed": update(key) for kind, key in OF_A_PERSON.items()},
    **{f"{kind} of a person deleted": delete(key) for kind, key in OF_A_PERSON.items()},
    "a person's list": query("USER#ana"),
    **{f"{kind} put": put(key) for kind, key in ELSEWHERE.items()},
    **{f"{kind} changed": update(key) for kind, key in ELSEWHERE.items()},
    **{f"{kind} deleted": delete(key) for kind, key in ELSEWHERE.items()},
    **{f"{kind} read": get(key) for kind, key in ELSEWHERE.items()},
    **{f"{kind} put beside an answer": beside_what_it_may(key) for kind, key in (ELSEWHERE | OF_A_PERSON).items()},
    "a session that was never claimed": put(keys.session_key("ses_2")),
    "a session's record deleted": delete(keys.session_key("ses_2")),
    "every session": query(keys.SESSIONS),
    "work that nobody sent": put(keys.pending_key("msg_1")),
    "what others answered": query(keys.answered_partition("ses_1")),
    "somebody who listens": put(socket_keys.subscriber_key("SESSION#ses_1", "c-1")),
    "a question": put(keys.question_key("conv_1", "msg_1")),
    "the whole table": lambda it: it.client("dynamodb").scan(TableName=it.table),
    "the table itself": lambda it: it.client("dynamodb").delete_table(TableName=it.table),
    "an API key": lambda it: it.client("dynamodb").get_item(
        TableName=it.cloud.stack["KeysTableName"], Key=it.item(credential_keys.api_key_key("0" * 64))
    ),
    "a new API key": lambda it: it.client("dynamodb").put_item(
        TableName=it.cloud.stack["KeysTableName"], Item=it.item(credential_keys.api_key_key("0" * 64))
    ),
}


@pytest.mark.parametrize("what", NOT_IN_THE_TABLE)
def test_table_is_shut_but_for_a_workers_work(stolen: Stolen, what: str) -> None:
    assert is_refused(lambda: NOT_IN_THE_TABLE[what](stolen))


def s3_get(key: str) -> Try:
    return lambda it: it.client("s3").get_object(Bucket=it.bucket, Key=key)


def s3_put(key: str) -> Try:
    return lambda it: it.client("s3").put_object(Bucket=it.bucket, Key=key, Body=b"poison")


def s3_delete(key: str) -> Try:
    return lambda it: it.client("s3").delete_object(Bucket=it.bucket, Key=key)


ELSEWHERE_IN_AWS: dict[str, Try] = {
    **{f"read {prefix}": s3_get(f"{prefix}/x") for prefix in ("files", "inputs", "uploads")},
    **{f"write {prefix}": s3_put(f"{prefix}/x") for prefix in ("files", "inputs", "uploads", "batches", "worker")},
    **{f"delete {prefix}": s3_delete(f"{prefix}/x") for prefix in ("files", "batches", "worker", "weights")},
    "list the bucket": lambda it: it.client("s3").list_objects_v2(Bucket=it.bucket),
    "see the API's code and variables": lambda it: it.client("lambda").get_function(
        FunctionName=it.physical("ApiFunction")
    ),
    "be a function": lambda it: it.client("lambda").invoke(FunctionName=it.physical("CloseSessionFunction")),
    "have passages found for anybody": lambda it: it.client("lambda").invoke(
        FunctionName=it.physical("FindPassagesFunction"), Payload=b'{"user_id": "ana", "question": "?"}'
    ),
    "start a session": lambda it: it.client("stepfunctions").start_execution(stateMachineArn=it.physical("GpuSession")),
    "see sessions' executions": lambda it: it.client("stepfunctions").list_executions(
        stateMachineArn=it.physical("GpuSession")
    ),
    "buy a GPU": lambda it: it.client("ec2").run_instances(ImageId="ami-1", MinCount=1, MaxCount=1),
    "end a GPU": lambda it: it.client("ec2").terminate_instances(InstanceIds=["i-1"]),
    "see GPUs": lambda it: it.client("ec2").describe_instances(),
    "ask others to answer": lambda it: it.client("sqs").send_message(
        QueueUrl=it.physical("BatchQueue"), MessageBody="{}"
    ),
    "empty a queue": lambda it: it.client("sqs").purge_queue(QueueUrl=it.physical("BatchQueue")),
    "write mails": lambda it: it.client("sns").publish(TopicArn=it.physical("Topic"), Message="x"),
    "publish an image": lambda it: it.client("ssm").put_parameter(
        Name=f"/{it.cloud.outputs['stack_name']}/gpu-image", Value="ami-1", Type="String"
    ),
    "be more": lambda it: it.client("iam").put_role_policy(
        RoleName=it.physical("InstanceRole"), PolicyName="more", PolicyDocument="{}"
    ),
    "make a user": lambda it: it.client("cognito-idp").admin_create_user(
        UserPoolId=it.physical("UserPool"), Username="x@example.com"
    ),
    "read logs": lambda it: it.client("logs").filter_log_events(logGroupName=it.physical("MachineLog")),
    "forget logs": lambda it: it.client("logs").delete_log_group(logGroupName=it.physical("MachineLog")),
    "look at a socket": lambda it: it.push.get_connection(ConnectionId="c-1"),
    "close a socket": lambda it: it.push.delete_connection(ConnectionId="c-1"),
}


@pytest.mark.parametrize("what", ELSEWHERE_IN_AWS)
def test_nothing_else_opens(stolen: Stolen, what: str) -> None:
    assert is_refused(lambda: ELSEWHERE_IN_AWS[what](stolen))


WORK: dict[str, Try] = {
    "its mailbox": get(keys.session_key("ses_x")),
    "what waits": query(keys.PENDING),
    "a conversation by its id": query(keys.messages_partition("conv_x")),
    "its heading": get(keys.conversation_key("ana", "conv_x")),
    "a batch's shards": query(keys.shards_partition("batch_x")),
    "who listens": query(socket_keys.subscribers_partition("SESSION#ses_x")),
    "which documents there are": get(person_keys.ready_documents_key("ana")),
    "passages for a question, if it waits": lambda it: it.client("lambda").invoke(
        FunctionName=it.physical("FindSourcesFunction"),
        Payload=b'{"conversation_id": "conv_x", "message_id": "msg_x"}',
    ),
    "its package": lambda it: it.client("s3").get_object(
        Bucket=it.bucket,
        Key=it.cloud.emulator.client("s3").list_objects_v2(Bucket=it.bucket, Prefix="worker/")["Contents"][0]["Key"],
    ),
}


@pytest.mark.parametrize("what", WORK)
def test_a_workers_work_is_open(stolen: Stolen, what: str) -> None:
    """Else the refusals above would say nothing."""
    assert not is_refused(lambda: WORK[what](stolen))
