"""The loop of a task: jobs from the queue, so many at a time, each ended once, until it is idle or told to end.

A job's message is deleted when the job has an end in the table, never before: what dies with the task comes again to
the next one, and what comes twice finds that it is over.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from foreverus.abilities.containers.jobs import Jobs
from foreverus.abilities.containers.records import JobEnd, JobError, JobKind
from foreverus.abilities.task.ending import TaskEnding, TaskOutcome
from foreverus.abilities.task.handlers import Handler
from foreverus.abilities.task.programs import HandedBack
from foreverus.abilities.task.settings import DRAIN_S, RECEIVE_S, VISIBILITY_S
from foreverus.aws.sqs import Delivery, Queue
from foreverus.errors import PromptRejected

MOST_SHOWN = 300

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class TaskServing:
    queue: Queue
    jobs: Jobs
    handlers: Mapping[JobKind, Handler]
    ending: TaskEnding
    slots: int
    idle_s: float
    longest_s: float
    clock: Callable[[], float] = time.monotonic
    _in_hand: dict["Future[None]", Delivery] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> TaskOutcome:
        begun = last = self.clock()
        idle_s = max(self.idle_s, VISIBILITY_S + RECEIVE_S)  # somebody waits: a task that was lost may hold the work
        with ThreadPoolExecutor(self.slots, thread_name_prefix="job") as pool:
            while self.ending.why is None:
                self._settle(RECEIVE_S if len(self._in_hand) == self.slots else 0.0)
                self._receive(pool)
                if self._in_hand:
                    last, idle_s = self.clock(), self.idle_s
                if self.clock() - begun >= self.longest_s:
                    self.ending.begin(TaskOutcome.LIFE)
                elif not self._in_hand and self.clock() - last >= idle_s:
                    self.ending.begin(TaskOutcome.IDLE)
            self._settle(DRAIN_S, all_of_them=True)
        assert self.ending.why is not None
        return self.ending.why

    def keep(self) -> None:
        """What is in hand stays so for a while. For another thread."""
        with self._lock:
            deliveries = list(self._in_hand.values())
        if deliveries:
            self.queue.hide(deliveries, VISIBILITY_S)

    def _receive(self, pool: ThreadPoolExecutor) -> None:
        free = self.slots - len(self._in_hand)
        if not free:
            return
        deliveries = self.queue.receive(free, RECEIVE_S)
        if self.ending.why is not None:
            self.queue.hide(deliveries, 0)
            return
        with self._lock:
            for one in deliveries:
                self._in_hand[pool.submit(self._work, one)] = one

    def _settle(self, seconds: float, all_of_them: bool = False) -> None:
        deadline = self.clock() + seconds
        while self._in_hand:
            done, _ = wait(self._in_hand, max(0.0, deadline - self.clock()), FIRST_COMPLETED)
            with self._lock:
                for one in done:
                    del self._in_hand[one]
            if not all_of_them or not done:
                return

    def _work(self, delivery: Delivery) -> None:
        try:
            self._end(str(json.loads(delivery.body)["job_id"]))
            self.queue.delete(delivery)
        except HandedBack:
            self.queue.hide([delivery], 0)
        except Exception:  # it comes again when its visibility ends, three times in all
            log.exception("a job could not be worked on")

    def _end(self, job_id: str) -> None:
        job = self.jobs.open_job(job_id)
        if job is None:
            return
        try:
            end = JobEnd(self.handlers[job.kind](job))
        except HandedBack:
            raise
        except PromptRejected as err:
            end = JobEnd(error=JobError.REJECTED, message=str(err)[:MOST_SHOWN])
        except Exception as err:
            log.exception("the job %s failed", job_id)
            end = JobEnd(error=JobError.FAILED, message=str(err)[:MOST_SHOWN])
        if not self.jobs.end(job_id, end):
            log.info("nobody waits for the job %s any more, or it was ended before", job_id)
