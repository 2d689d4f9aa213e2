"""As each role, each call on each kind of item: what IAM lets through is what docs/security.md says.

Nothing is written: each write has a condition that no item meets, which DynamoDB looks at after IAM has.
"""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from tests.cloud import policy
from tests.local.machines import make_role
from tests.local.test_authorization import as_role
from tests.template import iam
from tests.template.item_table import TABLES, roles, written

pytestmark = pytest.mark.cloud

NEVER = "attribute_exists(nothing)"
NOT_MET = "ConditionalCheckFailed"
SK = {"S": "x1"}
Call = Callable[[Any, str, dict[str, Any]], Any]


def in_transaction(kind: str, of: str, **more: Any) -> Call:
    def call(dynamodb: Any, table: str, key: dict[str, Any]) -> Any:
        part = {"TableName": table, of: key, "ConditionExpression": NEVER, **more}
        return dynamodb.transact_write_items(TransactItems=[{kind: part}])

    return call


# Call → the page's letter, the action, how it is sent.
CALLS: dict[str, tuple[str, str, Call]] = {
    "get": ("r", "GetItem", lambda db, table, key: db.get_item(TableName=table, Key=key)),
    "query": (
        "r",
        "Query",
        lambda db, table, key: db.query(
            TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": key["pk"]}, Limit=1
        ),
    ),
    "put": ("p", "PutItem", lambda db, table, key: db.put_item(TableName=table, Item=key, ConditionExpression=NEVER)),
    "update": (
        "u",
        "UpdateItem",
        lambda db, table, key: db.update_item(TableName=table, Key=key, ConditionExpression=NEVER),
    ),
    "delete": (
        "d",
        "DeleteItem",
        lambda db, table, key: db.delete_item(TableName=table, Key=key, ConditionExpression=NEVER),
    ),
    "check, in a transaction": ("r", "ConditionCheckItem", in_transaction("ConditionCheck", "Key")),
    "put, in a transaction": ("p", "PutItem", in_transaction("Put", "Item")),
    "update, in a transaction": ("u", "UpdateItem", in_transaction("Update", "Key", UpdateExpression="REMOVE nothing")),
    "delete, in a transaction": ("d", "DeleteItem", in_transaction("Delete", "Key")),
}


def is_let_through(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as err:
        error = err.response["Error"]
        if error["Code"] == "AccessDeniedException":
            return False
        assert NOT_MET in error["Code"] or NOT_MET in error["Message"], err
    return True


def client_of(cloud: Cloud, role: str) -> Any:
    """Under the role as it was deployed. One that this stack lacks, or that AWS gives to its own services alone,
    is made again of the template's statements."""
    cloudformation, stack = cloud.emulator.client("cloudformation"), cloud.outputs["stack_name"]
    logical_id = role if role.endswith("Role") else f"{role}Role"
    try:
        found = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
        return as_role(cloud.emulator, found["StackResourceDetail"]["PhysicalResourceId"], "dynamodb")
    except ClientError:
        return as_role(cloud.emulator, make_role(cloud.emulator, "lambda", of_the_template(cloud, role)), "dynamodb")


def of_the_template(cloud: Cloud, role: str) -> str:
    dynamodb = cloud.emulator.client("dynamodb")
    nothing = {"Action": "s3:ListAllMyBuckets", "Resource": "*"}  # a policy has a statement
    text = policy(nothing, *[one for one in iam.roles()[role] if "dynamodb:" in str(one["Action"])])
    for logical_id in TABLES:
        arn = dynamodb.describe_table(TableName=cloud.stack[f"{logical_id}Name"])["Table"]["TableArn"]
        text = text.replace(f'"{iam.deployed()[f"{logical_id}.Arn"]}"', f'"{arn}"')
    return text


@pytest.mark.parametrize("role", roles())
def test_iam_lets_each_role_do_what_the_page_says(cloud: Cloud, role: str) -> None:
    dynamodb, wrong = client_of(cloud, role), []
    for kind, of in written().items():
        arn = iam.deployed()[f"{kind.table}.Arn"]
        table, key = cloud.stack[f"{kind.table}Name"], {"pk": {"S": kind.example}, "sk": SK}
        for name, (letter, action, call) in CALLS.items():
            done = is_let_through(lambda call=call, table=table, key=key: call(dynamodb, table, key))  # type: ignore[misc]
            if done and letter not in of.get(role, ""):
                wrong.append(f"{name} on {kind.partition} is let through, and the page does not say so")
            if done is not iam.allows(role, f"dynamodb:{action}", arn, [kind.example]):
                wrong.append(f"{name} on {kind.partition} is {'let through' if done else 'refused'}")
    assert wrong == []


@pytest.mark.parametrize("role", roles())
def test_nobody_scans(cloud: Cloud, role: str) -> None:
    dynamodb = client_of(cloud, role)
    for table in ("TableName", "KeysTableName"):
        assert not is_let_through(lambda table=table: dynamodb.scan(TableName=cloud.stack[table], Limit=1))  # type: ignore[misc]
