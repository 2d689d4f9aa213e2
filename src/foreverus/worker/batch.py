"""A batch's shards in the worker: the handler of the batch queue's messages."""

import asyncio
import json
import logging
from dataclasses import dataclass

from foreverus import logs
from foreverus.aws.sqs import Delivery
from foreverus.aws.step_functions import TaskRefused, Tasks
from foreverus.batches.records import BatchRef, all_done
from foreverus.batches.shards.lookahead import Ahead
from foreverus.batches.shards.resources import NotInWork, ShardJob, ShardResources, in_round
from foreverus.batches.shards.run import ShardRun, StopReason
from foreverus.concurrency import first_of, stop
from foreverus.errors import EngineFailed
from foreverus.worker.consumer import MessageOutcome
from foreverus.worker.interruption import END_IN_TIME_CHECK_S, line_ends_in_time
from foreverus.worker.lines import LineEngine
from foreverus.worker.shutdown import Shutdown

log = logging.getLogger(__name__)

LAST_WRITES_S = 7.0  # for what a run that is handed back has finished; the message goes back afterwards


@dataclass(frozen=True, slots=True)
class ShardMessage:
    ref: BatchRef
    shard: int
    round: int


@dataclass(frozen=True, kw_only=True)
class ShardAnswering:
    """Answers shards with the engine's slots; says when a batch's last one is done."""

    resources: ShardResources
    engine: LineEngine
    tasks: Tasks
    shutdown: Shutdown

    async def handle(self, delivery: Delivery, ahead: Ahead) -> MessageOutcome:
        """What fails while reading is tried again later: the message comes back, and what was finished stays."""
        message = read_message(delivery.body)
        if message is None:
            log.error("a message that is no shard was dropped: receipt %s…", delivery.receipt[:20])
            return MessageOutcome.DONE
        ref = message.ref
        logs.bind(batch_id=ref.batch_id)
        batch, shards = await asyncio.gather(
            self.resources.run_blocking(self.resources.batches.get, ref),
            self.resources.run_blocking(self.resources.batches.shards, ref.batch_id),
        )
        shard = next((one for one in shards if one.number == message.shard), None)
        if batch is None or shard is None or not in_round(batch, message.round):
            return MessageOutcome.DONE
        if not shard.is_done:
            r = self.resources
            await r.run_blocking(r.batches.worked_on, ref.batch_id, shard.number, r.answered_by)
            job = ShardJob(ref, message.round, shard, batch.input_key)
            try:
                stopped = await self._answer(ShardRun(self.resources, job, ahead))
            except NotInWork as err:
                log.info("%s", err)
                return MessageOutcome.RETRY_LATER
            if stopped is not StopReason.FINISHED:
                return MessageOutcome.DONE if stopped is StopReason.SUPERSEDED else MessageOutcome.HAND_BACK
        await self._tell_if_that_was_all(message)
        return MessageOutcome.DONE

    async def _answer(self, run: ShardRun) -> StopReason:
        work = asyncio.create_task(run.run())
        stopping = asyncio.create_task(self.shutdown.stopping.wait())
        handing_back = asyncio.create_task(self.shutdown.hand_back.wait())
        try:
            await first_of(work, stopping)
            if not work.done():
                run.stop(StopReason.TIME_UP)
            while not work.done() and not handing_back.done():
                if self.shutdown.noticed.is_set():
                    run.give_up(self._cannot_end)
                await first_of(work, handing_back, timeout=END_IN_TIME_CHECK_S)
            if not work.done():
                ending = self.shutdown.ending
                died = ending is not None and ending.error == EngineFailed.code()
                run.stop(StopReason.ENGINE_DIED if died else StopReason.HANDED_BACK)
                await first_of(work, timeout=LAST_WRITES_S)
            return work.result() if work.done() else StopReason.HANDED_BACK
        finally:
            await stop(work, stopping, handing_back)

    def _cannot_end(self, since: float) -> bool:
        now = asyncio.get_running_loop().time()
        return not line_ends_in_time(now - since, self.engine.mean_s, self.shutdown.deadline - now)

    async def _tell_if_that_was_all(self, message: ShardMessage) -> None:
        """Answers the round's token after the last shard. Two workers may both find theirs the last: one is refused.

        A worker that dies before this gets the shard's message delivered to somebody else, who comes here at once.
        """
        shards = await self.resources.run_blocking(self.resources.batches.shards, message.ref.batch_id)
        if not all_done(shards):
            return
        batch = await self.resources.run_blocking(self.resources.batches.get, message.ref)
        if batch is None or not in_round(batch, message.round) or not batch.task_token:
            return
        try:
            await self.resources.run_blocking(self.tasks.succeed, batch.task_token, {"outcome": "done"})
        except TaskRefused as err:
            log.info("the round of %s is over already: %s", message.ref.batch_id, err)


def read_message(body: str) -> ShardMessage | None:
    """The reference in a message's body; None when it is not one."""
    try:
        fields = json.loads(body)
        ref = BatchRef(str(fields["user_id"]), str(fields["batch_id"]))
        return ShardMessage(ref, int(fields["shard"]), int(fields["round"]))
    except (ValueError, LookupError, TypeError):
        return None
