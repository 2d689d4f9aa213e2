"""Answering one line: a slot, a call, another try where that can help, and a result that is recorded."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from itertools import count

from foreverus import tracing
from foreverus.backends.port import Completion, Prompt
from foreverus.batches.input.lines import Line
from foreverus.batches.records import LineError
from foreverus.batches.shards.line_tasks import LineTasks
from foreverus.batches.shards.lookahead import Ahead
from foreverus.batches.shards.recording import ShardRecorder
from foreverus.batches.shards.resources import ShardJob, ShardResources
from foreverus.batches.shards.results import answered, engine_failed, failed
from foreverus.errors import EngineFailed, PromptRejected

log = logging.getLogger(__name__)

ENGINE_TRIES = 3  # a line that fails so often on an engine that lives is a failed line
TRY_AGAIN_S = 0.2  # doubled with every try


class LineAnswering:
    """Answers the lines of one shard; `tasks` learns which of them are in the backend."""

    def __init__(
        self, resources: ShardResources, job: ShardJob, recorder: ShardRecorder, tasks: LineTasks, ahead: Ahead
    ):
        self._resources = resources
        self._job = job
        self._recorder = recorder
        self._tasks = tasks
        self._ahead = ahead
        self._traced = count(1)

    async def answer(self, line: Line, alone: bool) -> None:
        """Raises what is no line's own error: BackendUnavailable, NotInWork."""
        by, clock = self._resources.answered_by, self._resources.clock
        tries = 0
        while True:
            try:
                answer = await self._resources.admission.run(partial(self._ask, line), alone)
                result = answered(line, answer, by, clock())
            except PromptRejected as err:
                result = failed(line, LineError(err.reason, str(err)), by, clock())
            except EngineFailed as err:
                tries += 1
                log.warning("line %d: try %d failed: %s", line.number, tries, err)
                if tries < ENGINE_TRIES:
                    await asyncio.sleep(TRY_AGAIN_S * 2**tries)
                    continue
                result = engine_failed(line, by, clock(), err)
            if line.prompt.images:
                result = self._resources.said_of(result)
            self._recorder.results.put(result)
            return

    async def _ask(self, line: Line) -> Completion:
        """One call, in a slot, with what it shows: what of that cannot be fetched was never in the backend."""
        await self._recorder.results.keeps_up()
        self._ahead.started(line.number)
        async with AsyncExitStack() as held:
            with self._slot_time():
                prompt = await held.enter_async_context(self._resources.shown(self._job, line))
            return await self._complete(line.number, prompt)

    @contextmanager
    def _slot_time(self) -> Iterator[None]:
        """Counts it: a line costs what it keeps a slot from others."""
        began = asyncio.get_running_loop().time()
        try:
            yield
        finally:
            self._recorder.slot_seconds += asyncio.get_running_loop().time() - began

    async def _complete(self, number: int, prompt: Prompt) -> Completion:
        """Where it fails, the slot is kept until it is known whether the backend lives. If it does not, nobody else is
        sent into it, and the reason that stops the shard finds this line in it."""
        self._tasks.enter_backend(number)
        try:
            with self._slot_time(), tracing.sampled("line", self._traced):
                return await self._resources.backend.complete(prompt)
        except EngineFailed as err:
            if not await self._resources.backend_lives(str(err)):
                await self._tasks.cut.wait()
            raise
        except asyncio.CancelledError:
            self._tasks.interrupted(number)
            raise
        finally:
            self._tasks.leave_backend(number)
