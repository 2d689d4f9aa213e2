"""Jobs in the table. Whoever asked puts one, waits for its end and takes it away; a task ends it once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from foreverus import ids
from foreverus.abilities.containers.records import Job, JobEnd, JobError, JobKind
from foreverus.aws.ability_keys import job_key
from foreverus.aws.dynamo import ConditionFailed, Found, Table

KEPT = timedelta(hours=1)  # for what a crash left: DynamoDB takes it away


class Jobs(Protocol):
    """The twin is `MemoryJobs`."""

    def put(self, job: Job) -> None: ...
    def end_of(self, job_id: str) -> JobEnd | None:
        """None: it has not ended."""

    def forget(self, job_id: str) -> None:
        """Nobody waits for it any more."""

    def open_job(self, job_id: str) -> Job | None:
        """None: it has ended, or nobody waits for it."""

    def end(self, job_id: str, end: JobEnd) -> bool:
        """False, and nothing is written: it was ended before, or nobody waits for it."""


class JobStore:
    def __init__(self, items: Table, clock: Callable[[], datetime]):
        self.items = items
        self.clock = clock

    def put(self, job: Job) -> None:
        expires = int((job.deadline + KEPT).timestamp())
        item = {"kind": job.kind.value, "asked": job.request, "deadline": ids.timestamp(job.deadline)}
        self.items.put({**job_key(job.job_id), **item, "expires_at": expires})

    def end_of(self, job_id: str) -> JobEnd | None:
        found = self.items.get(job_key(job_id))
        if found is None or "ended_at" not in found:
            return None
        return JobEnd(found.get("answer", ""), JobError(found.get("error", "")), found.get("message", ""))

    def forget(self, job_id: str) -> None:
        self.items.delete(job_key(job_id))

    def open_job(self, job_id: str) -> Job | None:
        return _open(job_id, self.items.get(job_key(job_id)), self.clock())

    def end(self, job_id: str, end: JobEnd) -> bool:
        values = {":at": ids.timestamp(self.clock()), ":answer": end.answer, ":error": end.error.value}
        try:
            self.items.update(
                job_key(job_id),
                "SET ended_at = :at, answer = :answer, #error = :error, message = :message REMOVE asked",
                {**values, ":message": end.message},
                condition="attribute_exists(pk) AND attribute_not_exists(ended_at)",
                names={"#error": "error"},
            )
        except ConditionFailed:
            return False
        return True


def _open(job_id: str, found: Found, now: datetime) -> Job | None:
    if found is None or "ended_at" in found:
        return None
    deadline = ids.parse_timestamp(found["deadline"])
    if deadline < now:
        return None
    return Job(job_id=job_id, kind=JobKind(found["kind"]), request=found["asked"], deadline=deadline)


class MemoryJobs:
    """Twin of `JobStore`."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.jobs: dict[str, Job] = {}
        self.ends: dict[str, JobEnd] = {}

    def put(self, job: Job) -> None:
        self.jobs[job.job_id] = job

    def end_of(self, job_id: str) -> JobEnd | None:
        return self.ends.get(job_id)

    def forget(self, job_id: str) -> None:
        self.jobs.pop(job_id, None)
        self.ends.pop(job_id, None)

    def open_job(self, job_id: str) -> Job | None:
        job = self.jobs.get(job_id)
        return job if job and job_id not in self.ends and job.deadline >= self.clock() else None

    def end(self, job_id: str, end: JobEnd) -> bool:
        if job_id not in self.jobs or job_id in self.ends:
            return False
        self.ends[job_id] = end
        return True
