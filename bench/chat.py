"""Chats end to end in the laptop's cloud, with its engine at a known pace: the way to the first delta, what the
worker's process takes with boto3 and all, and eight people whose Lambdas are all cold."""

import io
import json
import os
import random
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import boto3

from bench import engine
from bench.connections import connection_of
from bench.figures import Figure, figure, ratios
from bench.processor import command, contention, cpu_s_of, descendants
from local.cloud import Cloud
from local.emulator import REGION, ROOT_KEYS
from local.person import Person

NAMES = ("first_delta", "worker_cpu", "cold_chats")
SYSTEM = "You are a helpful assistant."
QUESTION = "Write a long story about the sea."
BLOCKS, ROUNDS = 5, 8
MOST_RATIO = 1.5
CPU_ROUNDS = 3
TOKENS = 96
MOST_CPU_MS = 600.0  # for 1,000 tokens of 16 people at 28 tokens/s: about a quarter of one of a g6.xlarge's cores
COLD_PEOPLE, COLD_PAIRS = 8, 3
MOST_COLD = 1.5  # times what eight of them must take on so many cores


def measure(names: list[str], cloud: Cloud, person: Person, url: str) -> Iterator[Figure]:
    if "first_delta" in names:
        yield first_delta(cloud, person, url)
    if "worker_cpu" in names:
        yield worker_cpu(cloud, person)
    if "cold_chats" in names:
        yield cold_chats(cloud, person)


def prompt(content: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}]


def first_delta(cloud: Cloud, person: Person, url: str) -> Figure:
    """(POST to first delta − direct call to first text) ÷ (bare Lambda + SQS hop + WebSocket push), medians of blocks.

    The three parts of the baseline and the two calls are taken in turn, so that all see the same laptop.
    """
    parts = Parts(cloud, person)
    samples: list[float] = []
    waited = [contention()]
    try:
        for number in range(3):
            one_round(parts, person, url, number)  # warms up
        for block in range(BLOCKS):
            rounds = [one_round(parts, person, url, 100 * (block + 1) + number) for number in range(ROUNDS)]
            ours, direct, *hops = (median(column) for column in zip(*rounds, strict=True))
            samples.append((ours - direct) / sum(hops))
            waited.append(contention())
    finally:
        parts.close()
    what = "(POST to first delta - direct call to first text) / (bare Lambda + SQS hop + WebSocket push)"
    names = ("ours_ms", "direct_ms", "lambda_ms", "sqs_ms", "push_ms")
    last = {name: 1000 * median(column) for name, column in zip(names, zip(*rounds, strict=True), strict=True)}
    return figure("first_delta", samples, MOST_RATIO, what=what, unit="x", waited=waited, last_block=last)


def one_round(parts: "Parts", person: Person, url: str, number: int) -> tuple[float, ...]:
    """Seconds of: ours, the direct call, and the three hops."""
    conversation = person.converse(SYSTEM)
    begun = time.perf_counter()
    message_id = person.ask(conversation, f"{number}: {QUESTION}", 8)
    at, _ = person.wait_for("delta", message_id=message_id)
    person.wait_for("message")
    taken = at - begun
    begun = time.perf_counter()
    directly = engine.first_text(engine.stream(url, prompt(f"{number}! {QUESTION}"), 8)) - begun
    return taken, directly, *parts.once().values()


def worker_cpu(cloud: Cloud, person: Person) -> Figure:
    """Of the worker's own process, from the system's account of it: a busy machine makes it slower, hardly dearer."""
    assert cloud.instances.process
    workers = [pid for pid in descendants(cloud.instances.process.pid) if "foreverus.worker" in command(pid)]
    people = int(cloud.parameters["EngineSlots"])
    samples = []
    for number in range(CPU_ROUNDS + 1):
        before = sum(map(cpu_s_of, workers))
        tokens = conversations(person, people, TOKENS, number)
        samples.append(1e6 * (sum(map(cpu_s_of, workers)) - before) / tokens)
    what = f"processor time of the worker's process, boto3's calls and all, for 1,000 tokens of {people} people at once"
    return figure("worker_cpu", samples[1:], MOST_CPU_MS, what=what, unit="ms")


def conversations(person: Person, people: int, tokens: int, number: int) -> int:
    """So many at once, each a message; returns the tokens of all answers when the last one is there."""
    made = [person.converse(SYSTEM) for _ in range(people)]
    ask_at_once(person, made, tokens, number)
    return sum(person.wait_for("message")[1]["message"]["usage"]["completion_tokens"] for _ in made)


def ask_at_once(person: Person, made: list[str], tokens: int, number: int) -> None:
    with ThreadPoolExecutor(len(made)) as pool:
        asked = [
            pool.submit(person.ask, conversation, f"{number}.{index}: {QUESTION}", tokens)
            for index, conversation in enumerate(made)
        ]
    for one in asked:
        one.result()


def cold_chats(cloud: Cloud, person: Person) -> Figure:
    """Eight people's first deltas, the last of them, when no Lambda is warm; against one person's, cold as well. On AWS
    each cold Lambda has a processor of its own, here they share the machine's."""
    one: list[float] = []
    many: list[float] = []
    waited = [contention()]
    for number in range(COLD_PAIRS):
        one.append(cold_first_delta(cloud, person, 1, 2 * number))
        many.append(cold_first_delta(cloud, person, COLD_PEOPLE, 2 * number + 1))
        waited.append(contention())
    limit = MOST_COLD * max(1.0, COLD_PEOPLE / (os.cpu_count() or 1))
    what = f"{COLD_PEOPLE} people at once to the last one's first delta / one person, all Lambdas cold"
    return figure("cold_chats", ratios(many, one), limit, what=what, unit="x", waited=waited, one_s=one, many_s=many)


def cold_first_delta(cloud: Cloud, person: Person, people: int, number: int) -> float:
    made = [person.converse(SYSTEM) for _ in range(people)]
    cool(cloud)
    begun = time.perf_counter()
    ask_at_once(person, made, 8, number)
    waiting, last = set(made), begun
    while waiting:
        last, frame = person.wait_for("delta")
        waiting.discard(frame["conversation_id"])
    for _ in made:
        person.wait_for("message")
    return last - begun


def cool(cloud: Cloud) -> None:
    """A function that is configured anew has no warm process."""
    functions = cloud.emulator.client("lambda")
    for page in functions.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            functions.update_function_configuration(FunctionName=function["FunctionName"], Description=uuid.uuid4().hex)


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
        self.connection = connection_of(cloud, person)

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
