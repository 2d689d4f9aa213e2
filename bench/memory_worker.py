"""Our own worker and batch path around an engine, with the in-memory twins of everything that AWS gives it."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from foreverus.aws.push import MemoryPush
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.aws.sqs import Delivery, MemoryQueue
from foreverus.aws.step_functions import MemoryTasks
from foreverus.backends.openai_http import OpenAiEngine
from foreverus.batches.assembly import Assembly
from foreverus.batches.input.validation import Validator
from foreverus.batches.memory import MemoryBatches
from foreverus.batches.model import new_batch
from foreverus.batches.plan.records import NextRound, RoundStart
from foreverus.batches.records import Batch, BatchRef, BatchStatus
from foreverus.batches.shards.queue import shard_message
from foreverus.choice.records import NextStep
from foreverus.conversations.memory import MemoryAnswers
from foreverus.notifications.outbox import MemoryOutbox
from foreverus.relay.memory import MemoryRequests
from foreverus.sessions.demand import MemoryDemand
from foreverus.sessions.mailbox import MailboxSnapshot, MemoryMailbox
from foreverus.sessions.records import SessionStatus, Task
from foreverus.worker.contact import Contact, P, RunInline, RunInThreads, T
from foreverus.worker.instance import MemoryInstance
from foreverus.worker.ports import WorkerPorts
from foreverus.worker.run import run
from foreverus.worker.settings import WorkerSettings
from foreverus.worker.units import MemoryUnits

Body = dict[str, Any]

ENDPOINT = "/v1/chat/completions"
AWS_S = 0.005  # a DynamoDB or S3 call from an instance of its region: single-digit milliseconds
SPARE_S = 600.0  # for a batch or for its end, before something is wrong


@dataclass(frozen=True, slots=True)
class Answered:
    """One batch's way through the worker, from its shards' messages to the round's token."""

    seconds: float
    completion_tokens: int
    answers: dict[str, Body]  # by custom_id: what the output file holds
    failed: dict[str, Body]  # by custom_id: what the error file holds

    @property
    def tokens_per_second(self) -> float:
        return self.completion_tokens / self.seconds


class LongPolled(MemoryQueue):
    """`MemoryQueue` whose `receive` waits, as SQS does, in a thread of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = threading.Condition()

    def put(self, body: str, trace: str = "", sent_at: float = 0.0) -> None:
        with self.changed:
            super().put(body, trace, sent_at)
            self.changed.notify_all()

    def receive(self, count: int, wait_s: float) -> list[Delivery]:
        time.sleep(AWS_S)
        with self.changed:
            self.changed.wait_for(lambda: self.waiting, wait_s)
            return super().receive(count, wait_s)

    def delete(self, delivery: Delivery) -> None:
        with self.changed:
            super().delete(delivery)

    def hide(self, deliveries: Sequence[Delivery], seconds: int) -> None:
        with self.changed:
            super().hide(deliveries, seconds)
            self.changed.notify_all()


class HeardTasks(MemoryTasks):
    """`MemoryTasks` that says when something is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.answered = asyncio.Event()

    def succeed(self, token: str, output: dict[str, Any]) -> None:
        super().succeed(token, output)
        self.answered.set()

    async def over(self, token: str) -> None:
        while token in self.open:
            self.answered.clear()
            await self.answered.wait()


ON_GPU = NextRound(number=1, start=RoundStart(planned=NextStep.GPU), choice={}, backend="gpu")


class CountedCalls(RunInline):
    """`RunInline` that knows how many there were."""

    def __init__(self, contact: Contact, latency_s: float):
        super().__init__(contact, latency_s)
        self.made = 0

    async def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        self.made += 1
        return await super().__call__(function, *args, **kwargs)


class HeardPush(MemoryPush):
    """`MemoryPush` that hands every frame to whoever listens on its connection, and keeps none."""

    def __init__(self) -> None:
        super().__init__()
        self.listeners: dict[str, Callable[[bytes], None]] = {}

    def post(self, topic: str, connection_id: str, data: bytes) -> bool:
        self.listeners[connection_id](data)
        return True


