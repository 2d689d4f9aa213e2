"""Does a line fit its endpoint's schema? Only sure answers: yes, or "ask the schema". Pure.

The schema takes seven seconds for 50,000 lines and this a quarter of one, and whoever sends a good file waits for it.
The schemas (`chat_line.json`, `completion_line.json`) stay the rule: a test holds that nothing fits here and not
there.
"""

from collections.abc import Callable
from typing import Any

from foreverus.batches.input.lines import CHAT, COMPLETIONS

Check = Callable[[Any], bool]

_LINE = {"custom_id", "method", "url", "body"}
_MESSAGE = {"role", "content"}
_PART = {"type", "text"}
_ROLES = {"system", "developer", "user", "assistant"}
_FORMATS = {"text", "json_object", "json_schema"}


def fits(line: dict[str, Any], endpoint: str) -> bool:
    """True: the schema has nothing against it. False: it may have."""
    if line.keys() != _LINE or line["method"] != "POST" or line["url"] != endpoint:
        return False
    custom_id, body = line["custom_id"], line["body"]
    if type(custom_id) is not str or not 1 <= len(custom_id) <= 256 or type(body) is not dict:
        return False
    if "model" not in body or _PROMPT[endpoint] not in body:
        return False
    checks = _CHECKS[endpoint]
    return all(name in checks and checks[name](value) for name, value in body.items())


def _text(value: Any) -> bool:
    return type(value) is str


def _optional(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _whole(least: int, most: int) -> Check:
    return lambda value: type(value) is int and least <= value <= most


def _number(least: int, most: int) -> Check:
    return lambda value: type(value) in (int, float) and least <= value <= most


def _stop(value: Any) -> bool:
    return _text(value) or (type(value) is list and len(value) <= 4 and all(map(_text, value)))


def _format(value: Any) -> bool:
    if type(value) is not dict or type(value.get("type")) is not str or value["type"] not in _FORMATS:
        return False
    return "json_schema" not in value or type(value["json_schema"]) is dict


def _messages(value: Any) -> bool:
    return type(value) is list and bool(value) and all(map(_message, value))


def _message(value: Any) -> bool:
    if type(value) is not dict or value.keys() != _MESSAGE:
        return False
    role, content = value["role"], value["content"]
    if type(role) is not str or role not in _ROLES:
        return False
    return _text(content) or (type(content) is list and bool(content) and all(map(_part, content)))


def _part(value: Any) -> bool:
    return type(value) is dict and value.keys() == _PART and value["type"] == "text" and _text(value["text"])


_OPTIONS: dict[str, Check] = {
    "max_tokens": _whole(1, 1_000_000),
    "max_completion_tokens": _whole(1, 1_000_000),
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "stop": _stop,
    "seed": _whole(-(2**63), 2**63 - 1),
    "presence_penalty": _number(-2, 2),
    "frequency_penalty": _number(-2, 2),
    "response_format": _format,
    "user": _text,
    "n": _whole(1, 1),
    "stream": lambda value: value is False,
}
_PROMPT = {CHAT: "messages", COMPLETIONS: "prompt"}
_COMMON = {"model": _text, **{name: _optional(check) for name, check in _OPTIONS.items()}}
_CHECKS: dict[str, dict[str, Check]] = {
    CHAT: {**_COMMON, "messages": _messages},
    COMPLETIONS: {**_COMMON, "prompt": _text},
}
