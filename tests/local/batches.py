"""What tests ask of a stack's batches, through OpenAI's own client, unmodified."""

import json
from typing import Any

from openai import OpenAI
from openai.types import Batch

from local.cloud import Cloud
from local.deploy import PARAMETERS
from tests.local.sessions import PATIENCE_S, wait_until

TERMINAL = ("completed", "failed", "expired", "cancelled")


def openai(cloud: Cloud) -> OpenAI:
    return OpenAI(base_url=cloud.outputs["api_url"], api_key=cloud.outputs["api_key"], max_retries=0)


def line(custom_id: str, content: str, **body: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": content}]
    asked = {"model": PARAMETERS["ModelId"], "messages": messages, "max_tokens": 8, "temperature": 0, **body}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": asked}


def jsonl(lines: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in lines).encode()


def questions(count: int, **body: Any) -> list[dict[str, Any]]:
    return [line(f"q-{number}", f"Say the number {number}.", **body) for number in range(1, count + 1)]


def submit(client: OpenAI, lines: list[dict[str, Any]], window: str = "24h", **metadata: str) -> Batch:
    file = client.files.create(file=("questions.jsonl", jsonl(lines)), purpose="batch")
    return client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window=window,  # type: ignore[arg-type]
        metadata=metadata,
    )


def finished(client: OpenAI, batch: Batch, seconds: float = PATIENCE_S) -> Batch:
    wait_until(lambda: client.batches.retrieve(batch.id).status in TERMINAL, f"{batch.id} is at its end", seconds)
    return client.batches.retrieve(batch.id)


def finished_lines(client: OpenAI, batch: Batch) -> int:
    counts = client.batches.retrieve(batch.id).request_counts
    return counts.completed + counts.failed if counts else 0


def lines_of(client: OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    return [json.loads(one) for one in client.files.content(file_id).text.splitlines()] if file_id else []


def ids_of(client: OpenAI, batch: Batch) -> list[str]:
    """Every custom_id of both files: each must be there once."""
    return [one["custom_id"] for name in (batch.output_file_id, batch.error_file_id) for one in lines_of(client, name)]


def transitions(cloud: Cloud, batch_id: str) -> list[str]:
    """The states that a batch's execution has entered, in order."""
    arn = f"{cloud.stack['BatchRunArn'].replace(':stateMachine:', ':execution:')}:{batch_id}"
    pages = cloud.emulator.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
