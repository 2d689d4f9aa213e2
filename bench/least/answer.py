"""A conversation's message answered on Bedrock, word for word to who watches. See `bench/least/__init__.py`."""

import json
import os
from typing import Any

import boto3
from calls import Calls, check, delete, key, number, put, update  # beside it in the package

table, bedrock = Calls(), boto3.client("bedrock-runtime")
sockets = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["CALLBACK_URL"])
USD = 0.00001


def handler(event: Any, context: Any) -> Any:
    conversation = event["id"]
    lease, reserved = key(f"lease {conversation}"), key(f"reserved {conversation}")
    question, answer = key("1", f"BENCH#{conversation}"), key("2", f"BENCH#{conversation}")
    waiting, free = key(conversation, "BENCH#waiting"), "attribute_not_exists(pk) OR until_at < :now"
    table.update(lease, "SET holder = :me, until_at = :now", {":me": {"S": conversation}, ":now": {"S": "1"}}, free)
    table.query("BENCH#waiting")
    table.read(key(conversation), key("purse"), key("ledger"))
    (asked,) = table.query(f"BENCH#{conversation}")
    table.query(f"BENCH#watching {conversation}")
    table.write(
        put(answer, "attribute_not_exists(pk)", state="answering"),
        check(question, "attribute_exists(pk)"),
        check(waiting, "attribute_exists(pk)"),
        put(reserved, "attribute_not_exists(pk)", usd=USD),
        update(
            key("purse"),
            "ADD committed :usd",
            {":usd": number(USD), ":most": number(1000)},
            "attribute_not_exists(committed) OR committed <= :most",
        ),
        check(key("ledger"), "attribute_not_exists(closed)"),
    )
    said: list[str] = []
    for part in bedrock.converse_stream(
        modelId=os.environ["BEDROCK_MODEL_ID"],
        messages=[{"role": "user", "content": [{"text": asked["content"]["S"]}]}],
        inferenceConfig={"maxTokens": 8},
    )["stream"]:
        if "contentBlockDelta" in part:
            said.append(part["contentBlockDelta"]["delta"]["text"])
            if len(said) == 1:
                frame = {"type": "bench", "id": conversation, "text": said[0]}
                sockets.post_to_connection(ConnectionId=event["connection"], Data=json.dumps(frame).encode())
    table.write(
        put(answer, state="answered", content="".join(said)),
        delete(waiting),
        delete(reserved),
        put(key(f"paid {conversation}"), "attribute_not_exists(pk)", usd=USD),
        update(key("usage"), "ADD tokens :n", {":n": number(len(said))}, "attribute_not_exists(closed)"),
    )
