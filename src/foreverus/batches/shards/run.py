"""One shard on any backend: its lines are read, answered, settled as they end, and taken up by whoever comes next.

Everything that is settled is in the table, so a run may be cut anywhere: the next one asks only what has no answer yet.
"""

import asyncio
import logging
from enum import Enum
from functools import partial
from typing import Any

from foreverus.backends.port import Completion
from foreverus.batches.input.lines import Line, estimate_prompt, read_shard
from foreverus.batches.shards.group_commit import GroupCommit
from foreverus.batches.shards.lookahead import Ahead
from foreverus.batches.shards.resources import Crew, Job, in_round
from foreverus.batches.shards.results import BEDROCK, Totals, answered, failed
from foreverus.concurrency import first_of, stop
from foreverus.errors import EngineFailed, PromptRejected

Item = dict[str, Any]

log = logging.getLogger(__name__)

PROGRESS_S = 2.0  # also how late a run notices that its batch has moved on
ENGINE_TRIES = 3  # a line that fails so often on an engine that lives is a failed line
TRY_AGAIN_S = 0.2  # doubled with every try
MAX_ENGINES_LOST = 2  # engines that died under one line: it is not asked again
LAST_WRITES_S = 5.0  # for what is finished when a run is stopped
NO_LIMIT_TOKENS = 1 << 20  # longer than any answer that has a limit


class Outcome(Enum):
    DONE = "done"  # every line is settled and the shard is marked
    LEFT = "left"  # stopped before its end
    MOVED_ON = "moved on"  # the batch was cancelled, is over, or is in another round


