"""Errors, named by what the caller does next. A class's name is its error name in the state machines.

ForeverUsError
├── RequestRejected          answer the client; never retry
│   ├── InvalidRequest           400  a field is wrong: `param` names it
│   ├── NotAuthenticated         401  no token, or one that is not valid
│   ├── SpendCapReached          402  nothing was started: raise the cap or wait a month; an error of sessions too
│   ├── NotAllowed               403
│   ├── NotFound                 404  not there, or not yours
│   ├── Conflict                 409
│   ├── LimitReached             429  one person's limit: wait as long as it says, or do what it says
│   │   └── GpuFull                  429  each of the GPU's slots is taken: wait a moment
│   └── NotAccepted              503  nothing was kept: send it again
│       ├── ContainerCannotStart     503  our own container: somebody must see to it; of a run, start no other one now
│       └── ModelLoading             503  no GPU is ready: it is in as long as it says
│           └── ContainerStarting        503  likewise our own container
├── PromptRejected           tell the sender; the session lives on
├── EngineError
│   ├── EngineBusy               try again soon, on the same engine
│   │   └── EngineStarting           it was at rest and this has woken it: in minutes, not seconds
│   ├── EngineFailed             this engine is lost: hand work back, end the session
│   └── BackendUnavailable       nobody can answer here until somebody fixes it: choose another backend, or say so
├── TaskLost                 of our own container, before it was ready: start it elsewhere
├── TaskToldToStop           likewise: start nothing, whoever waits starts the next run
├── SessionError             what a session ends or continues with
│   ├── BootFailed               terminate; relaunch only if work waits
│   ├── BootFailedForGood        terminate, never relaunch: the state machine calls it BootFailed from there on
│   ├── SpotInterrupted          terminate; relaunch if work waits
│   ├── SessionEndRequested      somebody ended it while it was booting: not a failure
│   ├── GpuSwitchedOff           somebody else ended the GPU under a batch: it goes on later, or elsewhere
│   ├── AnotherSessionIsLive     nothing to do: it serves the same queues
│   ├── SessionNotClaimed        nothing was launched: start sessions with POST /v1/sessions
│   ├── ImageNotMade             a bake's: nothing was published, sessions start as before
│   ├── SessionLost              its execution is gone: the reaper closed the session
│   ├── NoGpuCapacity            nothing was launched: try later, or on-demand
│   ├── GpuQuotaExceeded         nothing was launched: raise the quota
│   ├── LaunchNotAuthorized      nothing was launched: fix the role
│   ├── AccountNotVerified       nothing was launched: wait until AWS has verified the account
│   └── LaunchRefused            nothing was launched, and why has no name here; the state machine's for all of these
└── ResultsNotStored         keep the session's record; `store_results` tries again
"""

from collections.abc import Mapping

LONGEST_CLIENT_WAIT_S = 60  # openai-python's `_calculate_retry_timeout`, openai-node's `retryRequest`


class ForeverUsError(Exception):
    """Base of everything that we raise on purpose."""

    @classmethod
    def code(cls) -> str:
        """The error's name as state machines and API clients see it."""
        return cls.__name__


class RequestRejected(ForeverUsError):
    """The request is answered with `status` and OpenAI's error shape."""

    status = 400
    type = "invalid_request_error"

    def __init__(self, message: str, param: str | None = None, code: str | None = None):
        super().__init__(message)
        self.message = message
        self.param = param
        self.reason = code

    def body(self) -> dict[str, dict[str, str | None]]:
        """`{"error": {"message", "type", "param", "code"}}`, as OpenAI's API answers."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.reason}}

    @property
    def headers(self) -> dict[str, str]:
        """What the answer's headers say beside it."""
        return {}


class InvalidRequest(RequestRejected): ...


class NotAuthenticated(RequestRejected):
    status = 401
    type = "authentication_error"


class SpendCapReached(RequestRejected):
    """Of the API it is a refusal; of a session, the name of the error that it or what waited for it ends in."""

    status = 402
    type = "spend_cap_error"

    def __init__(self, message: str):
        super().__init__(message, code="spend_cap_reached")


class NotAllowed(RequestRejected):
    status = 403
    type = "permission_error"


class NotFound(RequestRejected):
    status = 404
    type = "not_found_error"


class Conflict(RequestRejected):
    status = 409
    type = "conflict_error"


