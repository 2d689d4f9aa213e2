"""A batch's round on Bedrock: what is left is answered, many lines at once, until it is done or time is up."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from foreverus import ids, tracing
from foreverus.aws.s3 import Objects
from foreverus.backends.limiter import Limiter
from foreverus.backends.port import Backend
from foreverus.batches.cost import bedrock_guard_usd
from foreverus.batches.execution_error import ExecutionError
from foreverus.batches.records import Batch, BatchRef, Shard
from foreverus.batches.shards.images import NO_IMAGES, LineBackends
from foreverus.batches.shards.lookahead import Ahead, LookAhead
from foreverus.batches.shards.resources import ShardJob, ShardResources, in_round
from foreverus.batches.shards.results import BEDROCK
from foreverus.batches.shards.rounds import BegunRound, RoundAnswer, Rounds
from foreverus.batches.shards.run import LAST_WRITES_S, ShardRun, StopReason
from foreverus.batches.store import Batches
from foreverus.concurrency import RunBlocking, first_of, stop
from foreverus.costs.allowance import Allowance
from foreverus.costs.meter import month_of
from foreverus.costs.prices import TokenPrice
from foreverus.costs.purse import Purse
from foreverus.errors import EngineBusy
from foreverus.metrics import SILENT, Metrics

log = logging.getLogger(__name__)

LAST_ANSWERS_S = 40.0  # for lines in flight when the time is up: what is cut off is paid for all the same
BUSY_PATIENCE_S = 120.0  # refused for so long without one answer: waiting is the state machine's business, and free
LONGEST_CAUSE = 1000  # characters
LAST_S = LAST_ANSWERS_S + LAST_WRITES_S + 5.0  # after a round's time, until it is over at the latest
LOOK_AGAIN_S = 2.0  # after a round that another call of the function works on


@dataclass(frozen=True, kw_only=True)
class OnBedrock:
    """`calls_at_once`: the most that may be in flight. `images`: how lines that show some are answered."""

    store: Batches
    rounds: Rounds
    objects: Objects
    backend: Backend
    purse: Purse
    price: TokenPrice
    calls_at_once: int
    clock: Callable[[], datetime]
    run_blocking: RunBlocking = asyncio.to_thread
    metrics: Metrics = SILENT
    images: LineBackends = NO_IMAGES

    def run(self, ref: BatchRef, round_: int, seconds: float) -> RoundAnswer:
        """Answers for `seconds` at most, not beyond the batch's window, and then up to 45 more for what is in flight.

        The answer has an error when Bedrock cannot go on (BackendUnavailable, EngineBusy), when what was reserved for
        the round is used up (SpendCapReached), or when something else failed. Where another call has begun the round,
        nothing is asked of Bedrock: this one answers when that one is over, and as it.
        """
        return asyncio.run(self.answer(ref, round_, seconds))

    async def answer(self, ref: BatchRef, round_: int, seconds: float) -> RoundAnswer:
        batch, shards = await asyncio.gather(
            self.run_blocking(self.store.get, ref), self.run_blocking(self.store.shards, ref.batch_id)
        )
        left = [one for one in shards if not one.is_done]
        if batch is None or not in_round(batch, round_) or not left:
            return RoundAnswer(sum(map(_unfinished, shards)))
        now = self.clock()
        begun = BegunRound(secrets.token_hex(8), ids.timestamp(now + timedelta(seconds=seconds + LAST_S)))
        if not await self.run_blocking(self.rounds.begin, ref, round_, begun, now):
            return await self._as_another(ref, round_, seconds + LAST_S)
        answer = await self._answer(batch, round_, shards, seconds)
        await self.run_blocking(self._note, ref, round_, answer)
        return answer

    async def _answer(self, batch: Batch, round_: int, shards: Sequence[Shard], seconds: float) -> RoundAnswer:
        left = sorted((one for one in shards if not one.is_done), key=lambda one: -one.completion_tokens_limit)
        jobs = [ShardJob(batch.ref, round_, one, batch.input_key) for one in left]
        window = (ids.parse_timestamp(batch.expires_at) - self.clock()).total_seconds()
        reserved = await self.run_blocking(self.purse.reservation, month_of(batch.created_at), batch.batch_id)
        left_usd = float(reserved.usd if reserved else 0) - bedrock_guard_usd(shards, self.price, self.images.sight)[0]
        error = await _Round(self, jobs, Allowance(left_usd)).run(max(0.0, min(seconds, window)))
        shards = await self.run_blocking(self.store.shards, batch.batch_id)
        await self.run_blocking(self._free, batch, shards)
        left_over = sum(map(_unfinished, shards))
        if error is None:
            return RoundAnswer(left_over)
        log.warning("%s on Bedrock: %r", batch.batch_id, error)
        return RoundAnswer(left_over, ExecutionError(type(error).__name__, str(error)[:LONGEST_CAUSE]))

    async def _as_another(self, ref: BatchRef, round_: int, longest: float) -> RoundAnswer:
        """What the call that has begun the round answers; of one that was cut off, what it has left. `longest`: seconds
        that this one has."""
        log.warning("%s: another call answers round %s on Bedrock", ref.batch_id, round_)
        until = ids.timestamp(self.clock() + timedelta(seconds=longest))
        while (now := ids.timestamp(self.clock())) < until:
            begun = await self.run_blocking(self.rounds.get, ref, round_)
            if begun is not None and begun.answer is not None:
                return begun.answer
            if begun is None or begun.until <= now:
                break
            await asyncio.sleep(LOOK_AGAIN_S)
        return RoundAnswer(sum(map(_unfinished, await self.run_blocking(self.store.shards, ref.batch_id))))

    def _note(self, ref: BatchRef, round_: int, answer: RoundAnswer) -> None:
        """For a second call. Where this fails, that one waits until the round is over at the latest."""
        try:
            self.rounds.end(ref, round_, answer)
        except Exception:
            log.exception("%s: what round %s has answered is noted nowhere", ref.batch_id, round_)

    def _free(self, batch: Batch, shards: Sequence[Shard]) -> None:
        """What the round has not spent. Where this fails, the next plan does it, or the batch's end."""
        try:
            spent, _ = bedrock_guard_usd(shards, self.price, self.images.sight)
            self.purse.shrink(month_of(batch.created_at), batch.batch_id, spent, batch.expires_at)
        except Exception:
            log.exception("%s holds what its round has not spent", batch.batch_id)