class ShardRun:
    """`in_engine`: the lines that are being answered now, and since when on the loop's clock."""

    def __init__(self, crew: Crew, job: Job, ahead: Ahead):
        self.crew = crew
        self.job = job
        self.in_engine: dict[int, float] = {}
        self._ahead = ahead
        self._key = (job.ref.batch_id, int(job.shard["shard"]))
        self._lines: dict[int, Line] = {}
        self._totals = Totals()
        self._written = GroupCommit(self._settle, crew.slots, crew.backlog)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._over = asyncio.Event()  # no task is left, or one has failed
        self._closed = False  # nothing is started any more
        self._interrupted: set[int] = set()  # lines that had to leave the engine and wait for it again
        self._accused: set[int] = set()
        self._failure: BaseException | None = None
        self._slot_seconds = 0.0  # in the engine, and in no progress yet
        self._kept = 0  # lines settled, in the newest progress

    async def run(self) -> Outcome:
        """Answers what is left of the shard. Raises what the backend raises beyond a line's own errors
        (BackendUnavailable), and what reading raises; what was finished until then is settled in any case."""
        suspects = await self._read()
        watching, writing = asyncio.create_task(self._watch()), asyncio.create_task(self._written.run())
        over = asyncio.create_task(self._over.wait())
        try:
            self._start(suspects)
            await first_of(over, watching)
            await stop(*self._tasks.values())
            await self._accuse()
            await self._flush(watching)
            moved_on = watching.done()
            await stop(watching)
            return await self._end(moved_on)
        finally:
            try:
                await stop(over, watching, writing, *self._tasks.values())
            finally:
                self._written.close()

    def start_no_more(self) -> None:
        """What is in the engine may end; nothing else is started."""
        self._closed = True
        for number in self._tasks.keys() - self.in_engine.keys():
            self._tasks[number].cancel()
        if not self._tasks:
            self._over.set()

    def give_up(self, line: int) -> None:
        """Takes the line out of the engine; another run asks it again."""
        self._tasks[line].cancel()

    def stop(self, engine_died: bool = False) -> None:
        """Ends the run; `run` settles what is finished and returns. `engine_died`: each line in it may be why."""
        if engine_died:
            self._accused = set(self.in_engine) | self._interrupted
        self._closed = True
        for task in self._tasks.values():
            task.cancel()
        self._over.set()

    async def _read(self) -> dict[int, int]:
        """Reads the lines and what is known of them; returns in how many dead engines each suspect was."""
        c, shard = self.crew, self.job.shard
        known, data = await asyncio.gather(
            c.calls(c.batches.settled, *self._key),
            c.calls(c.objects.read, self.job.input_key, shard["start"], shard["end"]),
        )
        self._lines = {line.number: line for line in read_shard(data, int(shard["first_line"]))}
        for number in known.lines.keys() & self._lines.keys():
            self._totals.add(number, known.lines[number])
        return known.suspects

    def _start(self, suspects: dict[int, int]) -> None:
        """Every line waits for its slot, the longest first: what is long and begins late is what others wait for at the
        end. Suspects come last, one by one: innocent lines are settled before an engine dies again."""
        todo = [line for number, line in self._lines.items() if number not in self._totals.lines]
        for line in todo:
            if suspects.get(line.number, 0) >= MAX_ENGINES_LOST:
                self._written.put(self._failed(line))
        todo = [line for line in todo if suspects.get(line.number, 0) < MAX_ENGINES_LOST]
        todo.sort(key=lambda line: (line.number in suspects, *_longest_first(line)))
        if self._closed:
            todo = []
        self._ahead.holds(len(todo))
        for line in todo:
            task = asyncio.create_task(self._answer(line, line.number in suspects))
            self._tasks[line.number] = task
            task.add_done_callback(partial(self._ended, line.number))
        if not todo:
            self._over.set()

    def _ended(self, number: int, task: "asyncio.Task[None]") -> None:
        self._tasks.pop(number)
        if not task.cancelled() and (error := task.exception()):
            self._failure = self._failure or error
        if self._failure or not self._tasks:
            self._over.set()

    async def _answer(self, line: Line, alone: bool) -> None:
        tries = 0
        started: list[bool] = []
        while True:
            try:
                answer = await self.crew.admission.run(partial(self._ask, line, started), alone)
                item = answered(line, answer, self.crew.by, self.crew.clock())
            except PromptRejected as err:
                item = failed(line, err.reason, str(err), self.crew.by, self.crew.clock())
            except EngineFailed as err:
                tries += 1
                log.warning("line %d of %s: try %d failed: %s", line.number, self._key[0], tries, err)
                if tries < ENGINE_TRIES:
                    await asyncio.sleep(TRY_AGAIN_S * 2**tries)
                    continue
                item = self._failed(line)
            self._written.put(item)
            return

    async def _ask(self, line: Line, started: list[bool]) -> Completion:
        """One call, in a slot. Where it fails, the slot is kept until it is known whether the engine lives: if it does
        not, nobody else is sent into it, and `stop` finds this line in the engine."""
        await self._written.keeps_up()
        if not started:
            started.append(True)
            self._ahead.started()
        began = self.in_engine[line.number] = asyncio.get_running_loop().time()
        self._interrupted.discard(line.number)
        try:
            try:
                return await self.crew.backend.complete(line.prompt)
            finally:
                self._slot_seconds += asyncio.get_running_loop().time() - began
        except EngineFailed as err:
            if not await self.crew.alive(str(err)):
                await asyncio.Event().wait()
            raise
        except asyncio.CancelledError:
            self._interrupted.add(line.number)
            raise
        finally:
            self.in_engine.pop(line.number, None)

    def _failed(self, line: Line) -> Item:
        message = "The model's engine failed each time it was asked this."
        return failed(line, "engine_failed", message, self.crew.by, self.crew.clock())

    async def _accuse(self) -> None:
        """Writes down whose engine died; a line that was in two dead engines is settled here and now."""
        for number in sorted(self._accused):
            try:
                count = await self.crew.calls(self.crew.batches.suspect, *self._key, number)
            except Exception as err:
                log.warning("line %d of %s could not be suspected: %r", number, self._key[0], err)
            else:
                if count >= MAX_ENGINES_LOST:
                    self._written.put(self._failed(self._lines[number]))

    async def _settle(self, items: list[Item]) -> None:
        """Writes a group of finished lines."""
        c = self.crew
        await c.calls(c.batches.settle, *self._key, items, c.clock())
        for item in items:
            self._totals.add(item["line"], item)
        c.settled(items)

    async def _flush(self, watching: "asyncio.Task[None]") -> None:
        """Waits until all that is finished is written; where nobody wants it any more, for a few seconds."""
        flushed = asyncio.create_task(self._written.flush())
        try:
            await first_of(flushed, watching)
            if not flushed.done():
                await first_of(flushed, timeout=LAST_WRITES_S)
        finally:
            await stop(flushed)

    async def _watch(self) -> None:
        """Keeps the shard's progress; returns when the batch has moved on."""
        c = self.crew
        while True:
            await asyncio.sleep(PROGRESS_S)
            try:
                record, _ = await asyncio.gather(c.calls(c.batches.get, self.job.ref), self._keep_progress(False))
                if not in_round(record, self.job.round):
                    return
            except Exception as err:
                log.warning("progress of %s: %r", self._key[0], err)

    async def _end(self, moved_on: bool) -> Outcome:
        """The last progress. That of a whole shard is tried until it is written."""
        done = not moved_on and not self._failure and self._totals.lines == self._lines.keys()
        while True:
            try:
                await self._keep_progress(done)
                break
            except Exception as err:
                log.warning("the end of shard %d of %s: %r", self._key[1], self._key[0], err)
            if not done:
                break
            await asyncio.sleep(PROGRESS_S)
        if self._failure:
            raise self._failure
        return Outcome.MOVED_ON if moved_on else Outcome.DONE if done else Outcome.LEFT

    async def _keep_progress(self, done: bool) -> None:
        settled, spent = len(self._totals.lines), round(self._slot_seconds, 3)
        if settled == self._kept and not spent and not done:
            return
        is_session = self.crew.by != BEDROCK
        progress = self._totals.progress(self.crew.by if is_session else "", spent if is_session else 0.0)
        self._slot_seconds = 0.0  # also when this is cancelled: then the write may have landed
        try:
            await self.crew.calls(self.crew.batches.progress, self.job.ref, self._key[1], progress, done)
        except Exception:
            self._slot_seconds += spent
            raise
        self._kept = settled


def _longest_first(line: Line) -> tuple[int, int]:
    limit = line.prompt.max_tokens
    return -(NO_LIMIT_TOKENS if limit is None else limit), -estimate_prompt(line.prompt)
