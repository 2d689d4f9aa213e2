"""What an engine behind OpenAI's API says when it refuses, in vLLM's words and llama.cpp's; what cannot be said to it.
Pure.
"""

import json
from typing import Any

from foreverus.errors import EngineBusy, EngineFailed, PromptRejected

# In vLLM the message is the only thing that tells a prompt that is too long from another bad request: it has no
# code for it up to 0.32. A reworded message costs only the reason: it stays a PromptRejected.
TOO_LONG = "context_length_exceeded"
# llama.cpp's type, OpenAI's code, and the parameters that vLLM names: a limit that is one of ours is 1 at least.
_TOO_LONG_MARKS = (
    "exceed_context_size_error",
    TOO_LONG,
    "max_tokens",
    "max_completion_tokens",
    "input_tokens",
    "input_text",
)
_TOO_LONG = ("maximum context length", "context length", "exceeds the available context size", "max_model_len")


def encoded(body: dict[str, object]) -> bytes:
    """JSON in UTF-8. Raises PromptRejected for what has none: half a surrogate pair, or a number like NaN."""
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as err:
        raise PromptRejected("The prompt holds text or a number that JSON in UTF-8 cannot carry.") from err


def refusal(status: int, content: bytes) -> PromptRejected | EngineBusy | EngineFailed:
    """What an engine's HTTP error means for the caller, in both dialects."""
    error = error_of(content)
    message = str(error.get("message") or "")[:500]
    if status in (429, 503):
        return EngineBusy(message or f"The engine answered {status}.")
    if status in (400, 413, 422):
        marks = (error.get("type"), error.get("code"), error.get("param"))
        if any(mark in marks for mark in _TOO_LONG_MARKS) or _says_too_long(message):
            return PromptRejected("The prompt is longer than the model's context.", TOO_LONG)
        return PromptRejected(message or f"The engine answered {status}.")
    return EngineFailed(f"The engine answered {status}: {message}")


def _says_too_long(message: str) -> bool:
    return any(words in message.lower() for words in _TOO_LONG)


def error_of(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    error = body.get("error", body) if isinstance(body, dict) else {}
    return error if isinstance(error, dict) else {"message": error}
