"""Roles are held to partition keys, and to what stands in place of a policy's variables."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator import ACCOUNT, REGION, Emulator, client
from tests.cloud import policy, unique
from tests.local.machines import make_machine, make_role, start, wait_for_end
from tests.local.test_authorization import as_role

pytestmark = pytest.mark.cloud

ACTIONS = ["PutItem", "UpdateItem", "DeleteItem", "GetItem", "BatchGetItem", "BatchWriteItem", "ConditionCheckItem"]
ACTIONS = [f"dynamodb:{action}" for action in [*ACTIONS, "Query", "Scan"]]
OURS, THEIRS = "CONVERSATION#1", "USER#1"


def make_table(emulator: Emulator) -> str:
    name = unique("table")
    emulator.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    return name


def only(table: str, *patterns: str) -> dict[str, Any]:
    """A statement: everything, in these partitions."""
    return {
        "Action": ACTIONS,
        "Resource": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}",
        "Condition": {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(patterns)},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    }


def key(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": "1"}}


def query(dynamodb: Any, table: str, pk: str, condition: str, **names: str) -> Any:
    found = {"ExpressionAttributeNames": {f"#{one}": name for one, name in names.items()}} if names else {}
    values = {":p": {"S": pk}, **({":s": {"S": "0"}} if ":s" in condition else {})}
    return dynamodb.query(TableName=table, KeyConditionExpression=condition, ExpressionAttributeValues=values, **found)


def legacy_query(dynamodb: Any, table: str, pk: str) -> Any:
    condition = {"pk": {"AttributeValueList": [{"S": pk}], "ComparisonOperator": "EQ"}}
    return dynamodb.query(TableName=table, KeyConditions=condition)


def transaction(dynamodb: Any, table: str, part: str, pk: str) -> Any:
    """Two parts, the first in a partition of ours."""
    items = [{"Put": {"TableName": table, "Item": key(OURS)}}, {part: {"TableName": table, "Key": key(pk)}}]
    if part == "Put":
        items[1] = {"Put": {"TableName": table, "Item": {**key(pk), "sk": {"S": "2"}}}}
    elif pk == OURS:
        items[1][part]["Key"] = {**key(pk), "sk": {"S": "2"}}
    if part == "Update":
        items[1]["Update"]["UpdateExpression"] = "REMOVE a"
    if part == "ConditionCheck":
        items[1]["ConditionCheck"]["ConditionExpression"] = "attribute_not_exists(nothing)"
    return dynamodb.transact_write_items(TransactItems=items)


def batch_write(dynamodb: Any, table: str, pk: str) -> Any:
    puts = [{"PutRequest": {"Item": key(OURS)}}, {"DeleteRequest": {"Key": {**key(pk), "sk": {"S": "2"}}}}]
    return dynamodb.batch_write_item(RequestItems={table: puts})


CALLS: dict[str, Callable[[Any, str, str], Any]] = {
    "put": lambda db, table, pk: db.put_item(TableName=table, Item=key(pk)),
    "update": lambda db, table, pk: db.update_item(TableName=table, Key=key(pk)),
    "delete": lambda db, table, pk: db.delete_item(TableName=table, Key=key(pk)),
    "get": lambda db, table, pk: db.get_item(TableName=table, Key=key(pk)),
    "batch get": lambda db, table, pk: db.batch_get_item(RequestItems={table: {"Keys": [key(pk)]}}),
    "batch write": batch_write,
    "query": lambda db, table, pk: query(db, table, pk, "pk = :p AND sk > :s"),
    "query, turned": lambda db, table, pk: query(db, table, pk, ":p=#k", k="pk"),
    "query, the old way": legacy_query,
    "transact get": lambda db, table, pk: db.transact_get_items(
        TransactItems=[{"Get": {"TableName": table, "Key": key(one)}} for one in dict.fromkeys((OURS, pk))]
    ),
    **{
        f"transact {part}": lambda db, table, pk, part=part: transaction(db, table, part, pk)  # type: ignore[misc]
        for part in ("Put", "Update", "Delete", "ConditionCheck")
    },
}


def refused(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as denied:
        assert denied.response["Error"]["Code"] == "AccessDeniedException", denied
        return True
    return False


@pytest.mark.parametrize("call", CALLS)
def test_a_role_is_held_to_its_partitions(emulator: Emulator, call: str) -> None:
    table = make_table(emulator)
    role = make_role(emulator, "lambda", policy(only(table, "SESSIONS", "CONVERSATION#*")))
    dynamodb = as_role(emulator, role, "dynamodb")
    assert not refused(lambda: CALLS[call](dynamodb, table, OURS))
    assert refused(lambda: CALLS[call](dynamodb, table, THEIRS))


def test_a_scan_names_no_partition(emulator: Emulator) -> None:
    table = make_table(emulator)
    keyed = only(table, "*")
    unless_named = {**keyed, "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["SESSIONS"]}}}
    for statement, denied in ((keyed, True), (unless_named, False)):
        role = make_role(emulator, "lambda", policy(statement))
        dynamodb = as_role(emulator, role, "dynamodb")
        assert refused(lambda on=dynamodb: on.scan(TableName=table)) is denied  # type: ignore[misc]


@pytest.mark.parametrize("pk", [OURS, THEIRS])
@pytest.mark.parametrize(
    "action", ["dynamodb:putItem", "aws-sdk:dynamodb:putItem", "aws-sdk:dynamodb:transactWriteItems"]
)
def test_a_machine_is_held_to_its_partitions(emulator: Emulator, action: str, pk: str) -> None:
    table = make_table(emulator)
    role = make_role(emulator, "states", policy(only(table, OURS)))
    put = {"TableName": table, "Item": key(pk)}
    arguments = {"TransactItems": [{"Put": put}]} if action.endswith("Items") else put
    task = {"Type": "Task", "Resource": f"arn:aws:states:::{action}", "Arguments": arguments, "End": True}
    found = wait_for_end(emulator, start(emulator, make_machine(emulator, {"Write": task}, role=role)))
    assert found["status"] == ("SUCCEEDED" if pk == OURS else "FAILED"), found
    assert "AccessDenied" in found.get("error", "AccessDenied")


# ---- Variables ----


def as_session(emulator: Emulator, role: str, name: str, **more: Any) -> tuple[Any, str]:
    """A client under a session of the role with this name, and its `aws:userid`."""
    sts = emulator.client("sts")
    given = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName=name, **more)
    keys = given["Credentials"]
    dynamodb = client(
        emulator.url,
        "dynamodb",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    return dynamodb, str(given["AssumedRoleUser"]["AssumedRoleId"])


def test_a_variable_in_a_condition_is_the_callers_own_value(emulator: Emulator) -> None:
    table = make_table(emulator)
    role = make_role(emulator, "lambda", policy(only(table, "OF#${aws:userid}", "FOR#${aws:PrincipalTag/team, 'all'}")))
    dynamodb, mine = as_session(emulator, role, "i-1")
    _, other = as_session(emulator, role, "i-2")
    for pk, denied in ((f"OF#{mine}", False), (f"OF#{other}", True), ("FOR#all", False), ("FOR#red", True)):
        assert refused(lambda pk=pk: CALLS["put"](dynamodb, table, pk)) is denied, pk  # type: ignore[misc]


def test_a_tag_of_the_role_stands_for_its_variable(emulator: Emulator) -> None:
    table = make_table(emulator)
    role = make_role(emulator, "lambda", policy(only(table, "FOR#${aws:PrincipalTag/team}")))
    untagged, _ = as_session(emulator, role, "one")
    assert refused(lambda: CALLS["put"](untagged, table, "FOR#red"))
    assert refused(lambda: CALLS["put"](untagged, table, "FOR#${aws:PrincipalTag/team}"))
    emulator.client("iam").tag_role(RoleName=role, Tags=[{"Key": "team", "Value": "red"}])
    assert not refused(lambda: CALLS["put"](untagged, table, "FOR#red"))
    assert refused(lambda: CALLS["put"](untagged, table, "FOR#blue"))


def test_a_variable_in_a_resource_is_the_callers_own_value(emulator: Emulator) -> None:
    table = make_table(emulator)
    prefix, _, number = table.partition("-")
    statement = {
        "Action": "dynamodb:PutItem",
        "Resource": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{prefix}-${{aws:PrincipalTag/number}}",
    }
    role = make_role(emulator, "lambda", policy(statement))
    dynamodb, _ = as_session(emulator, role, "one")
    assert refused(lambda: CALLS["put"](dynamodb, table, OURS))
    emulator.client("iam").tag_role(RoleName=role, Tags=[{"Key": "number", "Value": number}])
    assert not refused(lambda: CALLS["put"](dynamodb, table, OURS))


def test_a_session_policy_narrows_a_role_to_partitions(emulator: Emulator) -> None:
    table = make_table(emulator)
    role = make_role(emulator, "lambda", policy(only(table, "*")))
    dynamodb, _ = as_session(emulator, role, "one", Policy=policy(only(table, OURS)))
    assert not refused(lambda: CALLS["put"](dynamodb, table, OURS))
    assert refused(lambda: CALLS["put"](dynamodb, table, THEIRS))


def may_write_as_an_instance(emulator: Emulator, own: bool) -> bool:
    """Whether an instance may write the item that is named for it, or for another."""
    import httpx

    table, profile = make_table(emulator), unique("profile")
    role = make_role(emulator, "ec2", policy(only(table, "${ec2:SourceInstanceARN}")))
    iam, ec2 = emulator.client("iam"), emulator.client("ec2")
    iam.create_instance_profile(InstanceProfileName=profile)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    launched = ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1, IamInstanceProfile={"Name": profile})
    instance = launched["Instances"][0]["InstanceId"]
    given = httpx.get(f"{emulator.url}/_foreverus/instance-credentials/{instance}").json()
    dynamodb = client(
        emulator.url,
        "dynamodb",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["Token"],
    )
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{instance if own else 'i-0123'}"
    return not refused(lambda: CALLS["put"](dynamodb, table, arn))


def test_an_instance_is_known_by_its_credentials(emulator: Emulator) -> None:
    assert may_write_as_an_instance(emulator, own=True)
    assert not may_write_as_an_instance(emulator, own=False)


# ---- The day one of these fails, the emulator does it itself: delete the patch ----


def test_emulator_still_knows_no_leading_keys(unpatched: Emulator) -> None:
    table = make_table(unpatched)
    statement = only(table, OURS)
    role = make_role(unpatched, "lambda", policy(statement))
    assert refused(lambda: CALLS["put"](as_role(unpatched, role, "dynamodb"), table, OURS))  # the key is absent
    del statement["Condition"]["Null"]
    role = make_role(unpatched, "lambda", policy(statement))
    assert not refused(lambda: CALLS["put"](as_role(unpatched, role, "dynamodb"), table, THEIRS))


def test_emulator_still_takes_variables_as_text(unpatched: Emulator) -> None:
    table = make_table(unpatched)
    statement = {
        "Action": "dynamodb:PutItem",
        "Resource": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}",
        "Condition": {"StringEquals": {"aws:userid": "${aws:userid}"}},
    }
    role = make_role(unpatched, "lambda", policy(statement))
    assert refused(lambda: CALLS["put"](as_role(unpatched, role, "dynamodb"), table, OURS))
