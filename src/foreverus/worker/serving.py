"""From a healthy engine to the last message: the two queues are worked off until the session ends."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from time import time
from typing import Any

from foreverus.abilities.read_image.gpu import GpuSight
from foreverus.aws.sqs import REQUEST, Queue
from foreverus.batches.shards.lookahead import LookAhead
from foreverus.batches.shards.resources import ShardResources
from foreverus.concurrency import Background, first_of, stop
from foreverus.conversations.entitling import TitleNews
from foreverus.conversations.streaming.live import PostLimit
from foreverus.costs.prices import TokenPrice, bedrock_price
from foreverus.sessions.records import SessionStatus
from foreverus.worker.batch import ShardAnswering
from foreverus.worker.boot import Boot
from foreverus.worker.chat import ChatAnswering
from foreverus.worker.consumer import Activity, Capacity, ChatCapacity, Consumer, Handler, R
from foreverus.worker.counting import LineCounter
from foreverus.worker.crowd import CrowdWatch
from foreverus.worker.engine import EngineWatch
from foreverus.worker.generation import AnswerGenerator
from foreverus.worker.idle import IdleWatch
from foreverus.worker.idle_limit import IdleLimit
from foreverus.worker.line_images import unseen
from foreverus.worker.lines import LineEngine, LineSlots
from foreverus.worker.ports import WorkerPorts
from foreverus.worker.requests import RequestAnswering
from foreverus.worker.settings import WorkerSettings
from foreverus.worker.shutdown import MAX_LIFE, session_lost
from foreverus.worker.slots import Slots
from foreverus.worker.titles import TitleWriter
from foreverus.worker.watch import MailboxWatch

log = logging.getLogger(__name__)


class Serving:
    """`boot` has ended well; that it has is reported beside the first work."""

    def __init__(self, ports: WorkerPorts, watch: MailboxWatch, boot: Boot):
        p = self.ports = ports
        self.watch = watch
        self.boot = boot
        self.engine_watch = EngineWatch(p.engine, p.units, p.shutdown, p.timings)
        self.slots = Slots(p.settings.engine_slots)
        self.line_engine = LineEngine(p.engine, self.engine_watch, self.slots, p.shutdown)
        self.line_counter = LineCounter(p.mailbox, watch, p.run_blocking)
        self.activity = Activity(last=asyncio.get_running_loop().time())
        self.ready_at = time()
        self.idle_limit = IdleLimit(
            deployed_s=float(p.settings.idle_seconds),
            bedrock=_price(p.settings),
            activity=self.activity,
            demand=p.demand,
            mailbox=p.mailbox,
            watch=watch,
            run_blocking=p.run_blocking,
            clock=p.clock,
            booted_at=self.activity.last,
        )
        self.last_frames = Background()
        self.posts = PostLimit()

    async def run(self) -> None:
        shutdown, timings = self.ports.shutdown, self.ports.timings
        consumers = [self._chats(), self._shards()]
        beside = Background(on_crash=lambda error: shutdown.begin(session_lost(f"A watcher failed: {error!r}")))
        beside.start(self.line_engine.run())
        beside.start(self.line_counter.run())
        beside.start(self.boot.report_until_told(shutdown))
        beside.start(self.engine_watch.run())
        beside.start(self._idle_watch(consumers).run())
        beside.start(self.idle_limit.watch_demand())
        beside.start(self._crowd_watch().run())
        work = [beside.start(consumer.run()) for consumer in consumers]
        try:
            await shutdown.stopping.wait()
            beside.start(self._show_draining())
            await self._drain(work)
            await asyncio.gather(
                self.last_frames.finish(timings.last_frames), self.line_counter.finish(), self._note_busy()
            )
        finally:
            await asyncio.gather(self.last_frames.finish(0), beside.finish(0))

    def _chats(self) -> Consumer[Any]:
        p = self.ports
        generator = AnswerGenerator(
            session_id=p.me.session_id,
            engine=p.engine,
            engine_watch=self.engine_watch,
            context_tokens=p.settings.context_tokens,
        )
        answering = ChatAnswering(
            session_id=p.me.session_id,
            context_tokens=p.settings.context_tokens,
            generator=generator,
            answers=p.answers,
            push=p.push,
            run_blocking=p.run_blocking,
            run_push=p.run_push,
            run_passages=p.run_passages,
            passages=p.passages,
            eyes=p.eyes,
            shutdown=p.shutdown,
            last_frames=self.last_frames,
            clock=p.clock,
            stops=self.watch.stops,
            titles=self._titles(),
            posts=self.posts,
            metrics=p.metrics,
            ready_at=p.clock(),
        )
        handlers = {"chat": answering.handle, REQUEST: self._requests().handle}
        return self._consumer(p.chat_queue, ChatCapacity(self.slots), handlers)

    def _titles(self) -> TitleWriter:
        p = self.ports
        return TitleWriter(
            session_id=p.me.session_id,
            engine=p.engine,
            slots=self.slots,
            answers=p.answers,
            news=TitleNews(p.answers, p.push, p.settings.conversation_retention_days),
            run_blocking=p.run_blocking,
            clock=p.clock,
        )

    def _requests(self) -> RequestAnswering:
        p = self.ports
        return RequestAnswering(
            session_id=p.me.session_id,
            engine=GpuSight(p.engine, p.settings.model_id, run_blocking=p.run_passages),
            engine_watch=self.engine_watch,
            requests=p.requests,
            push=p.push,
            run_blocking=p.run_blocking,
            run_push=p.run_push,
            shutdown=p.shutdown,
            last_frames=self.last_frames,
            clock=p.clock,
            stops=self.watch.stops,
            posts=self.posts,
        )

    def _shards(self) -> Consumer[Any]:
        p = self.ports
        eyes = p.eyes.of_lines if p.eyes else None
        resources = ShardResources(
            answered_by=p.me.session_id,
            backend=self.line_engine,
            admission=LineSlots(self.slots),
            slots=self.slots.total,
            backend_lives=self.engine_watch.confirm_alive,
            batches=p.batches,
            objects=p.objects,
            run_blocking=p.run_blocking,
            clock=p.clock,
            on_recorded=self.line_counter.add,
            metrics=p.metrics,
            shown=partial(eyes.shown, p.run_passages) if eyes else unseen,
            said_of=eyes.said_of if eyes else lambda result: result,
        )
        answering = ShardAnswering(resources=resources, engine=self.line_engine, tasks=p.tasks, shutdown=p.shutdown)
        return self._consumer(p.batch_queue, LookAhead(self.slots.total), {"shard": answering.handle})

    def _consumer(self, queue: Queue, capacity: Capacity[R], handlers: Mapping[str, Handler[R]]) -> Consumer[R]:
        p = self.ports
        return Consumer(
            queue=queue,
            capacity=capacity,
            handlers=handlers,
            shutdown=p.shutdown,
            activity=self.activity,
            run_blocking=p.run_blocking,
            run_receive=p.run_receive,
            visibility_s=p.settings.visibility_seconds,
            timings=p.timings,
            ready_at=self.ready_at,
        )

    def _idle_watch(self, consumers: list[Consumer[Any]]) -> IdleWatch:
        p = self.ports
        return IdleWatch(
            activity=self.activity,
            consumers=consumers,
            pending=p.pending,
            mailbox=p.mailbox,
            watch=self.watch,
            run_blocking=p.run_blocking,
            shutdown=p.shutdown,
            limit=self.idle_limit,
            timings=p.timings,
        )

    def _crowd_watch(self) -> CrowdWatch:
        slots, shutdown = self.ports.settings.engine_slots, self.ports.shutdown
        return CrowdWatch(activity=self.activity, watch=self.watch, slots=slots, shutdown=shutdown)

    async def _show_draining(self) -> None:
        """People see that nothing new is taken. An idle end has already said so."""
        p = self.ports
        try:
            snapshot = await self.watch.own_snapshot()
            await p.run_blocking(p.mailbox.set_status, snapshot, SessionStatus.DRAINING, SessionStatus.SERVING)
        except Exception as err:
            log.warning("status: %r", err)

    async def _note_busy(self) -> None:
        """For the receipt: what the GPU was paid for without answering anybody. A machine that is lost says nothing."""
        p = self.ports
        try:
            await p.run_blocking(p.mailbox.note_busy, await self.watch.own_snapshot(), self.activity.busy_s)
        except Exception as err:
            log.warning("busy seconds: %r", err)

    async def _drain(self, work: "list[asyncio.Task[None]]") -> None:
        """Lets work in flight end, as long as the ending allows; then has it handed back."""
        p = self.ports
        limit = p.settings.max_life_margin_s / 2 if p.shutdown.ending is MAX_LIFE else p.timings.drain
        drained, handing_back = asyncio.gather(*work), asyncio.create_task(p.shutdown.hand_back.wait())
        await first_of(drained, handing_back, timeout=limit)
        p.shutdown.hand_back.set()
        await first_of(drained, timeout=p.timings.hand_back)
        await stop(drained, handing_back)


def _price(settings: WorkerSettings) -> TokenPrice | None:
    """Of Bedrock, where it answers chats while no GPU is on."""
    model = settings.chat_bedrock_model_id
    return bedrock_price(model, settings.aws_default_region) if model else None
