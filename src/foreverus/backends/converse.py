"""What Bedrock's Converse is asked, and what its answers, events and errors mean. Pure.

Converse speaks a narrower language than OpenAI's API, and Mistral 7B Instruct v0.2 behind it an even narrower one. It
takes only turns of user and assistant in alternation, the user's first and last:

- messages of the system (which this model refuses) are folded into the first turn, as the chat template of our own
  engine does it (machine/chat_template.jinja): the model reads the same on both;
- consecutive turns of one speaker are joined, with an empty line between them; blank ones are left out;
- a last message of the assistant is a beginning that we cannot ask to be continued: PromptRejected;
- calls of tools and their results have no words there, with `tools` or without: rejected;
- images stand before the words of their turn, in their order, as blocks of their own;
- a text completion is one turn of the user: the model's chat template is always applied.

Which of OpenAI's parameters it does, which it leaves out and which it must reject is in `parameters.py`: where one
would change the answer and Converse has no word for it, the line is rejected rather than answered in another way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from foreverus.backends.images import PromptImage
from foreverus.backends.parameters import not_on_bedrock
from foreverus.backends.port import Completion, Finished, Message, Prompt
from foreverus.errors import (
    BackendUnavailable,
    EngineBusy,
    EngineError,
    EngineFailed,
    PromptRejected,
)

_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}
_SYSTEM = ("system", "developer")
_FILTERED = ("content_filtered", "guardrail_intervened")
CONTENT_FILTER = "content_filter"  # OpenAI's word, of a finish reason and of an error

_BUSY = (
    "ThrottlingException",
    "TooManyRequestsException",
    "ServiceQuotaExceededException",
    "ModelNotReadyException",
    "ServiceUnavailableException",
)
_UNAVAILABLE = (
    "AccessDeniedException",  # the role, an SCP or the account may not invoke it
    "ResourceNotFoundException",  # no such model in this Region
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "ExpiredTokenException",
)
# ValidationException is one code for three things, and only the message tells them apart. A reworded message costs the
# reason of a PromptRejected, or lets every line of a batch find out for itself that the model's name is wrong.
_TOO_LONG = ("too long", "too many tokens", "maximum context length", "context length", "exceeds the model limit")
_WRONG_MODEL = ("model identifier is invalid", "on-demand throughput", "doesn't support the model")


def unsupported(prompt: Prompt) -> str | None:
    """The first parameter that Converse cannot express, by OpenAI's name; None when it can answer this prompt."""
    if name := not_on_bedrock(prompt.options, prompt.temperature):
        return name
    if any(one.tool_calls or one.role == "tool" for one in prompt.messages):
        return "tools"
    said = [one.role for one in prompt.messages if not one.is_blank]
    return "messages" if prompt.continues or "assistant" in (*said[:1], *said[-1:]) else None


def request(prompt: Prompt, most_tokens: int) -> dict[str, Any]:
    """Converse's parameters but the model's id. `most_tokens`: what the model writes at most. Raises PromptRejected.

    >>> hello = (Message("system", "Be brief."), Message("user", "Hello"))
    >>> request(Prompt(hello, 16, 0.5), 8192)["messages"]
    [{'role': 'user', 'content': [{'text': 'Be brief.\\n\\nHello'}]}]
    """
    if name := unsupported(prompt):
        raise PromptRejected(refusal_of(name, prompt), "unsupported_parameter")
    limit = most_tokens if prompt.limit is None else min(prompt.limit, most_tokens)
    config: dict[str, Any] = {"maxTokens": limit}
    if prompt.temperature is not None:
        config["temperature"] = prompt.temperature
    if prompt.options.get("top_p") is not None:
        config["topP"] = prompt.options["top_p"]
    if stops := _stops(prompt.options.get("stop")):
        config["stopSequences"] = stops
    return {"messages": turns(prompt), "inferenceConfig": config}


def turns(prompt: Prompt) -> list[dict[str, Any]]:
    """The messages in alternation. Raises PromptRejected when there is no user's turn to begin with."""
    messages = (Message("user", prompt.text),) if prompt.text is not None else prompt.messages
    said = [one for one in messages if not one.is_blank]
    system = [one.content.strip() for one in said if one.role in _SYSTEM]
    joined = [_Turn("user", system)] if system else []
    for message in said:
        if message.role in _SYSTEM:
            continue
        is_answer = message.role == "assistant"
        role, text = ("assistant", message.content.strip()) if is_answer else ("user", message.content)
        if not joined or joined[-1].role != role:
            joined.append(_Turn(role))
        joined[-1].texts += [text] if text.strip() else []
        joined[-1].images += message.images
    if not joined or joined[0].role != "user" or joined[-1].role != "user":
        raise PromptRejected("Bedrock needs a message with text of the user, first and last.")
    return [{"role": one.role, "content": one.blocks} for one in joined]


