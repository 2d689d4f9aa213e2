"""A chat's messages as OpenAI's clients send them, and what is read of them. Pure.

What an answer holds may be sent back as history, a whole `message.model_dump()` too: `null` is as if absent, and
`refusal`, `annotations`, an empty `tool_calls` and a `name` are taken. No backend shows a name to the model: the GPU's
chat template and the laptop's have no place for one, and neither has Converse. So it is left out.
"""

import base64
from collections.abc import Mapping
from typing import Any

from foreverus.backends.images import PromptImage
from foreverus.backends.port import Message, ToolCall

ROLES = ("system", "developer", "user", "assistant")
TEXT, IMAGE, FILE = "text", "image_url", "file"  # OpenAI's types of a message's parts


def without_nulls(body: Mapping[str, object]) -> dict[str, Any]:
    """The body of a request as it is meant: a key with `null` is as if absent, also in a message and in its parts. What
    an assistant refused to say is what it said. Takes anything that is a JSON object.

    >>> without_nulls({"seed": None, "messages": [{"role": "assistant", "content": None, "tool_calls": None}]})
    {'messages': [{'role': 'assistant', 'content': ''}]}
    """
    kept = _without_nulls(body)
    if isinstance(form := kept.get("response_format"), dict):
        kept["response_format"] = _format(form)
    if isinstance(messages := kept.get("messages"), list):
        kept["messages"] = [_message(one) if isinstance(one, dict) else one for one in messages]
    return kept


def _without_nulls(of: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in of.items() if value is not None}


def _format(form: Mapping[str, object]) -> dict[str, object]:
    """In a schema itself null may be a value that is meant."""
    kept = _without_nulls(form)
    if isinstance(named := kept.get("json_schema"), dict):
        kept["json_schema"] = _without_nulls(named)
    return kept


def _message(message: Mapping[str, object]) -> dict[str, object]:
    kept = _without_nulls(message)
    if isinstance(content := kept.get("content"), list):
        kept["content"] = [_part(one) if isinstance(one, dict) else one for one in content]
    if kept.get("role") == "assistant" and not kept.get("content"):
        kept["content"] = kept.get("refusal", "")
    return kept


def _part(part: Mapping[str, object]) -> dict[str, object]:
    kept = {name: _without_nulls(one) if isinstance(one, dict) else one for name, one in _without_nulls(part).items()}
    if kept.get("type") == "refusal" and "text" not in kept:
        kept = {"type": "text"} | {
            ("text" if name == "refusal" else name): kept[name] for name in kept.keys() - {"type"}
        }
    return kept


def read_messages(messages: list[Any]) -> tuple[Message, ...]:
    """Messages that fit their schema, without their images; whether each part has what its type says, who reads those
    checks (abilities/read_image/parts.py). `developer` is OpenAI's newer word for `system`; text parts
    are joined as vLLM and llama.cpp join them. An assistant's last message without text begins no answer, and is left
    out."""
    read = [_read(one) for one in messages]
    while len(read) > 1 and read[-1].role == "assistant" and not (read[-1].content.strip() or read[-1].tool_calls):
        read.pop()
    return tuple(read)


def as_sent(message: Message) -> dict[str, object]:
    """A message as OpenAI's API has it: images stand before its words, with their bytes."""
    sent: dict[str, object] = {"role": message.role, "content": message.content}
    if message.images:
        words = [{"type": TEXT, TEXT: message.content}] if message.content else []
        sent["content"] = [*({"type": IMAGE, IMAGE: {"url": _data_url(one)}} for one in message.images), *words]
    if message.tool_calls:
        sent["tool_calls"] = [
            {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": one.arguments}}
            for one in message.tool_calls
        ]
    return sent | ({"tool_call_id": message.tool_call_id} if message.tool_call_id else {})


def _data_url(image: PromptImage) -> str:
    assert image.data, "nobody has read it"
    return f"data:image/{image.kind.value};base64,{base64.b64encode(image.data).decode()}"


def _read(message: Mapping[str, Any]) -> Message:
    role, content = message["role"], message["content"]
    text = (
        content
        if isinstance(content, str)
        else "\n".join(one.get("text", "") for one in content if one["type"] == TEXT)
    )
    calls = tuple(
        ToolCall(one["id"], one["function"]["name"], one["function"]["arguments"])
        for one in message.get("tool_calls") or ()
    )
    return Message("system" if role == "developer" else role, text, calls, str(message.get("tool_call_id") or ""))
