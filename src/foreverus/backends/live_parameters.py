"""What a client that waits for its answer may ask beside what a batch's line may: streams, tools, logprobs. Pure.

A batch keeps an answer's text alone, and is told of a token that this model does not have when its GPU is paid for: so
its lines may not ask for these. Who waits is told at once. Bedrock's Mistral 7B has none of them: Converse has no
logprobs, and lists no tool use for this model (Amazon Bedrock User Guide, "Supported models and model features").
Limits: vLLM takes 20 logprobs of a token at most (`--max-logprobs`), OpenAI 128 tools.
"""

from collections.abc import Mapping
from dataclasses import replace

from foreverus.backends.parameters import CHAT, COMPLETIONS, PARAMETERS, TABLE, Parameter, Support, options_of, takes

MOST_LOGPROBS = 20
MOST_TOOLS = 128

_SWITCH = {"description": "true or false", "type": "boolean"}
_NAME = {
    "description": "a string of 1 to 64 letters, digits, '_' and '-'",
    "type": "string",
    "minLength": 1,
    "maxLength": 64,
    "pattern": "^[a-zA-Z0-9_-]+(?![^a-zA-Z0-9_-])$",
}


def _object(required: list[str], properties: Mapping[str, object], words: str) -> Mapping[str, object]:
    needs = {"required": required} if required else {}
    return {"description": words, "type": "object", "additionalProperties": False, **needs, "properties": properties}


_FUNCTION = _object(
    ["name"],
    {
        "name": _NAME,
        "description": {"description": "a string", "type": "string"},
        "parameters": {"description": "an object, a JSON Schema", "type": "object"},
        "strict": {"description": "true or false", "type": ["boolean", "null"]},
    },
    "an object with a name",
)
_KIND = {"description": "'function': there are no other tools", "const": "function"}
_TOOLS = {
    "description": f"a list of at most {MOST_TOOLS} functions",
    "type": "array",
    "maxItems": MOST_TOOLS,
    "items": _object(["type", "function"], {"type": _KIND, "function": _FUNCTION}, "an object with a function"),
}
_NAMED = _object(["name"], {"name": _NAME}, "an object with a name")
_CHOICE = {
    "description": "'none', 'auto', 'required', or an object that names a function",
    "type": ["string", "object"],
    "pattern": "^(?:none|auto|required)$",
    "additionalProperties": False,
    "required": ["type", "function"],
    "properties": {"type": _KIND, "function": _NAMED},
}
_STREAM_OPTIONS = _object(
    [],
    {"include_usage": _SWITCH, "include_obfuscation": {"description": "false: nothing is padded", "enum": [False]}},
    "an object with include_usage",
)


_BIAS = {
    "description": "an object of at most 300 token ids of this model, each with a number from -100 to 100",
    "type": "object",
    "maxProperties": 300,
    "propertyNames": {"description": "the id of a token, a whole number", "pattern": "^[0-9]{1,6}(?![^0-9])$"},
    "additionalProperties": {
        "description": "a number from -100 to 100",
        "type": "number",
        "minimum": -100,
        "maximum": 100,
    },
}


def _count(most: int) -> Mapping[str, object]:
    return {"description": f"a whole number from 0 to {most}", "type": "integer", "minimum": 0, "maximum": most}


def _of_gpu(name: str, takes: str, schema: Mapping[str, object], *nothing: object) -> Parameter:
    return Parameter(name=name, takes=takes, schema=schema, nothing=nothing, bedrock=Support.NOT_DONE)


def _ours(name: str, takes: str, schema: Mapping[str, object]) -> Parameter:
    """What the application does itself, whatever the backend is."""
    none = Support.NO_EFFECT
    return Parameter(name=name, takes=takes, schema=schema, gpu=none, bedrock=none)


_OF_ALL = (
    _ours("stream", "true or false", _SWITCH),
    _ours("stream_options", "include_usage, with stream", _STREAM_OPTIONS),
    _of_gpu("logit_bias", "ids of this model's tokens with -100 to 100", _BIAS, {}),
)
_OF_CHATS = (
    _of_gpu("logprobs", "true or false", _SWITCH, False),
    _of_gpu("top_logprobs", f"0 to {MOST_LOGPROBS}, with logprobs", _count(MOST_LOGPROBS), 0),
    _of_gpu("tools", f"up to {MOST_TOOLS} functions; none asks for nothing", _TOOLS, []),
    _of_gpu("tool_choice", "none, auto, required or a function; with tools", _CHOICE),
    _of_gpu("parallel_tool_calls", "true or false; with tools", _SWITCH),
)
_OF_TEXTS = (_of_gpu("logprobs", "0 to 5", _count(5)),)


def _known(endpoint: str) -> tuple[Parameter, ...]:
    special = {one.name: one for one in (*_OF_ALL, *(_OF_CHATS if endpoint == CHAT else _OF_TEXTS))}
    common = (one for one in PARAMETERS if endpoint in one.endpoints and one.name not in special)
    return (*common, *(replace(one, endpoints=(endpoint,)) for one in special.values()))


KNOWN: Mapping[str, tuple[Parameter, ...]] = {endpoint: _known(endpoint) for endpoint in (CHAT, COMPLETIONS)}
_TABLES = {endpoint: {one.name: one for one in known} for endpoint, known in KNOWN.items()}


def live_options(endpoint: str, body: Mapping[str, object]) -> dict[str, object]:
    """What goes on to the backend by OpenAI's name, from a body that fits the endpoint's schema. Without tools there is
    nothing to choose; engines refuse a choice, or logprobs of the best, by themselves.

    >>> live_options(CHAT, {"logprobs": False, "top_logprobs": 2, "tools": [], "tool_choice": "auto", "stream": True})
    {}
    """
    found = options_of(body, _TABLES[endpoint])
    if "tools" not in found:
        found.pop("tool_choice", None)
        found.pop("parallel_tool_calls", None)
    if endpoint == CHAT and "logprobs" not in found:
        found.pop("top_logprobs", None)
    return found


_ONLY_LIVE = frozenset(one.name for one in (*_OF_ALL, *_OF_CHATS, *_OF_TEXTS))


def not_on_gpu(options: Mapping[str, object]) -> str | None:
    """The first of these that our engine would have to leave undone, by OpenAI's name.

    >>> not_on_gpu({"top_p": 0.5, "seed": 7, "logprobs": True}), not_on_gpu({"n": 2})
    (None, 'n')
    """
    for name, value in options.items():
        known = TABLE.get(name)
        if value is None or name in _ONLY_LIVE or (known and known.asks_nothing(value)):
            continue
        if known is None or known.gpu is Support.NOT_DONE or not takes(known, value):
            return name
    return None