class _Round:
    def __init__(self, on: OnBedrock, jobs: list[ShardJob], allowance: Allowance):
        self.jobs = jobs
        self.limiter = Limiter(on.calls_at_once)
        self.look = LookAhead(on.calls_at_once)
        self.resources = ShardResources(
            answered_by=BEDROCK,
            backend=on.images.within(on.backend, on.price, allowance),
            said_of=on.images.said_of,
            admission=self.limiter,
            backend_lives=_lives,
            batches=on.store,
            objects=on.objects,
            run_blocking=on.run_blocking,
            clock=on.clock,
            slots=on.calls_at_once,
            metrics=on.metrics,
        )
        self.runs: list[ShardRun] = []
        self.closed = False  # no shard is begun any more
        self.error: BaseException | None = None
        self.over = asyncio.Event()  # an error, or the batch has moved on

    async def run(self, seconds: float) -> BaseException | None:
        """Returns what kept it from going on."""
        feeding, over, patience = (
            asyncio.create_task(work) for work in (self._feed(), self.over.wait(), self._watch_patience())
        )
        try:
            await first_of(feeding, over, timeout=seconds)
            self.closed = True
            for run in self.runs:
                run.stop(StopReason.TIME_UP)
            if not feeding.done() and not self.over.is_set():
                await first_of(feeding, over, timeout=LAST_ANSWERS_S)
            for run in self.runs:
                run.stop(StopReason.HANDED_BACK)
            await first_of(feeding, timeout=LAST_WRITES_S + 1)
            if feeding.done():
                feeding.result()
            return self.error
        finally:
            await stop(feeding, over, patience)

    async def _feed(self) -> None:
        """Runs every shard; the next one begins when the lines of those before do not fill the calls any more."""
        async with asyncio.TaskGroup() as group:
            for job in self.jobs:
                await self.look.wait_until_free()
                if self.closed or self.over.is_set():
                    break
                group.create_task(self._run(job, self.look.reserve()))

    async def _run(self, job: ShardJob, ahead: Ahead) -> None:
        run = ShardRun(self.resources, job, ahead)
        self.runs.append(run)
        try:
            with tracing.step("shard", backend="bedrock"):
                reason = await run.run()
            if reason is StopReason.SUPERSEDED:
                self.over.set()
        except Exception as err:
            self.error = self.error or err
            self.over.set()
        finally:
            ahead.release()

    async def _watch_patience(self) -> None:
        while True:
            await asyncio.sleep(1)
            since = self.limiter.refused_since
            if since is not None and asyncio.get_running_loop().time() - since > BUSY_PATIENCE_S:
                said = f"Every line was refused for {BUSY_PATIENCE_S:.0f} s: {self.limiter.refusal}"
                self.error = self.error or EngineBusy(said)
                self.over.set()
                return


async def _lives(suspicion: str) -> bool:
    """A call that failed says nothing about the next."""
    return True


def _unfinished(shard: Shard) -> int:
    return 0 if shard.is_done else shard.lines - shard.finished
