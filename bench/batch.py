"""Batches end to end: against an ideal client of the same engine, against a Map over Lambdas, and beside a chat."""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from statistics import median
from typing import Any

from bench import engine, ideal
from bench.figures import Figure, figure, ratios
from bench.paced import CONTEXT, PACE
from bench.pattern import Pattern, Run, states_entered
from bench.processor import contention
from foreverus.aws import keys
from foreverus.aws.dynamo import Table
from local.cloud import Cloud
from local.person import Person

NAMES = ("batch", "batch_cold", "batch_pattern", "batch_transitions", "chat_beside_batch")

SLOTS = 16
LINES = 400
SHORTEST, LONGEST = 8, 24  # tokens of an answer
ROUNDS = 3
LEAST_RATIO = 0.95
MOST_COLD_S = 3.0
FEW_LINES = 3
MOST_TRANSITIONS = 2500  # for a file of 50,000 lines
ROUND = 3  # Plan, Which way?, Serve on GPU
CHATS = 12
CHAT_PAUSE_S = 0.5
MOST_CHAT_RATIO = 2.0
PATIENCE_S = 600.0

SYSTEM = "You are a helpful assistant."
OVER = ("completed", "failed", "expired", "cancelled")

Result = dict[str, Any]
Body = dict[str, Any]


def measure(cloud: Cloud) -> Iterator[Figure]:
    """All five, with an engine of a known pace on both sides. Nobody's session is live when it begins, and none when it
    ends."""
    with Person(cloud.outputs) as person:
        batches = Batches(cloud, person)
        cold = batches.run(bodies(0, LINES))
        session_id, _ = person.start_session()  # the one that the batch has bought, or another one
        with engine.running(pace=PACE, slots=SLOTS, context=CONTEXT) as (url, started_s):
            yield from _with_a_live_session(batches, person, url, cold, started_s)
        person.end_session(session_id)
        spent = len(batches.entered("GpuSessionArn", session_id)) + len(batches.entered("BatchRunArn", cold.batch_id))
        pattern = _pattern(cloud)
    yield from pattern_results(cold, pattern, spent)


def _with_a_live_session(
    batches: "Batches", person: Person, url: str, cold: "Whole", engine_s: float
) -> Iterator[Figure]:
    ours: list[Whole] = []
    direct: list[ideal.Driven] = []
    waited = [contention()]
    for number in range(ROUNDS):  # each side is first once
        sides = [lambda n=number: ours.append(batches.run(bodies(10 + n, LINES)))]
        sides.append(lambda n=number: direct.append(ideal.drive(url, bodies(20 + n, LINES), SLOTS)))
        for side in sides[:: -1 if number % 2 else 1]:
            side()
        waited.append(contention())
    yield warm_result(ours, direct, waited)
    yield cold_result(cold, engine_s, [one.seconds for one in direct])
    few = batches.run(bodies(30, FEW_LINES))
    yield transitions_result({one.lines: batches.entered("BatchRunArn", one.batch_id) for one in (few, *ours)})
    yield _chat_beside(batches, person)


def bodies(seed: int, count: int) -> list[Body]:
    """Short prompts that no cache of the engine knows from another seed."""
    return [
        {
            "messages": [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": f"{seed}.{n}: tell me something about the number {n * 37 % 1000}."},
            ],
            "max_tokens": SHORTEST + n % (LONGEST - SHORTEST + 1),
            "temperature": 0,
        }
        for n in range(count)
    ]


class Whole:
    """A batch at its end. `seconds`: from the call that made it to the moment at which it was completed."""

    def __init__(self, record: Result, output: str, began: float):
        self.batch_id = str(record["batch_id"])
        self.seconds = datetime.fromisoformat(record["ended_at"]).timestamp() - began
        answers = [json.loads(line) for line in output.splitlines()]
        self.lines = len({answer["custom_id"] for answer in answers})
        if self.lines != int(record["total"]) or self.lines != len(answers):
            raise RuntimeError(f"{self.batch_id}: {len(answers)} answers to {record['total']} lines")
        self.completion_tokens = sum(one["response"]["body"]["usage"]["completion_tokens"] for one in answers)

    @property
    def tokens_per_second(self) -> float:
        return self.completion_tokens / self.seconds


