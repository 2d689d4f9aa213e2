"""A warm message's way to its first delta, and eight conversations at once, against the engine alone."""

import io
import json
import random
import threading
import time
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import boto3

from bench import engine
from local.cloud import Cloud
from local.emulator import REGION, ROOT_KEYS
from local.person import Person

SYSTEM = "You are a helpful assistant."
QUESTION = "Write a long story about the sea."
ROUNDS = 50
MOST_RATIO = 1.5
CONVERSATIONS = 8
TOKENS = 96
THROUGHPUT_ROUNDS = 4
LEAST_RATIO = 0.9


def prompt(content: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}]


def first_delta(cloud: Cloud, person: Person, url: str) -> dict[str, Any]:
    """(POST to first delta − direct call to first text) ÷ (bare Lambda + SQS hop + WebSocket push), medians.

    The three parts of the baseline and the two calls are taken in turn, so that all see the same laptop.
    """
    parts = Parts(cloud, person)
    ours: list[float] = []
    direct: list[float] = []
    baseline: dict[str, list[float]] = {"lambda": [], "sqs": [], "push": []}
    try:
        for number in range(ROUNDS + 3):  # the first three warm up
            conversation = person.converse(SYSTEM)
            question = f"{number}: {QUESTION}"  # a new prompt each time: no cache of the engine helps anybody
            begun = time.perf_counter()
            message_id = person.ask(conversation, question, 8)
            at, _ = person.wait_for("delta", message_id=message_id)
            person.wait_for("message")
            taken = at - begun
            begun = time.perf_counter()
            taken_directly = engine.first_text(engine.stream(url, prompt(f"{number}! {QUESTION}"), 8)) - begun
            hops = parts.once()
            if number >= 3:
                ours.append(taken)
                direct.append(taken_directly)
                for name, seconds in hops.items():
                    baseline[name].append(seconds)
    finally:
        parts.close()
    overhead = median(ours) - median(direct)
    bare = sum(median(seconds) for seconds in baseline.values())
    return {
        "name": "first_delta",
        "what": "(POST to first delta - direct call to first text) / (bare Lambda + SQS hop + WebSocket push), medians",
        "unit": "x",
        "value": round(overhead / bare, 3),
        "limit": MOST_RATIO,
        "good": overhead <= MOST_RATIO * bare,
        "ours_ms": round(median(ours) * 1000, 1),
        "direct_ms": round(median(direct) * 1000, 1),
        "baseline_ms": {name: round(median(seconds) * 1000, 1) for name, seconds in baseline.items()},
    }


class Parts:
    """The three hops that nobody can save, each alone: a Lambda that does nothing, a queue, a push."""

    def __init__(self, cloud: Cloud, person: Person) -> None:
        self.person = person
        client = cloud.emulator.client
        self.functions, self.queues, iam = client("lambda"), client("sqs"), client("iam")
        self.sockets = boto3.client(
            "apigatewaymanagementapi",
            endpoint_url=cloud.outputs["websocket_url"].replace("ws", "http", 1),
            region_name=REGION,
            aws_access_key_id=ROOT_KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ROOT_KEYS["AWS_SECRET_ACCESS_KEY"],
        )
        self.name = f"bare-{uuid.uuid4().hex[:8]}"
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as package:
            package.writestr("bare.py", "def handler(event, context):\n    return {}\n")
        self.functions.create_function(
            FunctionName=self.name,
            Runtime="python3.13",
            Role=role,
            Handler="bare.handler",
            Code={"ZipFile": code.getvalue()},
        )
        self.functions.get_waiter("function_active_v2").wait(FunctionName=self.name)
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        self.queue = self.queues.create_queue(QueueName=f"{self.name}.fifo", Attributes=fifo)["QueueUrl"]
        tables = client("dynamodb").scan(TableName=cloud.stack["TableName"])["Items"]
        connections = [item["pk"]["S"] for item in tables if item["sk"]["S"] == "CONNECTION"]
        self.connection = connections[-1].removeprefix("CONNECTION#")

    def once(self) -> dict[str, float]:
        begun = time.perf_counter()
        self.functions.invoke(FunctionName=self.name, Payload=b"{}")["Payload"].read()
        called = time.perf_counter() - begun
        return {"lambda": called, "sqs": self._hop(), "push": self._push()}

    def _hop(self) -> float:
        """From the send to its arrival at somebody who polls already."""
        arrived: list[float] = []
        polling = threading.Event()

        def receive() -> None:
            polling.set()
            while not arrived:
                for message in self.queues.receive_message(QueueUrl=self.queue, WaitTimeSeconds=5).get("Messages", []):
                    arrived.append(time.perf_counter())
                    self.queues.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

        receiver = threading.Thread(target=receive)
        receiver.start()
        polling.wait()
        time.sleep(random.uniform(0.1, 0.3))  # its long poll is open; at no fixed moment of the emulator's own ticking
        begun = time.perf_counter()
        self.queues.send_message(QueueUrl=self.queue, MessageBody=uuid.uuid4().hex, MessageGroupId="bench")
        receiver.join()
        return arrived[0] - begun

    def _push(self) -> float:
        frame = {"type": "bench", "id": uuid.uuid4().hex}
        begun = time.perf_counter()
        self.sockets.post_to_connection(ConnectionId=self.connection, Data=json.dumps(frame).encode())
        at, _ = self.person.wait_for("bench", id=frame["id"])
        return at - begun

    def close(self) -> None:
        self.functions.delete_function(FunctionName=self.name)
        self.queues.delete_queue(QueueUrl=self.queue)


def throughput(person: Person, url: str) -> dict[str, Any]:
    """Tokens per second of eight conversations at once, against eight direct streams; best of a few rounds in turn."""
    ours, direct = [], []
    for number in range(THROUGHPUT_ROUNDS):
        ours.append(_conversations(person, number))
        direct.append(_streams(url, number))
    ratio = median(ours) / median(direct)
    return {
        "name": "throughput",
        "what": "tokens/s of eight conversations at once / eight direct streams of the same engine",
        "unit": "x",
        "value": round(ratio, 3),
        "limit": LEAST_RATIO,
        "good": ratio >= LEAST_RATIO,
        "ours_tokens_per_s": [round(rate, 1) for rate in ours],
        "baseline_tokens_per_s": [round(rate, 1) for rate in direct],
    }


def _conversations(person: Person, number: int) -> float:
    """From the first POST to the last final answer."""
    conversations = [person.converse(SYSTEM) for _ in range(CONVERSATIONS)]
    begun = time.perf_counter()
    with ThreadPoolExecutor(CONVERSATIONS) as pool:
        for index, conversation in enumerate(conversations):
            pool.submit(person.ask, conversation, f"{number}.{index}: {QUESTION}", TOKENS)
    tokens, at = 0, begun
    for _ in conversations:
        at, frame = person.wait_for("message")
        tokens += frame["message"]["usage"]["completion_tokens"]
    return tokens / (at - begun)


def _streams(url: str, number: int) -> float:
    def ask(index: int) -> int:
        return engine.completion_tokens(engine.stream(url, prompt(f"{number}.{index}; {QUESTION}"), TOKENS))

    begun = time.perf_counter()
    with ThreadPoolExecutor(CONVERSATIONS) as pool:
        tokens = sum(pool.map(ask, range(CONVERSATIONS)))
    return tokens / (time.perf_counter() - begun)