class MemoryWorker:
    """A worker that serves; `answer` gives it one batch after the other. Made by `serving`."""

    def __init__(self, engine: OpenAiEngine, slots: int, context: int):
        settings = {
            **dict.fromkeys(("TABLE_NAME", "CHAT_QUEUE_URL", "BATCH_QUEUE_URL", "WEBSOCKET_CALLBACK_URL"), "memory"),
            **{"DATA_BUCKET": "memory", "MODEL_ID": engine.model, "CONTEXT_TOKENS": str(context), "ENGINE_URL": "x"},
            **{"ENGINE_SLOTS": str(slots), "IDLE_SECONDS": "3600", "MAX_SESSION_SECONDS": "21600"},
            **{
                "VISIBILITY_SECONDS": "60",
                "HEARTBEAT_SECONDS": "15",
                "CONVERSATION_RETENTION_DAYS": "0",
                "AWS_DEFAULT_REGION": "us-east-1",
                "MACHINE_DIR": "none",
                "STACK_NAME": "memory",
                "METRICS_LOG_GROUP": "none",
                "MORE_METRICS": "false",
                "CHAT_BEDROCK_MODEL_ID": "",
                "FIND_SOURCES_FUNCTION": "",
                "SHOW_IMAGES_FUNCTION": "",
                "GPU_MODEL_SEES": "",
            },
        }
        now = datetime.now(UTC)
        instance, contact = MemoryInstance(), Contact()
        self.model = engine.model
        self.tasks = HeardTasks()
        self.mailbox = MemoryMailbox(
            MailboxSnapshot("ses_1", "i-1", SessionStatus.BOOTING, task=Task.BOOT, task_token="boot", launched_at=now)
        )
        self.batches, self.objects = MemoryBatches(), MemoryObjects(lambda: datetime.now(UTC))
        self.queue, self.chats = LongPolled(), LongPolled()
        self.calls = CountedCalls(contact, AWS_S)
        self.polls = RunInThreads(contact, 2, "receive")
        self.made = 0
        self.answers, self.push = MemoryAnswers(), HeardPush()
        self.ports = WorkerPorts(
            settings=WorkerSettings.from_env(settings),
            me=instance.me,
            engine=engine,
            instance=instance,
            units=MemoryUnits(),
            mailbox=self.mailbox,
            tasks=self.tasks,
            answers=self.answers,
            pending=self.answers.pending,
            requests=MemoryRequests(),
            demand=MemoryDemand(),
            push=self.push,
            batches=self.batches,
            objects=self.objects,
            chat_queue=self.chats,
            batch_queue=self.queue,
            run_blocking=self.calls,
            run_passages=self.calls,
            run_push=self.calls,
            run_receive=self.polls,
            contact=contact,
        )

    async def answer(self, bodies: Sequence[Body]) -> Answered:
        """A whole round of a batch. The clock runs from the first shard's message to the token's answer."""
        ref = self.validated(bodies)
        return self._read(ref, await self.serve(ref))

    async def serve(self, ref: BatchRef) -> float:
        """Seconds from the first shard's message to the token's answer."""
        token = f"{ref.batch_id}-round-1"
        self.tasks.open.add(token)
        self.batches.begin_round(ref, ON_GPU)
        self.batches.offer(ref, 1, token, datetime.now(UTC))
        begun = time.perf_counter()
        for shard in range(len(self.batches.shards(ref.batch_id))):
            self.queue.put(json.dumps(shard_message(ref, shard, 1)))
        async with asyncio.timeout(SPARE_S):
            await self.tasks.over(token)
        return time.perf_counter() - begun

    def validated(self, bodies: Sequence[Body]) -> BatchRef:
        """The batch as the API and the state machine's first step leave it: checked, and cut into shards."""
        self.made += 1
        ref = put_batch(self.batches, self.objects, self.model, bodies, self.made)
        verdict = Validator(self.batches, self.objects, MemoryOutbox(), self.model, lambda: datetime.now(UTC)).run(ref)
        if not verdict["valid"]:
            raise RuntimeError(f"the batch is not valid: {self.record(ref).errors}")
        return ref

    def record(self, ref: BatchRef) -> Batch:
        batch = self.batches.get(ref)
        if batch is None:
            raise RuntimeError(f"{ref.batch_id} is gone")
        return batch

    def _read(self, ref: BatchRef, seconds: float) -> Answered:
        """What a person would download. Raises RuntimeError when a line is missing or there twice."""
        record = self.record(ref)
        with self.objects.writer("output") as output, self.objects.writer("errors") as errors:
            assembly = Assembly(record, BatchStatus.COMPLETED, self.batches, self.objects)
            totals = assembly.write(output, errors)
        files = [self._lines(key) for key in ("output", "errors")]
        for key in ("output", "errors"):
            self.objects.delete(key)
        counts = Counter(line["custom_id"] for lines in files for line in lines)
        if len(counts) != record.total or set(counts.values()) != {1}:
            raise RuntimeError(f"{len(counts)} of {record['total']} lines have an answer: {counts.most_common(3)}")
        answers, failed = ({line["custom_id"]: line for line in lines} for lines in files)
        return Answered(seconds, totals.completion_tokens, answers, failed)

    def _lines(self, key: str) -> list[Body]:
        return [json.loads(line) for line in self.objects.held.get(key, b"").splitlines()]


def put_batch(
    store: MemoryBatches, objects: MemoryObjects, model: str, bodies: Sequence[Body], number: int
) -> BatchRef:
    """A batch as the API leaves it."""
    batch_id, now = f"batch_{number}", datetime.now(UTC)
    request = {"input_file_id": f"file_{number}", "endpoint": ENDPOINT, "completion_window": "24h"}
    record = new_batch(batch_id, "bench", request, now)
    lines = [
        {"custom_id": f"line-{n}", "method": "POST", "url": ENDPOINT, "body": {**body, "model": model}}
        for n, body in enumerate(bodies)
    ]
    objects.put(record.input_key, "".join(json.dumps(line) + "\n" for line in lines).encode())
    store.create(record)
    return BatchRef("bench", batch_id)


@asynccontextmanager
async def serving(url: str, model: str, slots: int, context: int) -> AsyncIterator[MemoryWorker]:
    """A worker in front of the engine at `url`, healthy and serving, until the block ends. Raises RuntimeError when it
    ends badly."""
    engine = OpenAiEngine(url, model)
    try:
        async with serving_with(MemoryWorker(engine, slots, context)) as worker:
            yield worker
    finally:
        await engine.aclose()


@asynccontextmanager
async def serving_with(worker: MemoryWorker) -> AsyncIterator[MemoryWorker]:
    worker.tasks.open |= {"boot", "serve"}
    living = asyncio.create_task(run(worker.ports))
    try:
        while "boot" in worker.tasks.open:
            if living.done():
                raise RuntimeError(f"the worker did not boot: exit code {living.result()}, {worker.tasks.results}")
            await asyncio.sleep(0.01)
        worker.mailbox.change(status=SessionStatus.SERVING, task=Task.SERVE, task_token="serve")
        yield worker
        worker.mailbox.change(end_requested=True)
        async with asyncio.timeout(SPARE_S):
            code = await living
        if code != 0:
            raise RuntimeError(f"the worker ended with exit code {code}: {worker.tasks.results[-1]}")
    finally:
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)
        worker.polls.close()
