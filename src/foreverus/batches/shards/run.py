"""One shard on any backend, from its first line to the reason why it stops.

Reading (`reading.py`) says what is to be asked. Each line is a task of its own (`answering.py`) that waits for a slot,
asks, and gives its result to the recorder (`recording.py`), which writes in groups. Whoever runs the shard ends it in
one way only: `ShardRun.stop` with a reason; so does the look at the batch that finds it cancelled or in a newer round.

Everything that is finished is in the table, so a run may be cut anywhere: the next one asks only what has no answer
yet.
"""

import asyncio
import logging
from collections.abc import Callable
from enum import IntEnum

from foreverus.batches.shards.answering import LineAnswering
from foreverus.batches.shards.line_tasks import LineTasks
from foreverus.batches.shards.lookahead import Ahead
from foreverus.batches.shards.reading import ShardLines, read_lines
from foreverus.batches.shards.recording import ShardRecorder
from foreverus.batches.shards.resources import ShardJob, ShardResources, in_round
from foreverus.concurrency import first_of, stop

log = logging.getLogger(__name__)

PROGRESS_S = 2.0  # also how late a run notices that its batch has moved on
LAST_WRITES_S = 5.0  # for what is finished when nobody wants it any more


class StopReason(IntEnum):
    """Why a shard stops. A later one of this list replaces an earlier one."""

    TIME_UP = 1  # nothing else is started; what is in the backend may end
    HANDED_BACK = 2  # what is in the backend is cut off: somebody else asks it again
    ENGINE_DIED = 3  # the same, and each line in it may be why
    SUPERSEDED = 4  # the same, and nobody waits: the batch is cancelled, over, or in a newer round
    FINISHED = 5  # every line has its result, and the shard is marked


class ShardRun:
    def __init__(self, resources: ShardResources, job: ShardJob, ahead: Ahead):
        self._resources = resources
        self._job = job
        self._ahead = ahead
        self._recorder = ShardRecorder(resources, job)
        self._tasks = LineTasks()
        self._reason: StopReason | None = None
        self._suspects: set[int] = set()  # lines that the backend may have died of

    async def run(self) -> StopReason:
        """Answers what is left of the shard. Raises what a line raises beyond its own errors (BackendUnavailable,
        NotInWork), and what reading raises; what was finished until then is recorded in any case."""
        known = await read_lines(self._resources, self._job)
        self._recorder.begin_with(known)
        watching, writing = asyncio.create_task(self._watch()), asyncio.create_task(self._recorder.results.run())
        try:
            failure = await self._answer(known)
            for number in sorted(self._suspects):
                await self._recorder.suspect(known.lines[number])
            await self._flush(watching)
            superseded = watching.done()
            await stop(watching)
            whole = not superseded and not failure and self._recorder.has_all(known)
            await self._report_last(whole)
        finally:
            try:
                await stop(watching, writing)
            finally:
                self._recorder.close()
        if failure:
            raise failure
        return StopReason.FINISHED if whole else self._reason or StopReason.HANDED_BACK

    def stop(self, reason: StopReason) -> None:
        """Ends the run; `run` records what is finished and returns."""
        if self._reason is not None and reason <= self._reason:
            return
        self._reason = reason
        if reason is StopReason.TIME_UP:
            return self._tasks.cancel_waiting()
        if reason is StopReason.ENGINE_DIED:
            self._suspects = self._tasks.suspects
        self._tasks.cancel_all()

    def give_up(self, cannot_end: Callable[[float], bool]) -> None:
        """Cuts off the lines of which that is said, by the time when they came into the backend (on the loop's clock);
        another run asks them again."""
        self._tasks.give_up(cannot_end)

    async def _answer(self, known: ShardLines) -> BaseException | None:
        """Returns when no line is left; what a line raises ends them all, and is returned."""
        answering = LineAnswering(self._resources, self._job, self._recorder, self._tasks, self._ahead)
        lines = [] if self._reason else known.to_ask
        self._ahead.holds(line.number for line in lines)
        work = {line.number: answering.answer(line, known.is_suspect(line)) for line in lines}
        return await self._tasks.run({number: asyncio.create_task(answer) for number, answer in work.items()})

    async def _watch(self) -> None:
        """Reports the shard's progress; returns when the batch has moved on."""
        r = self._resources
        while True:
            await asyncio.sleep(PROGRESS_S)
            try:
                record, _ = await asyncio.gather(r.run_blocking(r.batches.get, self._job.ref), self._recorder.report())
            except Exception as err:
                log.warning("progress of %s: %r", self._job, err)
                continue
            if not in_round(record, self._job.round):
                return self.stop(StopReason.SUPERSEDED)

    async def _flush(self, watching: "asyncio.Task[None]") -> None:
        """Waits until all that is finished is written; where nobody wants it any more, for a few seconds."""
        flushed = asyncio.create_task(self._recorder.results.flush())
        try:
            await first_of(flushed, watching)
            if not flushed.done():
                await first_of(flushed, timeout=LAST_WRITES_S)
        finally:
            await stop(flushed)

    async def _report_last(self, whole: bool) -> None:
        """That a shard is whole is written again until it is in the table."""
        while True:
            try:
                return await self._recorder.report(whole)
            except Exception as err:
                log.warning("the end of %s: %r", self._job, err)
            if not whole:
                return
            await asyncio.sleep(PROGRESS_S)