class Batches:
    """A person's batches, by plain HTTP. Their ends are read in the table: a question to the API in every moment would
    take a part of the engine's processor, and whole seconds are too coarse."""

    def __init__(self, cloud: Cloud, person: Person):
        self.person = person
        self.stack = cloud.stack
        self.machines = cloud.emulator.client("stepfunctions")
        self.items = Table(cloud.emulator.client("dynamodb"), cloud.stack["TableName"])
        self.user = ""
        self.model = person.call("GET", "/models")["data"][0]["id"]

    def run(self, asked: list[Body]) -> Whole:
        return self.ended(*self.create(asked))

    def create(self, asked: list[Body]) -> tuple[str, float]:
        """(batch id, the clock when it was asked for). The file is there before the clock starts."""
        url = "/v1/chat/completions"
        lines = [
            {"custom_id": f"q-{n}", "method": "POST", "url": url, "body": {"model": self.model, **body}}
            for n, body in enumerate(asked)
        ]
        data = "".join(json.dumps(line) + "\n" for line in lines).encode()
        upload = {"file": ("bench.jsonl", data, "application/jsonl")}
        file = self.person.http.post("/files", data={"purpose": "batch"}, files=upload).raise_for_status().json()
        request = {"input_file_id": file["id"], "endpoint": url, "completion_window": "24h"}
        began = time.time()
        batch = self.person.call("POST", "/batches", {**request, "metadata": {"backend": "gpu"}})
        return str(batch["id"]), began

    def ended(self, batch_id: str, began: float) -> Whole:
        """Raises RuntimeError when it is not completed, with an answer to every line."""
        while (record := self.record(batch_id))["status"] not in OVER:
            if time.time() - began > PATIENCE_S:
                raise RuntimeError(f"{batch_id} is {record['status']} after {PATIENCE_S:.0f} s")
            time.sleep(1)
        if record["status"] != "completed":
            raise RuntimeError(f"{batch_id} is {record['status']}: {record.get('errors', [])[:1]}")
        file = self.person.http.get(f"/files/{record['output_file_id']}/content", follow_redirects=True)
        return Whole(record, file.raise_for_status().text, began)

    def record(self, batch_id: str) -> Result:
        if not self.user:
            self.user = str((self.items.get(keys.open_batch_key(batch_id)) or {})["user_id"])
        return self.items.get(keys.batch_key(self.user, batch_id)) or {}

    def entered(self, machine: str, name: str) -> list[str]:
        """The states that the execution of that name has entered, when it is over. `machine`: the stack's output."""
        execution = f"{self.stack[machine].replace(':stateMachine:', ':execution:')}:{name}"
        deadline = time.monotonic() + 60  # the summary and the notification come after `completed`
        while self.machines.describe_execution(executionArn=execution)["status"] == "RUNNING":
            if time.monotonic() > deadline:
                raise RuntimeError(f"{execution} does not end")
            time.sleep(0.25)
        return states_entered(self.machines, execution)


def _chat_beside(batches: Batches, person: Person) -> Figure:
    idle = _first_deltas(person, "idle")
    batch_id, began = batches.create(bodies(40, LINES))
    while not batches.record(batch_id).get("sessions"):  # a worker has taken its first shard
        time.sleep(0.05)
    time.sleep(2)  # every slot has a line
    beside = _first_deltas(person, "beside")
    if batches.record(batch_id)["status"] != "in_progress":
        raise RuntimeError("the batch was over before the chats were: give it more lines")
    batches.ended(batch_id, began)
    return chat_result(idle, beside)


def _first_deltas(person: Person, what: str) -> list[float]:
    """Seconds from the call to the first words, one conversation after the other. The first one warms up."""
    found = []
    for number in range(CHATS + 1):
        conversation = person.converse(SYSTEM)
        begun = time.perf_counter()
        message_id = person.ask(conversation, f"{what} {number}: what is the sea?", 8)
        at, _ = person.wait_for("delta", message_id=message_id)
        person.wait_for("message")
        found.append(at - begun)
        time.sleep(CHAT_PAUSE_S)
    return found[1:]


