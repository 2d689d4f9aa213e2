"""A run, which is one life of the container; and a job, which is what one request wants of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

RUN = "run"  # begins the ids of runs
SOUNDS = "audio/"  # the folder of the data bucket that holds a job's recording or sound, for minutes
PICTURES = "pictures/"  # likewise, its picture


TRY_ELSEWHERE = 75  # a task's exit code (EX_TEMPFAIL of sysexits.h): it is not its image that is the matter
READY_S = 240  # what the state machine gives a task to get ready, on Spot and then elsewhere
ENDING_S = 240  # its own timer, its grace, and whoever stops it


def longest_life(max_seconds: int) -> timedelta:
    """From a task's start until it is gone, by the reaper at the latest, and of a run from its claim to its close."""
    return timedelta(seconds=2 * READY_S + max_seconds + ENDING_S)


class RunPhase(StrEnum):
    STARTING = "starting"
    SERVING = "serving"  # its task has said that it is ready


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRun:
    """`token`: what the state machine waits for just now, empty before it waits. `task_arn`: of the newest task."""

    run_id: str
    phase: RunPhase = RunPhase.STARTING
    token: str = ""
    task_arn: str = ""

    @property
    def started_at(self) -> datetime:
        return started_at(self.run_id)


@dataclass(frozen=True, slots=True)
class StartRefusal:
    """Why a run did not get ready, for people. `until`: nobody starts another one before."""

    message: str
    until: datetime


def started_at(run_id: str) -> datetime:
    """Ids begin with their time.

    >>> started_at("run_019b76daa8000123456789abcdef").isoformat()
    '2026-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(int(run_id.removeprefix(f"{RUN}_")[:12], 16) / 1000, UTC)


class JobKind(StrEnum):
    """What a task can do: its table of handlers has one for each."""

    TEXT_TO_SPEECH = "text_to_speech"
    SPEECH_TO_TEXT = "speech_to_text"
    READ_IMAGE = "read_image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`request`: JSON, whose fields are its handler's. `deadline`: after it nobody waits for it."""

    job_id: str
    kind: JobKind
    request: str
    deadline: datetime

    @property
    def sound_key(self) -> str:
        """In the data bucket: what is listened to, or what was read aloud."""
        return f"{SOUNDS}{self.job_id}"

    @property
    def picture_key(self) -> str:
        """Likewise: what is read."""
        return f"{PICTURES}{self.job_id}"


class JobError(StrEnum):
    NONE = ""
    REJECTED = "rejected"  # no engine will ever do it
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JobEnd:
    """`answer`: JSON, of the handler; or an error and its words."""

    answer: str = ""
    error: JobError = JobError.NONE
    message: str = ""
