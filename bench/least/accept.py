"""POST of a message: accepted, kept, handed on. See `bench/least/__init__.py`."""

import json
import os
from typing import Any

import boto3
from calls import Calls, check, key, number, put, update  # beside it in the package

table, functions = Calls(), boto3.client("lambda")
READ = ("title", "preferences", "refused", "messages", "usage", "purse", "ledger")


def handler(event: Any, context: Any) -> Any:
    asked = json.loads(event["body"])
    conversation = asked["id"]
    found = {item["sk"]["S"]: item for item in table.read(*map(key, READ), key(conversation))}
    table.query("GPU")
    version = int(found.get("messages", {}).get("version", {"N": "0"})["N"])
    table.write(
        update(
            key(conversation),
            "SET updated_at = :now ADD version :one",
            {":now": {"S": "now"}, ":one": number(1)},
            "attribute_not_exists(deleted)",
        ),
        put(key("1", f"BENCH#{conversation}"), "attribute_not_exists(pk)", content=asked["content"]),
        put(key(conversation, "BENCH#waiting"), content=conversation),
        put(
            key("messages"),
            "attribute_not_exists(version) OR version = :before",
            {":before": number(version)},
            version=version + 1,
        ),
        check(key("erased"), "attribute_not_exists(pk)"),
    )
    functions.invoke(
        FunctionName=os.environ["ANSWER_FUNCTION"], InvocationType="Event", Payload=json.dumps(asked).encode()
    )
    return {"statusCode": 202, "headers": {"content-type": "application/json"}, "body": json.dumps(asked)}
