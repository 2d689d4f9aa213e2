"""A prompt made of the body of a request in OpenAI's form. Pure."""

from collections.abc import Mapping
from typing import Any

from foreverus.backends.messages import read_messages, without_nulls
from foreverus.backends.parameters import CHAT, limit_of, options_of
from foreverus.backends.port import TEXT_MAX_TOKENS, Prompt


def prompt_of(endpoint: str, body: Mapping[str, Any], options: Mapping[str, object] | None = None) -> Prompt:
    """What is asked, from a body that fits its schema. A chat without a limit may fill the context. `options`: what
    goes on to the backend by OpenAI's name; of a batch's line without them."""
    asked = without_nulls(body)
    is_chat, limit = endpoint == CHAT, limit_of(asked)
    temperature, text = asked.get("temperature"), asked.get("prompt")
    return Prompt(
        messages=read_messages(asked["messages"]) if is_chat else (),
        max_tokens=TEXT_MAX_TOKENS if limit is None and not is_chat else limit,
        temperature=None if temperature is None else float(temperature),
        text=None if is_chat else text[0] if isinstance(text, list) else text,
        options=options_of(asked) if options is None else options,
    )
