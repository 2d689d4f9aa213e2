"""The port that every backend speaks: chat messages in, deltas and usage out.

Its in-memory twin is `backends/memory.py`, the real one for our own engine `backends/openai_http.py`.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Protocol

from foreverus.backends.images import PromptImage
from foreverus.text import beginning

# Of UTF-8. An item of the table has 400 KB at most. 32,768 tokens of prose are half of this; more has only a model that
# repeats a token of many characters without end, such as a line of a table's border.
MOST_ANSWER_BYTES = 300_000
TEXT_MAX_TOKENS = 16  # OpenAI's default for /v1/completions; llama.cpp alone would go on to the end of its context


class BackendName(StrEnum):
    """Who answers a prompt. `AUTO`: whichever is right for it. A stored answer names Bedrock alone: one without a name
    is from a GPU of ours. `SAGEMAKER`: requests of OpenAI's API alone (docs/decisions/0053)."""

    AUTO = "auto"
    GPU = "gpu"
    BEDROCK = "bedrock"
    SAGEMAKER = "sagemaker"


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens of a prompt and of what was written, by all who worked on it."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model wants called. `arguments`: JSON, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolCallPiece:
    """A part of a tool call, in a stream. `index`: which of the answer's calls. `id` and `name` come once, with the
    call's first piece; `arguments` is what is written of them with this one."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


# OpenAI's object of the same name, as the engine wrote it: of a chat `{content: [{token, logprob, …}]}`, of a text
# completion `{tokens, token_logprobs, top_logprobs, text_offset}`.
Logprobs = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Message:
    """`tool_calls`: what an assistant asked for. `tool_call_id`: which of them a tool's message is the result of.
    `images`: what a user shows beside the words."""

    role: str  # system | user | assistant | tool
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    images: tuple[PromptImage, ...] = ()

    @property
    def is_blank(self) -> bool:
        return not self.images and not self.content.strip()


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked. A last message of the assistant is the beginning of the answer: the backend continues it."""

    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    text: str | None = None  # a text completion: `messages` is empty and the backend goes on after this text
    options: Mapping[str, Any] = field(default_factory=dict)  # OpenAI's other parameters by their names: top_p, stop, …

    @property
    def limit(self) -> int | None:
        """The most tokens of the answer; None: as many as the context has room for."""
        return TEXT_MAX_TOKENS if self.max_tokens is None and self.text is not None else self.max_tokens

    @property
    def images(self) -> list[PromptImage]:
        """Of all its messages."""
        return [image for one in self.messages for image in one.images]

    @property
    def continues(self) -> bool:
        return bool(self.messages) and self.messages[-1].role == "assistant" and not self.messages[-1].tool_calls


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of the answer: never the text that the prompt already held. `text` is empty where the piece is of
    a tool call, or half a character with its `logprobs`; the last two are there only where the prompt asks for them."""

    text: str
    tool_calls: tuple[ToolCallPiece, ...] = ()
    logprobs: Logprobs | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of a whole answer. `finish_reason`: `stop`, `length` when it was cut, `tool_calls` when the model
    wants functions called."""

    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer, for work that nobody watches. One of more than MOST_ANSWER_BYTES is cut there."""

    text: str
    finish_reason: str  # stop | length | tool_calls
    prompt_tokens: int
    completion_tokens: int
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: Logprobs | None = None

    def __post_init__(self) -> None:
        text = beginning(self.text, MOST_ANSWER_BYTES)
        if text != self.text:
            object.__setattr__(self, "text", text)
            object.__setattr__(self, "finish_reason", "length")


class Backend(Protocol):
    async def complete(self, prompt: Prompt) -> Completion:
        """The whole answer at once: cheaper than a stream where hundreds are answered side by side.

        Raises what `stream` raises.
        """

    def stream(self, prompt: Prompt) -> AsyncGenerator[Delta | Finished, None]:
        """Yields deltas and then exactly one `Finished`; anything less raises.

        Raises PromptRejected (never answerable: tell the sender), EngineBusy (try again soon) or EngineFailed
        (what was yielded is a part of an answer, not an answer).
        """


class Health(Enum):
    GOOD = "good"
    LOADING = "loading"  # reachable, not ready
    UNREACHABLE = "unreachable"  # nobody listens
    BAD = "bad"  # answers, and says that it is broken


class Engine(Backend, Protocol):
    """A backend that lives and dies beside us."""

    async def health(self) -> Health:
        """How the engine is now; never raises, answers within a few seconds."""

    async def identify(self) -> None:
        """Asks the engine what it is, so that `stream` speaks its dialect. Raises EngineFailed."""

    async def count_tokens(self, prompt: Prompt) -> int | None:
        """How many tokens the prompt has as the engine's template writes it; None where it does not say. Never
        raises."""
