"""A worker in memory, on a clock that jumps: waiting takes no time, and every test sees the same order of things."""

import asyncio
import functools
import json
import selectors
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from foreverus.aws.keys import conversation_topic
from foreverus.aws.push import MemoryPush
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.aws.sqs import MemoryQueue
from foreverus.aws.step_functions import MemoryTasks
from foreverus.backends.memory import MemoryEngine
from foreverus.batches.memory import MemoryBatches
from foreverus.conversations.memory import MemoryAnswers
from foreverus.conversations.passages.memory import MemorySources
from foreverus.conversations.records import MessageRef
from foreverus.conversations.views import public_answer
from foreverus.metrics import Metrics
from foreverus.relay.memory import MemoryRequests
from foreverus.sessions.demand import MemoryDemand
from foreverus.sessions.mailbox import MailboxSnapshot, MemoryMailbox
from foreverus.worker.contact import Contact, P, RunInline, T
from foreverus.worker.instance import MemoryInstance
from foreverus.worker.ports import WorkerPorts
from foreverus.worker.run import run
from foreverus.worker.settings import WorkerSettings
from foreverus.worker.shutdown import Shutdown
from foreverus.worker.units import MemoryUnits

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class JumpingLoop(asyncio.SelectorEventLoop):
    """When nothing is ready, the clock jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__(_JumpingSelector(self))
        self.jumped = 0.0

    def time(self) -> float:
        return self.jumped


class _JumpingSelector(selectors.DefaultSelector):  # type: ignore[valid-type,misc]
    def __init__(self, loop: JumpingLoop):
        super().__init__()
        self.loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise AssertionError("every task waits for something that will never happen")
        self.loop.jumped += timeout
        return super().select(0)


def in_jumping_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs an async test on a `JumpingLoop`."""

    @functools.wraps(test)
    def run_it(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run_it


def settings(**changes: Any) -> WorkerSettings:
    env = {
        "TABLE_NAME": "table",
        "CHAT_QUEUE_URL": "http://chat",
        "BATCH_QUEUE_URL": "http://batch",
        "WEBSOCKET_CALLBACK_URL": "http://push",
        "DATA_BUCKET": "data",
        "FIND_SOURCES_FUNCTION": "",
        "SHOW_IMAGES_FUNCTION": "",
        "GPU_MODEL_SEES": "",
        "MODEL_ID": "model",
        "CONTEXT_TOKENS": "2048",
        "ENGINE_URL": "http://engine",
        "ENGINE_SLOTS": "4",
        "IDLE_SECONDS": "60",
        "CHAT_BEDROCK_MODEL_ID": "",
        "MAX_SESSION_SECONDS": "3600",
        "VISIBILITY_SECONDS": "30",
        "HEARTBEAT_SECONDS": "10",
        "CONVERSATION_RETENTION_DAYS": "30",
        "AWS_DEFAULT_REGION": "us-east-1",
        "MACHINE_DIR": "/run/foreverus",
        "STACK_NAME": "foreverus",
        "METRICS_LOG_GROUP": "/foreverus/foreverus/machines",
        "MORE_METRICS": "false",
    }
    return WorkerSettings.from_env(env | {name.upper(): str(value) for name, value in changes.items()})


class LongPolls(RunInline):
    """Of the same network; each takes longer, so that a quiet hour has thousands of them, not hundreds of thousands."""

    def __init__(self, network: RunInline):
        super().__init__(network.contact, latency_s=0.1)
        self._network = network

    async def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        self.cut = self._network.cut
        return await super().__call__(function, *args, **kwargs)


class World:
    """Everything around one worker, and what the state machine and people do to it."""

    def __init__(self, **changes: Any):
        loop = asyncio.get_running_loop()

        def clock() -> datetime:
            return START + timedelta(seconds=loop.time())

        self.settings = settings(**changes)
        self.measured: list[str] = []
        self.engine = MemoryEngine()
        self.instance = MemoryInstance()
        self.units = MemoryUnits()
        self.mailbox = MemoryMailbox(
            MailboxSnapshot("ses_1", "i-1", "booting", task="boot", task_token="boot-token", launched_at=START)
        )
        self.tasks = MemoryTasks()
        self.tasks.open.add("boot-token")
        self.answers = MemoryAnswers()
        self.requests = MemoryRequests()
        self.demand = MemoryDemand()
        self.push = MemoryPush()
        self.passages = MemorySources()
        self.chat, self.batch = MemoryQueue(), MemoryQueue()
        self.batches, self.objects = MemoryBatches(), MemoryObjects(clock)
        self.network = RunInline(Contact())
        self.polls = LongPolls(self.network)
        self.shutdown = Shutdown()
        self.ports = WorkerPorts(
            settings=self.settings,
            me=self.instance.me,
            engine=self.engine,
            instance=self.instance,
            units=self.units,
            mailbox=self.mailbox,
            tasks=self.tasks,
            answers=self.answers,
            pending=self.answers.pending,
            requests=self.requests,
            demand=self.demand,
            push=self.push,
            batches=self.batches,
            objects=self.objects,
            chat_queue=self.chat,
            batch_queue=self.batch,
            run_blocking=self.network,
            run_passages=self.network,
            run_push=self.network,
            run_receive=self.polls,
            contact=self.network.contact,
            clock=clock,
            shutdown=self.shutdown,
            passages=self.passages,
            metrics=Metrics("foreverus", write=self.measured.append, clock=clock),
        )

    def ask(
        self, content: str = "hello", message_id: str = "msg_1", queue: MemoryQueue | None = None, **more: Any
    ) -> MessageRef:
        request = self.answers.ask(content, message_id=message_id, **more)
        self.deliver(request, queue)
        return request

    def deliver(self, request: MessageRef, queue: MemoryQueue | None = None) -> None:
        body = {
            "message_id": request.message_id,
            "conversation_id": request.conversation_id,
            "user_id": request.user_id,
        }
        (queue or self.chat).put(json.dumps(body))

    def subscribe(self, connection_id: str = "c1", conversation_id: str = "conv_1") -> None:
        self.push.subscribe(conversation_topic(conversation_id), connection_id)

    async def start_serving(self) -> None:
        """What the state machine does when the boot's token was answered."""
        await until(lambda: bool(self.tasks.results))
        assert self.tasks.results[0][1] == "success", self.tasks.results
        self.mailbox.change(status="serving", task="serve", task_token="serve-token")
        self.tasks.open.add("serve-token")

    async def answered(self, request: MessageRef) -> dict[str, Any]:
        await until(lambda: self.shown(request)["status"] in ("answered", "failed"))
        return self.shown(request)

    def shown(self, request: MessageRef) -> dict[str, Any]:
        """The answer as the API shows it."""
        return public_answer(self.answers.questions[request.message_id], self.answers.answer(request))

    @property
    def result(self) -> tuple[str, Any]:
        """The last answered token's: ("success", output) or (error, cause)."""
        return self.tasks.results[-1][1:]

    @asynccontextmanager
    async def worker(self, serving: bool = True) -> AsyncIterator["asyncio.Task[int]"]:
        """Runs the worker for the body of the `with`, and stops it by force afterwards if it still runs."""
        task = asyncio.create_task(run(self.ports))
        try:
            if serving:
                await self.start_serving()
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool], within_s: float = 7200.0, every_s: float = 0.01) -> None:
    """Waits, on the jumping clock, until the condition holds. A look every 10 ms is 360,000 looks in a quiet hour."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(every_s)


async def ends(worker: "Awaitable[int]", within_s: float = 7200.0) -> int:
    """The worker's exit code."""
    async with asyncio.timeout(within_s):
        return await worker
