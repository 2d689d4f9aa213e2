"""One SQS message a line against one a shard (docs/decisions/0013): how long a worker takes to fetch its lines and to
acknowledge them. `python -m bench.line_messages`; the queue and the bucket are moto's, in this process.

No answer and no result is in the time: those cost both ways the same. What is real are the calls and their number; a
call to AWS takes some 10 ms instead of moto's one or two, so that the ratio there is rather that of the calls.
"""

import json
import os
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import boto3
from moto import mock_aws

from foreverus.batches.input.file_check import validate
from foreverus.batches.input.lines import CHAT, read_shard, split
from foreverus.batches.records import Shard

LINES = 1_000
PAIRS = 3
MODEL = "model"
BUCKET, KEY = "bench", "input.jsonl"
MOST_IN_A_CALL = 10  # messages: SQS


class Queue:
    """`calls`: requests to SQS and S3 so far."""

    def __init__(self) -> None:
        self.sqs, self.s3 = boto3.client("sqs"), boto3.client("s3")
        self.url = self.sqs.create_queue(QueueName="lines")["QueueUrl"]
        self.calls = 0

    def send(self, bodies: list[str]) -> None:
        for group in _groups(bodies):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(group)]
            self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def receive(self, most: int) -> list[dict[str, Any]]:
        self.calls += 1
        return self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=most).get("Messages", [])

    def delete(self, messages: list[dict[str, Any]]) -> None:
        self.calls += 1
        entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(messages)]
        self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def read(self, start: int, end: int) -> bytes:
        self.calls += 1
        found = self.s3.get_object(Bucket=BUCKET, Key=KEY, Range=f"bytes={start}-{end - 1}")
        return bytes(found["Body"].read())


def by_shard(queue: Queue, shards: list[Shard]) -> float:
    """As the worker does: a message a shard, its lines in one read."""
    seconds, lines = 0.0, 0
    for group in _groups([json.dumps({"shard": shard.number}) for shard in shards]):
        queue.send(group)
        begun = time.perf_counter()
        for _ in group:
            messages = queue.receive(1)
            shard = shards[json.loads(messages[0]["Body"])["shard"]]
            lines += len(read_shard(queue.read(shard.start, shard.end), shard.first_line))
            queue.delete(messages)
        seconds += time.perf_counter() - begun
    return _checked(lines, seconds)


def by_line(queue: Queue, data: bytes, at_once: int) -> float:
    """The line itself is the message; `at_once` are received and deleted with one call each."""
    seconds, lines = 0.0, 0
    # A few messages at a time: moto looks at every message of a queue for each receive, AWS does not.
    for group in _groups([raw.data.decode() for raw in split([data]) if raw.data]):
        queue.send(group)
        begun = time.perf_counter()
        for _ in range(0, len(group), at_once):
            messages = queue.receive(at_once)
            lines += sum(len(read_shard(one["Body"].encode(), 1)) for one in messages)
            queue.delete(messages)
        seconds += time.perf_counter() - begun
    return _checked(lines, seconds)


def _checked(lines: int, seconds: float) -> float:
    """Microseconds for every line."""
    if lines != LINES:
        raise RuntimeError(f"{lines} of {LINES} lines came")
    return round(seconds / LINES * 1e6, 1)


def input_file() -> bytes:
    def line(number: int) -> str:
        body = {
            "model": MODEL,
            "messages": [{"role": "user", "content": f"{number}: " + "word " * 60}],
            "max_tokens": 99,
        }
        return json.dumps({"custom_id": f"q-{number}", "method": "POST", "url": CHAT, "body": body})

    return "\n".join(line(number) for number in range(LINES)).encode() + b"\n"


def _groups(bodies: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(bodies), MOST_IN_A_CALL):
        yield bodies[start : start + MOST_IN_A_CALL]


def measure() -> dict[str, Any]:
    """Pairs taken in turn; the figure is the median of the pairs' ratios."""
    data, queue = input_file(), Queue()
    queue.s3.create_bucket(Bucket=BUCKET)
    queue.s3.put_object(Bucket=BUCKET, Key=KEY, Body=data)
    shards = validate(split([data]), CHAT, MODEL).shards
    ways = {
        "shard": lambda: by_shard(queue, shards),
        "ten_lines": lambda: by_line(queue, data, MOST_IN_A_CALL),
        "one_line": lambda: by_line(queue, data, 1),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    calls = dict.fromkeys(ways, 0)
    for _ in range(PAIRS):
        for name, way in ways.items():
            before = queue.calls
            took[name].append(way())
            calls[name] = queue.calls - before
    ratios = {name: [a / b for a, b in zip(took[name], took["shard"], strict=True)] for name in ways}
    return {
        "lines": LINES,
        "calls": calls,
        "us_per_line": {name: median(values) for name, values in took.items()},
        "ratio_to_shard": {
            name: {"median": round(median(values), 2), "least": round(min(values), 2), "most": round(max(values), 2)}
            for name, values in ratios.items()
            if name != "shard"
        },
    }


if __name__ == "__main__":
    fake = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= fake
    with mock_aws():
        print(json.dumps(measure(), indent=1))
