"""What one request of OpenAI's API asks. Pure."""

from dataclasses import dataclass, field

from foreverus.backends.port import BackendName, Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """`request_id`: `req_…`, unique. `endpoint`: `/v1/chat/completions` or `/v1/completions`. `model`: what the
    deployment serves, without a backend. `backend`: what the asked model's name says of it. `created`: Unix seconds.
    `credential`: what the caller came with, for a GPU's answer comes over a WebSocket of theirs."""

    request_id: str
    endpoint: str
    model: str
    backend: BackendName
    prompt: Prompt
    streams: bool = False
    include_usage: bool = False
    created: int = 0
    credential: str = field(default="", repr=False)