@dataclass
class _Turn:
    role: str
    texts: list[str] = field(default_factory=list)
    images: list[PromptImage] = field(default_factory=list)

    @property
    def blocks(self) -> list[Mapping[str, object]]:
        shown: list[Mapping[str, object]] = [
            {"image": {"format": one.kind.value, "source": {"bytes": one.data}}} for one in self.images
        ]
        return [*shown, {"text": "\n\n".join(self.texts)}] if self.texts else shown


def completion(response: Mapping[str, Any]) -> Completion:
    """Converse's response. Raises EngineFailed for what is not a whole answer, PromptRejected for a filtered one."""
    try:
        blocks = response["output"]["message"]["content"]
        text = "".join(block["text"] for block in blocks if "text" in block)
        stopped, usage = response["stopReason"], response["usage"]
        counts = int(usage["inputTokens"]), int(usage["outputTokens"])
    except (LookupError, TypeError, ValueError) as err:
        raise EngineFailed("Bedrock's answer cannot be read.") from err
    if stopped in _FILTERED:
        raise PromptRejected("Bedrock's content filter stopped the answer.", CONTENT_FILTER)
    if stopped not in _FINISH_REASONS:
        raise EngineFailed(f"Bedrock's answer ended with {stopped}.")
    return Completion(text, _FINISH_REASONS[stopped], *counts)


class ConverseStream:
    """The events of one ConverseStream, in their order. `metadata`, which alone says what is charged, comes last."""

    def __init__(self) -> None:
        self._reason = ""
        self._usage: tuple[int, int] | None = None

    def read(self, event: Mapping[str, Any]) -> str:
        """The text that it adds; empty for the most of them. Raises EngineFailed for what cannot be read."""
        try:
            if "contentBlockDelta" in event:
                return str(event["contentBlockDelta"]["delta"].get("text", ""))
            if "messageStop" in event:
                self._reason = str(event["messageStop"]["stopReason"])
            elif "metadata" in event:
                usage = event["metadata"]["usage"]
                self._usage = int(usage["inputTokens"]), int(usage["outputTokens"])
        except (LookupError, TypeError, ValueError, AttributeError) as err:
            raise EngineFailed("Bedrock's stream cannot be read.") from err
        return ""

    def finished(self) -> Finished:
        """After the last event. A filter's or a guardrail's end is one too, for it is charged: `content_filter`. Raises
        EngineFailed where the stream has no end, or does not say what was used."""
        if not self._reason:
            raise EngineFailed("Bedrock's stream broke off before its end.")
        reason = CONTENT_FILTER if self._reason in _FILTERED else _FINISH_REASONS.get(self._reason)
        if reason is None:
            raise EngineFailed(f"Bedrock's answer ended with {self._reason}.")
        if self._usage is None:
            raise EngineFailed("Bedrock's stream does not say how many tokens were used.")
        return Finished(reason, *self._usage)


def refusal_in_stream(code: str, message: str) -> EngineError | PromptRejected:
    """What an exception event means. Its name begins with a small letter, and no status of it means anything.

    >>> type(refusal_in_stream("throttlingException", "")).__name__
    'EngineBusy'
    >>> type(refusal_in_stream("modelStreamErrorException", "")).__name__
    'EngineFailed'
    """
    return refusal(code[:1].upper() + code[1:], 0, message)


def refusal(code: str, status: int, message: str) -> EngineError | PromptRejected:
    """What an error of Converse means for the caller."""
    said = f"Bedrock answered {code}: {message}"[:500]
    words = message.lower()
    if code in _BUSY:
        return EngineBusy(said)
    if code in _UNAVAILABLE or (code == "ValidationException" and any(sign in words for sign in _WRONG_MODEL)):
        return BackendUnavailable(said)
    if code == "ValidationException":
        if any(sign in words for sign in _TOO_LONG):
            return PromptRejected("The prompt is longer than the model's context.", "context_length_exceeded")
        return PromptRejected(said)
    if status in (429, 503):
        return EngineBusy(said)
    if status in (400, 413):
        return PromptRejected(said)
    return BackendUnavailable(said) if status in (401, 403, 404) else EngineFailed(said)


def _stops(stop: str | list[str] | None) -> list[str]:
    stops = [stop] if isinstance(stop, str) else list(stop or ())
    return [one for one in stops if one]


def refusal_of(name: str, prompt: Prompt) -> str:
    """Why a prompt with this unsupported parameter is refused, and what to do."""
    if name == "messages":
        return "Bedrock needs the user's words first and last, and continues no answer: choose backend `gpu` for that."
    if name == "temperature":
        return f"Bedrock takes a temperature of at most 1, not {prompt.temperature:g}; choose backend `gpu` for more."
    return f"Bedrock has no {name}: leave it out, or choose backend `gpu`."
