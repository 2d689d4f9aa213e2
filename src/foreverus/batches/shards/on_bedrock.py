"""A batch's round on Bedrock: what is left is answered, many lines at once, until it is done or time is up."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from foreverus import ids
from foreverus.aws.s3 import Objects
from foreverus.backends.limiter import Limiter
from foreverus.backends.port import Backend
from foreverus.batches.cost import bedrock_guard_usd
from foreverus.batches.execution_error import ExecutionError
from foreverus.batches.records import Batch, BatchRef, Shard
from foreverus.batches.shards.lookahead import Ahead, LookAhead
from foreverus.batches.shards.resources import ShardJob, ShardResources, in_round
from foreverus.batches.shards.results import BEDROCK
from foreverus.batches.shards.run import LAST_WRITES_S, ShardRun, StopReason
from foreverus.batches.store import Batches
from foreverus.concurrency import RunBlocking, first_of, stop
from foreverus.costs.allowance import Allowance
from foreverus.costs.meter import month_of
from foreverus.costs.paid_backend import PaidBackend
from foreverus.costs.prices import TokenPrice
from foreverus.costs.purse import Purse
from foreverus.errors import EngineBusy

log = logging.getLogger(__name__)

LAST_ANSWERS_S = 40.0  # for lines in flight when the time is up: what is cut off is paid for all the same
BUSY_PATIENCE_S = 120.0  # refused for so long without one answer: waiting is the state machine's business, and free
LONGEST_CAUSE = 1000  # characters


@dataclass(frozen=True, slots=True)
class RoundAnswer:
    """`left`: lines without a result. `error`: why it did not go on."""

    left: int
    error: ExecutionError | None = None

    def as_json(self) -> dict[str, object]:
        """As the state machine reads it: `{"left"}` or `{"left", "error": {"Error", "Cause"}}`."""
        error = {} if self.error is None else {"error": {"Error": self.error.name, "Cause": self.error.cause}}
        return {"left": self.left, **error}


@dataclass(frozen=True, kw_only=True)
class OnBedrock:
    """`calls_at_once`: the most that may be in flight."""

    store: Batches
    objects: Objects
    backend: Backend
    purse: Purse
    price: TokenPrice
    calls_at_once: int
    clock: Callable[[], datetime]
    run_blocking: RunBlocking = asyncio.to_thread

    def run(self, ref: BatchRef, round_: int, seconds: float) -> RoundAnswer:
        """Answers for `seconds` at most, not beyond the batch's window, and then up to 45 more for what is in flight.

        The answer has an error when Bedrock cannot go on (BackendUnavailable, EngineBusy), when what was reserved for
        the round is used up (SpendCapReached), or when something else failed.
        """
        return asyncio.run(self.answer(ref, round_, seconds))

    async def answer(self, ref: BatchRef, round_: int, seconds: float) -> RoundAnswer:
        batch, shards = await asyncio.gather(
            self.run_blocking(self.store.get, ref), self.run_blocking(self.store.shards, ref.batch_id)
        )
        left = [one for one in shards if not one.is_done]
        error: BaseException | None = None
        if batch is not None and in_round(batch, round_) and left:
            left.sort(key=lambda one: one.completion_tokens_limit, reverse=True)
            jobs = [ShardJob(ref, round_, one, batch.input_key) for one in left]
            window = (ids.parse_timestamp(batch.expires_at) - self.clock()).total_seconds()
            reserved = await self.run_blocking(self.purse.reservation, month_of(batch.created_at), ref.batch_id)
            left_usd = float(reserved.usd if reserved else 0) - bedrock_guard_usd(shards, self.price)[0]
            error = await _Round(self, jobs, Allowance(left_usd)).run(max(0.0, min(seconds, window)))
            shards = await self.run_blocking(self.store.shards, ref.batch_id)
            await self.run_blocking(self._free, batch, shards)
        left_over = sum(_unfinished(one) for one in shards)
        if error is None:
            return RoundAnswer(left_over)
        log.warning("%s on Bedrock: %r", ref.batch_id, error)
        return RoundAnswer(left_over, ExecutionError(type(error).__name__, str(error)[:LONGEST_CAUSE]))

    def _free(self, batch: Batch, shards: Sequence[Shard]) -> None:
        """What the round has not spent. Where this fails, the next plan does it, or the batch's end."""
        try:
            spent, _ = bedrock_guard_usd(shards, self.price)
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
            backend=PaidBackend(on.backend, on.price, allowance),
            admission=self.limiter,
            backend_lives=_lives,
            batches=on.store,
            objects=on.objects,
            run_blocking=on.run_blocking,
            clock=on.clock,
            slots=on.calls_at_once,
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
            if await run.run() is StopReason.SUPERSEDED:
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
                self.error = self.error or EngineBusy(f"Bedrock has refused every call for {BUSY_PATIENCE_S:.0f} s.")
                self.over.set()
                return


async def _lives(suspicion: str) -> bool:
    """A call that failed says nothing about the next."""
    return True


def _unfinished(shard: Shard) -> int:
    return 0 if shard.is_done else shard.lines - shard.finished
