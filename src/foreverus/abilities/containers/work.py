"""A job's way through our own container, as whoever asked for it sees it: a run is on or is started, the job is put and
waited for, and taken away however it ends.

Whoever waits looks whether a run is on from time to time, and starts another where the one before it was taken away: so
nothing has to hand work on from one run to the next.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from foreverus.abilities.containers.jobs import Jobs
from foreverus.abilities.containers.records import ContainerRun, Job, JobEnd, JobError, JobKind, RunPhase
from foreverus.aws.withdrawn import as_error
from foreverus.choice.request import images_off
from foreverus.concurrency import RunBlocking
from foreverus.errors import ContainerStarting, EngineFailed, NotFound, PromptRejected, RequestRejected

LONGEST_S = 270.0  # API Gateway ends a stream that says nothing after 300
COLD_S = 45.0  # then a client is told to come again: its own patience may be shorter than an image's download
AGAIN_S = 30  # until a container that is starting should be ready
FIRST_LOOK_S, LOOKS_S, LONGER = 0.1, 1.0, 1.3  # seconds between two looks: at first, at most, and how they grow
RUN_LOOKS_S = 2.0


VOICE_OFF = "Voice was switched off by a deployment while this was waited for. Nothing of it was kept."


def off(kind: JobKind) -> RequestRejected:
    """What whoever waits is told where a deployment has taken it away: as one that never had it says."""
    return images_off("messages") if kind is JobKind.READ_IMAGE else NotFound(VOICE_OFF, "model", "voice_off")


def while_on(kind: JobKind) -> AbstractContextManager[None]:
    """Around every call for such a job: what AWS refuses is `off`, because rights go first when a deployment
    switches it off."""
    return as_error(off(kind))


class Starter(Protocol):
    def ensure(self) -> ContainerRun: ...


class JobQueue(Protocol):
    def send(self, messages: Sequence[Mapping[str, object]]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class ContainerWork:
    """`longest_s`: how long a job is waited for; `cold_s`: while no run is ready."""

    jobs: Jobs
    queue: JobQueue
    starter: Starter
    clock: Callable[[], datetime]
    longest_s: float = LONGEST_S
    cold_s: float = COLD_S
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    run_blocking: RunBlocking = asyncio.to_thread

    def job(self, job_id: str, kind: JobKind, request: Mapping[str, object]) -> Job:
        deadline = self.clock() + timedelta(seconds=self.longest_s)
        return Job(job_id=job_id, kind=kind, request=json.dumps(request), deadline=deadline)

    async def done(self, job: Job) -> str:
        """Its answer. Raises ContainerStarting (no run is ready, one is), ContainerCannotStart, SpendCapReached,
        NotAccepted, PromptRejected and EngineFailed."""
        try:
            await self.run_blocking(self._offer, job)
            return _answer(await self._end(job))
        finally:
            await asyncio.shield(self.run_blocking(self.jobs.forget, job.job_id))

    def _offer(self, job: Job) -> None:
        self.starter.ensure()  # first: where nothing may be spent, nothing is put
        self.jobs.put(job)
        self.queue.send([{"job_id": job.job_id}])

    async def _end(self, job: Job) -> JobEnd:
        begun, waited, pause, looked, served = time.monotonic(), 0.0, FIRST_LOOK_S, 0.0, False
        while waited < self.longest_s:
            await self.sleep(pause)
            waited = max(waited + pause, time.monotonic() - begun)  # looking takes its time too
            pause = min(LOOKS_S, pause * LONGER)
            if end := await self.run_blocking(self.jobs.end_of, job.job_id):
                return end
            if waited - looked < RUN_LOOKS_S:
                continue
            looked = waited
            run = await self.run_blocking(self.starter.ensure)
            served = served or run.phase is RunPhase.SERVING
            if not served and waited >= self.cold_s:
                message = f"The container that does this is starting. Try again in {AGAIN_S} seconds."
                raise ContainerStarting(message, AGAIN_S)
        raise EngineFailed(f"Our container has not answered for {self.longest_s:.0f} s.")


def _answer(end: JobEnd) -> str:
    if end.error is JobError.REJECTED:
        raise PromptRejected(end.message)
    if end.error is JobError.FAILED:
        raise EngineFailed(end.message)
    return end.answer
