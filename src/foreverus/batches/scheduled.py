"""What the Scheduler starts: a batch of a named file, or of each new file under a prefix.

Nobody looks on, so people are told of everything that does not start as it should. The Scheduler delivers at least
once: a run is known by its source and its scheduled time.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from foreverus.api.requests import RequestAttempt
from foreverus.aws.s3 import Objects
from foreverus.batches.input.lines import CHAT
from foreverus.batches.records import BatchTrigger
from foreverus.batches.schedule_store import Runs
from foreverus.batches.store import Batches
from foreverus.errors import ForeverUsError
from foreverus.files.records import SCHEDULE_USER
from foreverus.notifications.notification import Notification, Notifier

logger = logging.getLogger(__name__)


class ScheduledBatchNotStarted(ForeverUsError):
    """Some of the run's batches could not be started; delivered again, the run starts those that are missing."""


class Creates(Protocol):
    """`BatchService`."""

    def create(
        self, user_id: str, request: Mapping[str, object], attempt: RequestAttempt, trigger: BatchTrigger
    ) -> dict[str, object]: ...


@dataclass(frozen=True)
class _Input:
    key: str
    etag: str  # empty for a named file: that is a batch at each run
    once: str  # the Idempotency-Key of its batch


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """What came of a run. `batches`: their ids. `skipped`: why none was started; None: nothing was in the way."""

    batches: tuple[str, ...] = ()
    skipped: str | None = None


@dataclass(frozen=True, kw_only=True)
class ScheduledBatches:
    service: Creates
    store: Batches
    objects: Objects
    runs: Runs
    notifier: Notifier
    bucket: str
    clock: Callable[[], datetime]

    def start(
        self,
        source: str,
        scheduled_at: str,
        *,
        overlap: bool = False,
        endpoint: str = CHAT,
        completion_window: str = "24h",
        metadata: dict[str, str] | None = None,
    ) -> ScheduledRun:
        """`source`: a key below `inputs/`, or a prefix that ends with `/`:
        then every object under it that was no batch yet. `overlap`: start although an earlier run's batch is open.

        Every failure is told to people and raised: the Scheduler tries again, and what was started stays one batch.
        """
        asked = {"endpoint": endpoint, "completion_window": completion_window, "metadata": metadata or {}}
        try:
            return self._start(source, scheduled_at, overlap, asked)
        except Exception as err:
            self._tell("a scheduled batch was not started", source, scheduled_at, f"{type(err).__name__}: {err}")
            raise

    def _start(self, source: str, scheduled_at: str, overlap: bool, asked: Mapping[str, object]) -> ScheduledRun:
        run = self.runs.begin(source, scheduled_at, self.clock())
        if run.batches is not None:
            return ScheduledRun(tuple(run.batches))
        if not overlap and (earlier := self._still_open(run.started_at)):
            why = f"Still open: {', '.join(earlier)}. Runs do not overlap unless BatchScheduleOverlap allows it."
            return self._skip(source, scheduled_at, "overlap", why)
        inputs = self._inputs(source, scheduled_at)
        if not inputs:
            why = "There is no new file." if source.endswith("/") else "There is no such file."
            return self._skip(source, scheduled_at, "no_file", why)
        started, failed = [], []
        for one in inputs:
            request = {**asked, "input_file_id": f"s3://{self.bucket}/{one.key}"}
            try:
                batch = self.service.create(SCHEDULE_USER, request, RequestAttempt(one.once), BatchTrigger.SCHEDULE)
                if one.etag:
                    self.runs.note_run(one.key, one.etag, str(batch["id"]))
            except Exception as err:
                logger.exception("%s was not started", one.key)
                failed.append(f"{one.key} ({type(err).__name__}: {err})")
            else:
                started.append(str(batch["id"]))
        if failed:
            raise ScheduledBatchNotStarted(f"{len(started)} started, not started: {'; '.join(failed)}")
        self.runs.end(source, scheduled_at, started)
        return ScheduledRun(tuple(started))

    def _still_open(self, started_at: str) -> list[str]:
        """Scheduled batches of earlier runs that are not over. This run's own are there when it is delivered again."""
        found = []
        for one in self.store.open_batches():
            if one.trigger is BatchTrigger.SCHEDULE and one.created_at < started_at:
                batch = self.store.get(one.ref)
                if batch and not batch.is_over:
                    found.append(one.batch_id)
        return found

    def _inputs(self, source: str, scheduled_at: str) -> list[_Input]:
        if not source.endswith("/"):
            there = self.objects.size(source) is not None
            return [_Input(source, "", f"{scheduled_at}\n{source}")] if there else []
        return [
            _Input(key, etag, f"{key}\n{etag}")
            for key, size, etag in self.objects.list(source)
            if size and not key.endswith("/") and not self.runs.was_run(key, etag)
        ]

    def _skip(self, source: str, scheduled_at: str, skipped: str, why: str) -> ScheduledRun:
        self._tell("a scheduled batch was skipped", source, scheduled_at, why)
        self.runs.end(source, scheduled_at, [])
        return ScheduledRun(skipped=skipped)

    def _tell(self, what: str, source: str, scheduled_at: str, why: str) -> None:
        """The telling that fails does not hide what it is about."""
        message = f"Source:    s3://{self.bucket}/{source}\nScheduled: {scheduled_at}\nReason:    {why}"
        try:
            self.notifier.send(Notification(f"Forever Us: {what}", message))
        except Exception:
            logger.exception("nobody was told: %s, %s", what, why)
