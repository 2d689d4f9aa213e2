"""What one request of OpenAI's API asks. Pure."""

from dataclasses import dataclass, field

from foreverus.backends.port import BackendName, Prompt
from foreverus.costs.reservations import Reservation
from foreverus.sessions.gpu_state import GpuState


@dataclass(frozen=True, slots=True)
class ChosenBackend:
    """Which backend answers. `gpus`: how the GPUs were when that was chosen, so that nobody looks twice. `spare`:
    another one, which answers where this one turns out not to: nobody has named one, and it is good for it. `reserved`:
    what was set aside for it with the request's place; None: nothing yet."""

    backend: BackendName
    gpus: GpuState
    spare: BackendName | None = None
    reserved: Reservation | None = None


@dataclass(slots=True)
class AnsweredBy:
    """Who answers in the end: known with the first event."""

    backend: BackendName


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """`request_id`: `req_…`, unique. `endpoint`: `/v1/chat/completions` or `/v1/completions`. `model`: who of what the
    deployment serves answers, without a backend. `sees`: who does in its place on Bedrock, where images are shown.
    `backend`: what the asked model's name says of it. `created`: Unix seconds. `credential`: what the caller came with,
    for a GPU's answer comes over a WebSocket of theirs."""

    request_id: str
    endpoint: str
    model: str
    backend: BackendName
    prompt: Prompt
    sees: str = ""
    streams: bool = False
    include_usage: bool = False
    created: int = 0
    credential: str = field(default="", repr=False)
