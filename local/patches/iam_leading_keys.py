"""The partition keys that a request touches, as a condition key.

AWS: every request to DynamoDB that names partition keys carries them as the multi-valued `dynamodb:LeadingKeys`; a
scan names none. Each part of a transaction is judged by its own key. (DynamoDB Developer Guide, "Using IAM policy
conditions for fine-grained access control"; Service Authorization Reference, "Condition keys for Amazon DynamoDB".)
Emulator: knows no such key, so `ForAllValues:…` on it holds for every request.

Patch: keys are read from the request's body. State machines ask with them too (`states_role`).
"""

import json
import re
from typing import Any

from local.patches import Options

LEADING_KEYS = "dynamodb:LeadingKeys"
PARTS = ("ConditionCheck", "Put", "Update", "Delete", "Get")
EQUALS = re.compile(r"([#\w.-]+)\s*=\s*(:\w+)|(:\w+)\s*=\s*([#\w.-]+)")


class KeyedArn(str):
    """A table's ARN with the partition keys that one part of a transaction touches: the emulator passes parts on as
    action and ARN alone."""

    leading_keys: list[str]

    def __new__(cls, arn: str, leading_keys: list[str]) -> "KeyedArn":
        made = super().__new__(cls, arn)
        made.leading_keys = leading_keys
        return made


def apply(options: Options) -> None:
    from ministack.core import iam_actions, iam_evaluator

    original_context = iam_actions.dynamodb_service_context
    original_checks = iam_actions.dynamodb_transaction_checks
    original_enforce = iam_evaluator.enforce

    def dynamodb_service_context(body: bytes) -> dict[str, Any]:
        return {**original_context(body), **context(leading_keys(parsed(body)))}

    def dynamodb_transaction_checks(action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
        found = original_checks(action, body, region, account)
        keys = [leading_keys(part) for part in parts(parsed(body))] if found else []
        return [(one, KeyedArn(arn, key)) for (one, arn), key in zip(found, keys, strict=True)]

    def enforce(
        access_key_id: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Any = None
    ) -> Any:
        keys = {**(service_context or {}), **context(getattr(resource_arn, "leading_keys", []))}
        return original_enforce(access_key_id, action, service, region, resource_arn, keys)

    iam_actions.dynamodb_service_context = dynamodb_service_context
    iam_actions.dynamodb_transaction_checks = dynamodb_transaction_checks
    iam_evaluator.enforce = enforce


def context(keys: list[str]) -> dict[str, Any]:
    """No key where the request names none: `Null` must see that."""
    return {LEADING_KEYS: list(dict.fromkeys(keys))} if keys else {}


def parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def parts(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a transaction, in the order in which the emulator has them checked."""
    items = body.get("TransactItems")
    found = (
        [one.get(part) for one in items if isinstance(one, dict) for part in PARTS] if isinstance(items, list) else []
    )
    return [one for one in found if isinstance(one, dict) and one.get("TableName")]


def leading_keys(request: dict[str, Any]) -> list[str]:
    """Of a request that is no transaction, or of one part of a transaction."""
    if isinstance(request.get("RequestItems"), dict):
        return [key for table, wanted in request["RequestItems"].items() for key in _of_batch(str(table), wanted)]
    name = partition_key(str(request.get("TableName", "")), request.get("IndexName"))
    if name is None:
        return []
    return _of_items(name, [request.get("Key"), request.get("Item")]) or _of_query(name, request)


def _of_batch(table: str, wanted: Any) -> list[str]:
    name = partition_key(table, None)
    if name is None:
        return []
    if isinstance(wanted, dict):  # BatchGetItem
        return _of_items(name, wanted.get("Keys") or [])
    puts = [(one.get("PutRequest") or {}).get("Item") for one in wanted or []]
    deletes = [(one.get("DeleteRequest") or {}).get("Key") for one in wanted or []]
    return _of_items(name, [*puts, *deletes])


def _of_items(name: str, items: list[Any]) -> list[str]:
    return [text(one[name]) for one in items if isinstance(one, dict) and name in one]


def _of_query(name: str, request: dict[str, Any]) -> list[str]:
    legacy = (request.get("KeyConditions") or {}).get(name)
    if legacy:
        return [text(one) for one in legacy.get("AttributeValueList") or []]
    names, values = request.get("ExpressionAttributeNames") or {}, request.get("ExpressionAttributeValues") or {}
    for left, value, turned_value, turned in EQUALS.findall(str(request.get("KeyConditionExpression", ""))):
        attribute, placeholder = left or turned, value or turned_value
        if names.get(attribute, attribute) == name and placeholder in values:
            return [text(values[placeholder])]
    return []


def text(value: Any) -> str:
    """`{"S": "USER#1"}` → `USER#1`."""
    return str(next(iter(value.values()))) if isinstance(value, dict) and value else str(value)


def partition_key(table: str, index: str | None) -> str | None:
    """The name of the partition key of a table of the request's account, or of one of its indexes."""
    from ministack.services import dynamodb

    found = dynamodb._tables.get(table.rpartition("/")[2])
    if found is None:
        return None
    indexes = [*(found.get("GlobalSecondaryIndexes") or []), *(found.get("LocalSecondaryIndexes") or [])]
    schemas = [one.get("KeySchema") or [] for one in indexes if index and one.get("IndexName") == index]
    for one in schemas[0] if schemas else []:
        if one["KeyType"] == "HASH":
            return str(one["AttributeName"])
    return str(found["pk_name"])