def _pattern(cloud: Cloud) -> Run:
    """With its engine's start, like our cold batch: who polls for health finds it some time after it is healthy."""
    pattern = Pattern(cloud, SLOTS)
    try:
        with engine.starting(pace=PACE, slots=SLOTS, context=CONTEXT) as url:
            run = pattern.run(url, bodies(50, LINES))
    finally:
        pattern.close()
    if run.answered != LINES:
        raise RuntimeError(f"the pattern answered {run.answered} of {LINES} lines")
    return run


def warm_result(ours: list[Whole], direct: list[ideal.Driven], waited: list[float]) -> Figure:
    """Round by round: the two sides of a round are neighbours."""
    return figure(
        "batch",
        ratios(*([one.tokens_per_second for one in side] for side in (ours, direct))),
        LEAST_RATIO,
        what=f"tokens/s of a batch of {LINES} prompts, batches.create to completed / an ideal client of the engine",
        unit="x",
        at_least=True,
        waited=waited,
        ours_tokens_per_s=[round(one.tokens_per_second, 1) for one in ours],
        baseline_tokens_per_s=[round(one.tokens_per_second, 1) for one in direct],
    )


def cold_result(cold: Whole, engine_s: float, direct_s: list[float]) -> Figure:
    """One cold batch, minus the engine's start and each of the ideal client's rounds."""
    return figure(
        "batch_cold",
        [cold.seconds - engine_s - seconds for seconds in direct_s],
        MOST_COLD_S,
        what=f"batches.create to completed, {LINES} prompts and no GPU, minus cold engine + ideal client",
        unit="s more",
        waited=[contention()],
        ours_s=round(cold.seconds, 2),
        baseline_s={"cold_engine": round(engine_s, 2), "ideal_client": [round(seconds, 2) for seconds in direct_s]},
    )


def transitions_result(entered: dict[int, list[str]]) -> Figure:
    """`entered`: states by lines. A batch has a round for each look at what is left, and each costs as many. Beside its
    rounds, a batch of more lines must have no more."""
    rounds = {lines: states.count("Serve on GPU") for lines, states in entered.items()}
    beside = {len(states) - ROUND * rounds[lines] for lines, states in entered.items()}
    if len(beside) != 1:
        raise RuntimeError(f"the number of transitions grows with the lines: {entered}")
    return figure(
        "batch_transitions",
        [len(states) for states in entered.values()],
        MOST_TRANSITIONS,
        what="state transitions of a batch's execution: the same whatever its lines, but for 3 a round",
        unit="transitions",
        by_lines={lines: len(states) for lines, states in entered.items()},
        rounds_within_the_limit=(MOST_TRANSITIONS - max(beside)) // ROUND,
    )


def chat_result(idle: list[float], beside: list[float]) -> Figure:
    """In three blocks, each against its part of the quiet time."""
    blocks = [slice(at, at + CHATS // 3) for at in range(0, CHATS, CHATS // 3)]
    return figure(
        "chat_beside_batch",
        [median(beside[block]) / median(idle[block]) for block in blocks],
        MOST_CHAT_RATIO,
        what="POST of a message to its first delta while a batch runs / while nothing else does, medians",
        unit="x",
        waited=[contention()],
        beside_ms=[round(seconds * 1000, 1) for seconds in beside],
        idle_ms=[round(seconds * 1000, 1) for seconds in idle],
    )


def pattern_results(cold: Whole, pattern: Run, transitions: int) -> Iterator[Figure]:
    """`transitions`: of the batch and of the session that it bought."""
    yield figure(
        "batch_pattern",
        [cold.seconds / pattern.seconds],
        1.0,
        what=f"{LINES} prompts with a cold start / a Map state with a Lambda and a request a line, polled health",
        unit="x of its time",
        waited=[contention()],
        ours_s=round(cold.seconds, 2),
        baseline_s=round(pattern.seconds, 2),
    )
    yield figure(
        "batch_pattern_transitions",
        [transitions / pattern.transitions],
        1.0,
        what=f"state transitions of {LINES} prompts with a session / of that Map state",
        unit="x",
        ours=transitions,
        baseline=pattern.transitions,
    )
