"""A request of a program that a GPU answers. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from foreverus.backends.port import Delta, Finished, Prompt
from foreverus.errors import EngineBusy, EngineError, EngineFailed, ImagesNotFetched, PromptRejected

KEPT = timedelta(minutes=15)  # what a program asked, and its answer: nobody waits longer for one
# Who asks gives up before that, so that nothing is answered that nobody can fetch any more.
LONGEST_S = 840.0
NOT_FETCHED = "images_not_fetched"


@dataclass(frozen=True, slots=True)
class RequestRef:
    """`relay_id`: of the line on which somebody waits for the answer."""

    request_id: str
    user_id: str
    relay_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuRequest:
    """What is asked. `created_at`: ISO 8601. `whole`: nobody reads the answer before its end."""

    ref: RequestRef
    prompt: Prompt
    created_at: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class TakenRequest:
    """A request in a worker's hands. `attempt`: the how manieth time that one took it, from 1."""

    prompt: Prompt
    attempt: int
    created_at: str
    whole: bool = False


class FailureKind(StrEnum):
    """Which error of the port it was."""

    REJECTED = "rejected"
    BUSY = "busy"
    FAILED = "failed"

    @classmethod
    def _missing_(cls, value: object) -> "FailureKind":
        return cls.FAILED


@dataclass(frozen=True, slots=True)
class RequestFailure:
    """Why there is no whole answer. `reason`: a code for programs, of a rejected prompt or of images that could not be
    fetched."""

    kind: FailureKind
    message: str
    reason: str = ""

    @classmethod
    def of(cls, error: PromptRejected | EngineError) -> "RequestFailure":
        if isinstance(error, PromptRejected):
            return cls(FailureKind.REJECTED, str(error), error.reason)
        if isinstance(error, ImagesNotFetched):
            return cls(FailureKind.FAILED, str(error), NOT_FETCHED)
        return cls(FailureKind.BUSY if isinstance(error, EngineBusy) else FailureKind.FAILED, str(error))

    def error(self) -> PromptRejected | EngineError:
        """
        >>> RequestFailure.of(EngineBusy("later")).error()
        EngineBusy('later')
        >>> RequestFailure.of(ImagesNotFetched("not just now")).error()
        ImagesNotFetched('not just now')
        """
        if self.kind is FailureKind.REJECTED:
            return PromptRejected(self.message, self.reason or "prompt_rejected")
        if self.kind is FailureKind.BUSY:
            return EngineBusy(self.message)
        return ImagesNotFetched(self.message) if self.reason == NOT_FETCHED else EngineFailed(self.message)


@dataclass(frozen=True, slots=True)
class RequestEnd:
    """How an attempt ended: in a whole answer, or in `failure`; or it is `handed_back`, for another worker to begin
    anew. The tokens are what it took in either case."""

    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    failure: RequestFailure | None = None
    handed_back: bool = False

    @property
    def finished(self) -> Finished:
        return Finished(self.finish_reason, self.prompt_tokens, self.completion_tokens)


@dataclass(frozen=True, slots=True)
class RequestFrame:
    """A piece of an attempt: `deltas` from the `offset`-th on, and how it ended where these are the last."""

    request_id: str
    attempt: int
    session_id: str
    offset: int
    deltas: Sequence[Delta]
    end: RequestEnd | None = None


@dataclass(frozen=True, slots=True)
class RequestLook:
    """What is kept of a request. `session_id`: who took it last; `end` and `deltas` once it is answered, `deltas` None
    where they were too much to be kept."""

    attempt: int = 0
    session_id: str = ""
    end: RequestEnd | None = None
    deltas: Sequence[Delta] | None = None


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """One that is not erased. `is_over`: it is answered, or in an error."""

    ref: RequestRef
    created_at: str
    is_over: bool
