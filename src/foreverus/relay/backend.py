"""A live GPU as a backend: a request is kept and queued, and what the GPU's worker writes of it comes on a line.

The stream is exact, or it ends in an error. A frame that was lost is seen by the next one's offset, and what is missing
is read from the table when the answer is whole. A second attempt, after a lost GPU, is taken only where nothing of the
first one was passed on.

A line may be open and nobody be seen to listen on it: the worker then gives the request up. It is asked once more, on
another socket.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from foreverus import ids
from foreverus.aws.sqs import RequestIds
from foreverus.backends.port import Completion, Delta, Finished, Prompt
from foreverus.backends.whole import completed
from foreverus.choice.request_records import GpuStatus
from foreverus.concurrency import RunBlocking
from foreverus.errors import EngineFailed, GpuFull, ModelLoading
from foreverus.relay.line import Inbox, RelayLine
from foreverus.relay.records import LONGEST_S, GpuRequest, RequestFrame, RequestRef
from foreverus.relay.store import AskedRequests
from foreverus.sessions.gpu_state import GpuState
from foreverus.sessions.records import Session

log = logging.getLogger(__name__)

SILENT_S = 5.0  # without a frame: is the request there, and is there still a GPU?
FULL_RETRY_S = 5  # an answer takes seconds; which one ends next nobody knows

LOST = "The GPU was lost in the middle of the answer."


class Unheard(EngineFailed):
    """The worker could see nobody who listens, and gave the request up."""


class RequestQueue(Protocol):
    def send_request(self, request: RequestIds) -> None: ...


class ServingSessions(Protocol):
    def get(self, session_id: str) -> Session | None: ...
    def request_stop(self, session_id: str, work_id: str) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class GpuRelay:
    """What all requests share. `start`: starts a session for a person, or joins one; raises what `SessionStarter.start`
    does. `crowd`: told when a request finds no free slot, as a chat's message tells it; raises nothing."""

    requests: AskedRequests
    queue: RequestQueue
    sessions: ServingSessions
    look: Callable[[], GpuState]
    start: Callable[[str], object]
    run_blocking: RunBlocking
    clock: Callable[[], datetime]
    crowd: Callable[[], object] = lambda: None

    def backend(self, line: RelayLine, user_id: str, *, starts: bool, state: GpuState | None = None) -> "GpuBackend":
        """For one person's request. `line`: of their credential. `starts`: the request starts a session where there is
        none. `state`: where somebody has just looked."""
        return GpuBackend(self, line, user_id, starts, state)


@dataclass
class _Heard:
    """How much of which attempt was passed on."""

    attempt: int = 0
    deltas: int = 0
    left_by: str = ""  # the session that has handed it back