class LimitReached(RequestRejected):
    """`retry_after_s`: waiting so long works; None: time alone does not help, the message says what does.

    OpenAI's clients wait as long as `Retry-After` says, up to a minute (from 3.x on two); for a longer one older ones
    put a second. None of them tries again where `x-should-retry` is false.
    """

    status = 429
    type = "rate_limit_error"

    def __init__(self, message: str, code: str, retry_after_s: int | None = None):
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s
        self.more_headers: Mapping[str, str] = {}  # what else is said of the limit

    @property
    def headers(self) -> dict[str, str]:
        after = self.retry_after_s
        waits = {**self.more_headers, **({} if after is None else {"Retry-After": str(after)})}
        return waits if after is not None and after <= LONGEST_CLIENT_WAIT_S else {**waits, "x-should-retry": "false"}


class GpuFull(LimitReached):
    """No slot of a GPU is free, and what waits for one would fill what becomes free."""

    def __init__(self, message: str, retry_after_s: int):
        super().__init__(message, "gpu_full", retry_after_s)


class NotAccepted(RequestRejected):
    """`retry_after_s`: when sending it again is worth the try, where that is known."""

    status = 503
    type = "server_error"

    def __init__(
        self, message: str, param: str | None = None, code: str | None = None, retry_after_s: int | None = None
    ):
        super().__init__(message, param, code)
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}


class ModelLoading(NotAccepted):
    """No GPU answers yet. `retry_after_s`: until one should, as earlier boots took. The header says no more than
    OpenAI's clients wait: at a longer time newer ones do not try again at all."""

    type = "model_loading"

    def __init__(self, message: str, retry_after_s: int, code: str = "model_loading"):
        super().__init__(message, code=code)
        self.retry_after_s: int = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(min(self.retry_after_s, LONGEST_CLIENT_WAIT_S))}


class ContainerStarting(ModelLoading):
    """The container that does this is not ready yet."""

    def __init__(self, message: str, retry_after_s: int):
        super().__init__(message, retry_after_s, code="container_starting")


class ContainerCannotStart(NotAccepted):
    """The container that does this stopped before it was ready, and would again. `retry_after_s`: until it is tried
    again. Clients wait as long or not at all: none of them is to ask every second."""

    def __init__(self, message: str, retry_after_s: int):
        super().__init__(message, code="container_cannot_start", retry_after_s=retry_after_s)

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after_s), "x-should-retry": "false"}


class TaskLost(ForeverUsError):
    """Its machine was taken away, or ECS had none for it."""


class TaskToldToStop(ForeverUsError):
    """By somebody, or by a deployment."""


class PromptRejected(ForeverUsError):
    """The engine will never answer this prompt (too long, malformed). `reason` is a code for programs."""

    def __init__(self, message: str, reason: str = "prompt_rejected"):
        super().__init__(message)
        self.reason = reason


class EngineError(ForeverUsError): ...


class EngineBusy(EngineError): ...


class EngineStarting(EngineBusy): ...


class EngineFailed(EngineError): ...


class ImagesNotFetched(EngineFailed):
    """The prompt's images are there and could not be read just now: nobody was asked."""


class BackendUnavailable(EngineError): ...


class SessionError(ForeverUsError): ...


class BootFailed(SessionError): ...


class BootFailedForGood(BootFailed): ...


class SpotInterrupted(SessionError): ...


class SessionEndRequested(SessionError): ...


class GpuSwitchedOff(SessionError):
    """What a batch's round ends in when somebody else has switched its GPU off."""


class AnotherSessionIsLive(SessionError): ...


class SessionNotClaimed(SessionError):
    """Raised by the state machine alone: an execution that nobody has claimed a session for."""


class ImageNotMade(SessionError):
    """Raised by the state machine of bakes alone: EC2 could not make the image, or took too long."""


class SessionLost(SessionError): ...


class NoGpuCapacity(SessionError): ...


class GpuQuotaExceeded(SessionError): ...


class LaunchNotAuthorized(SessionError): ...


class AccountNotVerified(SessionError): ...


class LaunchRefused(SessionError): ...


class ResultsNotStored(ForeverUsError): ...


# Codes of errors that are failures of ours. What a cap, a limit or a person ended, or no model would answer, is none.
OURS = frozenset(
    [
        *("engine_failed", "backend_failed", "backend_busy", "backend_unavailable", "internal_error"),
        "images_not_fetched",
        *("bedrock_throttled", "bedrock_unavailable", "bedrock_failed", "bedrock_not_called", "message_before_moved"),
    ]
)
WANTED = frozenset(("SpendCapReached", "SessionEndRequested", "GpuSwitchedOff", "StackDeleted"))


def is_failure(code: str) -> bool:
    """Whether an answer that ended so is one that we failed. Sessions' errors have the names of classes.

    >>> [is_failure(code) for code in ("engine_failed", "NoGpuCapacity", "SpendCapReached", "content_filter", "")]
    [True, True, False, False, False]
    """
    return code in OURS or (code[:1].isupper() and code not in WANTED)
