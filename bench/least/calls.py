"""DynamoDB as plainly as boto3 has it."""

import os
from typing import Any

import boto3

TABLE = os.environ.get("TABLE_NAME", "")
WHO = "BENCH#least"
Made = dict[str, Any]


class Calls:
    def __init__(self) -> None:
        self.client = boto3.client("dynamodb")

    def read(self, *keys: Made) -> list[Made]:
        wanted = {TABLE: {"Keys": list(keys), "ConsistentRead": True}}
        return list(self.client.batch_get_item(RequestItems=wanted)["Responses"][TABLE])

    def query(self, pk: str) -> list[Made]:
        values = {":pk": {"S": pk}}
        found = self.client.query(
            TableName=TABLE,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=values,
            ConsistentRead=True,
            Limit=64,
        )
        return list(found["Items"])

    def write(self, *writes: Made) -> None:
        self.client.transact_write_items(TransactItems=list(writes))

    def update(self, key: Made, expression: str, values: Made, condition: str) -> None:
        self.client.update_item(**_update(key, expression, values, condition))


def key(sk: str, pk: str = WHO) -> Made:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def put(at: Made, condition: str = "", values: Made | None = None, **more: Any) -> Made:
    body = {"TableName": TABLE, "Item": {**at, **{name: _text(value) for name, value in more.items()}}}
    body |= {"ConditionExpression": condition} if condition else {}
    return {"Put": body | ({"ExpressionAttributeValues": values} if values else {})}


def update(at: Made, expression: str, values: Made, condition: str) -> Made:
    return {"Update": _update(at, expression, values, condition)}


def check(at: Made, condition: str) -> Made:
    return {"ConditionCheck": {"TableName": TABLE, "Key": at, "ConditionExpression": condition}}


def delete(at: Made) -> Made:
    return {"Delete": {"TableName": TABLE, "Key": at, "ConditionExpression": "attribute_exists(pk)"}}


def number(value: float) -> Made:
    return {"N": str(value)}


def _update(at: Made, expression: str, values: Made, condition: str) -> Made:
    body = {"TableName": TABLE, "Key": at, "UpdateExpression": expression, "ExpressionAttributeValues": values}
    return body | {"ConditionExpression": condition}


def _text(value: Any) -> Made:
    return {"N": str(value)} if isinstance(value, int | float) else {"S": str(value)}