@dataclass
class GpuBackend:
    """`Backend`. Beside the port's errors it raises ModelLoading, GpuFull, LimitReached, NotAuthenticated and
    SpendCapReached, each before anything was yielded; NotAuthenticated also later, where a key was revoked."""

    relay: GpuRelay
    line: RelayLine
    user_id: str
    starts: bool
    state: GpuState | None = None
    _leaving: set["asyncio.Task[None]"] = field(default_factory=set, init=False)

    async def complete(self, prompt: Prompt) -> Completion:
        """Nothing is passed on before the end, so another GPU may begin anew."""
        deltas: list[Delta] = []
        return await completed(self._ask(prompt, deltas.clear), deltas)

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        async with aclosing(self._ask(prompt, None)) as events:
            async for event in events:
                yield event

    async def _ask(self, prompt: Prompt, anew: Callable[[], None] | None) -> AsyncGenerator[Delta | Finished, None]:
        """`anew`: forgets what was yielded; None where it was passed on."""
        said = False
        try:
            async with aclosing(self._ask_once(prompt, anew)) as events:
                async for event in events:
                    said = True
                    yield event
            return
        except Unheard as err:
            if said and anew is None:
                raise
            log.warning("nobody was seen to listen on %s: %s", self.line.relay_id, err)
        if anew:
            anew()
        self.line.renew(SILENT_S)
        self.state = None  # it is seconds old
        async with aclosing(self._ask_once(prompt, anew)) as events:
            async for event in events:
                yield event

    async def _ask_once(
        self, prompt: Prompt, anew: Callable[[], None] | None
    ) -> AsyncGenerator[Delta | Finished, None]:
        await self._check(await self._run(self.relay.look) if self.state is None else self.state)
        now = self.relay.clock()
        ref = RequestRef(ids.new_id("req", now), self.user_id, self.line.relay_id)
        with self.line.listening(ref.request_id) as inbox:
            is_whole = False
            try:
                created_at, whole = ids.timestamp(now), anew is not None
                request = GpuRequest(ref=ref, prompt=prompt, created_at=created_at, whole=whole)
                await self._run(self.relay.requests.keep, request)
                await self._run(self.relay.queue.send_request, ref)
                async with aclosing(self._events(ref, inbox, anew)) as events:
                    async for event in events:
                        is_whole = isinstance(event, Finished)
                        yield event
            finally:
                await self._leave(ref, is_whole)

    async def _check(self, state: GpuState) -> None:
        """Raises ModelLoading or GpuFull."""
        if state.status is GpuStatus.FULL:
            await self._run(self.relay.crowd)
            message = f"All {state.slots} slots of the GPU are taken. Try again in {FULL_RETRY_S} seconds."
            raise GpuFull(message, FULL_RETRY_S)
        if state.status is not GpuStatus.HEALTHY:
            await self._cold(state)

    async def _cold(self, state: GpuState) -> None:
        """Raises ModelLoading, once a session is started where the request may start one."""
        seconds = state.retry_after_s
        if state.status is GpuStatus.BOOTING:
            raise ModelLoading(f"The GPU is starting. It should answer in about {seconds} seconds.", seconds)
        if not self.starts:
            raise ModelLoading("No GPU is on. Start a session, or let Bedrock answer.", seconds)
        await self._run(self.relay.start, self.user_id)
        message = f"No GPU was on: one is started now, and should answer in about {seconds} seconds."
        raise ModelLoading(message, seconds)

    async def _events(
        self, ref: RequestRef, inbox: Inbox, anew: Callable[[], None] | None
    ) -> AsyncGenerator[Delta | Finished, None]:
        heard, loop = _Heard(), asyncio.get_running_loop()
        until = loop.time() + LONGEST_S
        while True:
            frame = await _next(inbox)
            if frame is None and (frame := await self._kept(ref)):  # it is whole, and its last frame did not come
                self.line.renew(SILENT_S)
            if frame is None:
                if loop.time() > until:
                    raise EngineFailed(f"There was no whole answer within {LONGEST_S / 60:.0f} minutes.")
                await self._check_lives(ref, heard)
                continue
            if frame.attempt > heard.attempt:
                self._begin(heard, frame, anew)
            if frame.attempt < heard.attempt:
                continue
            if frame.end and frame.end.handed_back:
                heard.left_by = frame.session_id
                if heard.deltas and anew is None:
                    raise EngineFailed(LOST)
                continue
            if frame.offset > heard.deltas:  # a frame was lost: what it had is in the table when the answer is whole
                kept = await self._kept(ref) if frame.end else None
                if kept is None:
                    continue
                frame = kept
                if frame.attempt > heard.attempt:
                    self._begin(heard, frame, anew)
            for delta in frame.deltas[heard.deltas - frame.offset :]:
                heard.deltas += 1
                yield delta
            if frame.end:
                if frame.end.failure:
                    raise frame.end.failure.error()
                yield frame.end.finished
                return

    def _begin(self, heard: _Heard, frame: RequestFrame, anew: Callable[[], None] | None) -> None:
        if heard.deltas:
            if anew is None:
                raise EngineFailed(LOST)
            anew()
        heard.attempt, heard.deltas = frame.attempt, 0

    async def _kept(self, ref: RequestRef) -> RequestFrame | None:
        """The whole answer, as the table has it; None while it is written. Raises EngineFailed where it is not there,
        or was too large to be kept."""
        look = await self._run(self.relay.requests.look, ref)
        if look is None:
            raise Unheard("The request was given up: nobody could be seen to listen to it.")
        if look.end is None:
            return None
        if look.deltas is None and not look.end.failure:
            raise EngineFailed("A part of the answer was lost on its way, and it is too large to be kept.")
        return RequestFrame(ref.request_id, look.attempt, look.session_id, 0, look.deltas or (), look.end)

    async def _check_lives(self, ref: RequestRef, heard: _Heard) -> None:
        """Raises EngineFailed or ModelLoading where no GPU has the request and none will. None is bought for a request
        that fails: whoever has switched the GPU off meant that one too. The client's next try may start one."""
        look = await self._run(self.relay.requests.look, ref)
        if look and look.session_id and look.session_id != heard.left_by:
            session = await self._run(self.relay.sessions.get, look.session_id)
            if session and not session.is_over:
                return
        state = await self._run(self.relay.look)
        if heard.deltas and not state.slots:
            raise EngineFailed(LOST)
        if state.status is GpuStatus.NONE:
            raise ModelLoading("The GPU was switched off, or lost, before it came to this request.", 1)

    async def _leave(self, ref: RequestRef, is_whole: bool) -> None:
        """Whatever happens to who asked, nothing goes on for nobody: this is not cut off with it."""
        task = asyncio.create_task(self._erase(ref) if is_whole else self._stop(ref))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        await asyncio.shield(task)

    async def _erase(self, ref: RequestRef) -> None:
        try:
            await self._run(self.relay.requests.erase, ref)
        except Exception as err:  # the sweep does, in fifteen minutes
            log.warning("%s could not be erased: %r", ref.request_id, err)

    async def _stop(self, ref: RequestRef) -> None:
        try:
            if session_id := await self._run(self.relay.requests.withdraw, ref):
                await self._run(self.relay.sessions.request_stop, session_id, ref.request_id)
        except Exception as err:  # its worker sees that nobody listens, in seconds
            log.warning("%s could not be stopped: %r", ref.request_id, err)

    @property
    def _run(self) -> RunBlocking:
        return self.relay.run_blocking


async def _next(inbox: Inbox) -> RequestFrame | None:
    """The next frame; None after a silence. Raises what the line fails with."""
    try:
        async with asyncio.timeout(SILENT_S):
            said = await inbox.get()
    except TimeoutError:
        return None
    if isinstance(said, Exception):
        raise said
    return said
