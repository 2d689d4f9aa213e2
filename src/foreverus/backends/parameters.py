"""OpenAI's parameters of a chat and of a text completion: what may be given, and what each backend makes of it. Pure.

One table, of which are made: the schemas of a batch's lines (api/schemas, which the page reads too), what is passed on
to a backend, which backend is able to do it, and the table in docs/batches.md. What a client that waits for its answer
may ask beside these is in `live_parameters.py`. Three kinds of parameters:

- what is done: it goes on to the backend, where that has a word for it;
- what is accepted and left out, because it asks for nothing that could be seen in an answer (`null` always does);
- what asks for something that is not done here: an error that names it.

One rule holds for all engines, the strictest of them, so nothing is refused after a GPU was paid for. Where OpenAI
takes more than an engine does and the meaning is plain, the value is translated: `top_p: 0`, empty `stop` texts, a
schema without a name. Sources:

- vLLM 0.28: `SamplingParams._verify_args` (temperature 0 to 2, penalties -2 to 2, 0 < top_p <= 1, no empty stop,
  max_tokens >= 1), `ChatCompletionRequest` (seed of 64 bits, no empty `tools`, `top_logprobs` and `stream_options` only
  with their switch, a json_schema with a name). It ignores `user`, and a message's `name` where the template does.
  It checks a json_schema's grammar when the request comes: `answer_schema.py` says what of that is checked before.
  A seed of -1 is none.
- llama.cpp's server: README of tools/server. It takes all of these; a seed counts modulo 2**32, and -1 is none.
- Bedrock: `InferenceConfiguration` of Converse (maxTokens >= 1, temperature and topP 0 to 1, stopSequences not empty).
  Mistral has no seed there: who asks for an answer that can be had again asks for a GPU, but for temperature 0, where
  no dice are thrown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
LEAST_TOP_P = 1e-6  # keeps the likeliest token alone, which is what 0 asks for and vLLM does not take


class Support(StrEnum):
    """What a backend makes of a parameter. The words stand in docs/batches.md."""

    DONE = "yes"
    NO_EFFECT = "no effect"
    NOT_DONE = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """`schema`: the JSON Schema of its values, without null. `nothing`: values that ask for nothing, and are left out.
    `bedrock_most`: Bedrock does it up to this value. `takes`: its values in a few words."""

    name: str
    takes: str
    schema: Mapping[str, object]
    nothing: tuple[Any, ...] = ()
    gpu: Support = Support.DONE
    bedrock: Support = Support.DONE
    bedrock_most: float | None = None
    endpoints: tuple[str, ...] = (CHAT, COMPLETIONS)

    @property
    def values(self) -> Sequence[object] | None:
        """All that there are, where they are few."""
        found = self.schema.get("enum")
        return found if isinstance(found, list) else None

    def asks_nothing(self, value: Any) -> bool:
        """Of an object with a type that decides."""
        return ({"type": value["type"]} if isinstance(value, Mapping) and "type" in value else value) in self.nothing

    @property
    def is_ignored(self) -> bool:
        return self.gpu is Support.NO_EFFECT

    def on_bedrock(self, value: Any) -> Support:
        if self.bedrock_most is not None and value > self.bedrock_most:
            return Support.NOT_DONE
        return self.bedrock


def _number(least: float, most: float) -> Mapping[str, object]:
    words = f"a number from {least:g} to {most:g}"
    return {"description": words, "type": "number", "minimum": least, "maximum": most}


def _ignored(name: str, takes: str, schema: Mapping[str, object], *endpoints: str) -> Parameter:
    """It may be given, and changes nothing."""
    none = Support.NO_EFFECT
    where = endpoints or (CHAT, COMPLETIONS)
    return Parameter(name=name, takes=takes, schema=schema, gpu=none, bedrock=none, endpoints=where)


def _only(name: str, why: str, *values: Any, endpoints: tuple[str, ...] = (CHAT, COMPLETIONS)) -> Parameter:
    """Only values that ask for nothing."""
    takes = " or ".join(_said(one) for one in values)
    schema = {"description": f"{takes}: {why}", "enum": list(values)}
    return _ignored(name, takes, schema, *endpoints)


def _said(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value).replace("'", '"')


def _empty(name: str, kind: str, why: str, *endpoints: str) -> Parameter:
    most = {"array": "maxItems", "object": "maxProperties"}[kind]
    words = "an empty list" if kind == "array" else "an empty object"
    return _ignored(name, words, {"description": f"{words}, or absent: {why}", "type": kind, most: 0}, *endpoints)


def _never(name: str, why: str, *endpoints: str) -> Parameter:
    where = endpoints or (CHAT, COMPLETIONS)
    schema = {"description": f"absent: {why}", "enum": []}
    return Parameter(
        name=name, takes="", schema=schema, gpu=Support.NOT_DONE, bedrock=Support.NOT_DONE, endpoints=where
    )


_TEXT = {"description": "a string", "type": "string"}
_TOKENS = {"description": "a whole number from 1 to 1000000", "type": "integer", "minimum": 1, "maximum": 1_000_000}
_STOP = {
    "description": "a string, or a list of up to four",
    "type": ["string", "array"],
    "maxItems": 4,
    "items": {"description": "a string", "type": "string"},
}
_SEED = {"description": "a whole number of 64 bits", "type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
_JSON_SCHEMA = {
    "description": "an object with a schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["schema"],
    "properties": {
        "name": {
            "description": "a string of 1 to 64 letters, digits, '_' and '-'",
            "type": "string",
            "minLength": 1,
            "maxLength": 64,
            "pattern": "^[a-zA-Z0-9_-]+(?![^a-zA-Z0-9_-])$",  # Python's $ stands before a last line break too
        },
        "description": {"description": "a string", "type": "string"},
        "schema": {"description": "an object, a JSON Schema", "type": "object"},
        "strict": {"description": "true or false: the answer follows the schema in any case", "type": "boolean"},
    },
}
_FORMAT = {
    "description": "an object with a type",
    "type": "object",
    "additionalProperties": False,
    "required": ["type"],
    "properties": {
        "type": {
            "description": "'text', 'json_object' or 'json_schema'",
            "enum": ["text", "json_object", "json_schema"],
        },
        "json_schema": _JSON_SCHEMA,
        "strict": {"description": "true or false: it belongs into json_schema", "type": "boolean"},
    },
    "if": {"type": "object", "properties": {"type": {"const": "json_schema"}}, "required": ["type"]},
    "then": {"type": "object", "required": ["json_schema"]},
}
_NO_TOOLS = "this model calls no tools"
_NO_LOGPROBS = "logprobs are not handed on"
_NOT_IN_TEXT = (CHAT,)

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(name="max_tokens", takes="1 to 1,000,000, cut to what fits the context", schema=_TOKENS),
    Parameter(name="max_completion_tokens", takes="the same; it wins where both are given", schema=_TOKENS),
    Parameter(name="temperature", takes="0 to 2", schema=_number(0, 2), bedrock_most=1.0),
    Parameter(name="top_p", takes="0 to 1", schema=_number(0, 1)),
    Parameter(name="stop", takes="a text or up to four; empty ones are left out", schema=_STOP, nothing=("", [])),
    Parameter(
        name="seed",
        takes="64 bits; -1 is none, and at temperature 0 it changes nothing",
        schema=_SEED,
        nothing=(-1,),
        bedrock=Support.NOT_DONE,
    ),
    Parameter(name="presence_penalty", takes="-2 to 2", schema=_number(-2, 2), nothing=(0,), bedrock=Support.NOT_DONE),
    Parameter(name="frequency_penalty", takes="-2 to 2", schema=_number(-2, 2), nothing=(0,), bedrock=Support.NOT_DONE),
    Parameter(
        name="response_format",
        takes="json_object, json_schema; text asks for nothing",
        schema=_FORMAT,
        nothing=({"type": "text"},),
        bedrock=Support.NOT_DONE,
    ),
    _ignored("user", "a string", _TEXT),
    _ignored("safety_identifier", "a string", _TEXT, CHAT),
    _ignored("prompt_cache_key", "a string", _TEXT, CHAT),
    _ignored("prompt_cache_retention", "a string", _TEXT, CHAT),
    _ignored("metadata", "an object", {"description": "an object", "type": "object"}, CHAT),
    _only("n", "each request gets one answer", 1),
    _only("best_of", "each request gets one answer", 1, endpoints=(COMPLETIONS,)),
    _only("stream", "nobody watches a batch's answers", False),
    _only("echo", "the prompt is not repeated", False, endpoints=(COMPLETIONS,)),
    _only("suffix", "this model only goes on after a text", "", endpoints=(COMPLETIONS,)),
    _only("store", "answers are kept nowhere else", False, endpoints=_NOT_IN_TEXT),
    _only("logprobs", _NO_LOGPROBS, False),
    _only("top_logprobs", _NO_LOGPROBS, 0, endpoints=_NOT_IN_TEXT),
    _empty("logit_bias", "object", "token ids are another model's than OpenAI's"),
    _only("service_tier", "there is one tier", "auto", "default", endpoints=_NOT_IN_TEXT),
    _only("reasoning_effort", "this model does not reason", "none", endpoints=_NOT_IN_TEXT),
    _only("verbosity", "this model has no such setting", "medium", endpoints=_NOT_IN_TEXT),
    Parameter(
        name="modalities",
        takes='["text"]',
        schema={
            "description": '["text"]: this model writes nothing else',
            "type": "array",
            "items": {"description": "'text': this model writes nothing else", "const": "text"},
        },
        gpu=Support.NO_EFFECT,
        bedrock=Support.NO_EFFECT,
        endpoints=(CHAT,),
    ),
    _empty("tools", "array", _NO_TOOLS, CHAT),
    _only("tool_choice", _NO_TOOLS, "none", "auto", endpoints=_NOT_IN_TEXT),
    _only("parallel_tool_calls", _NO_TOOLS, True, False, endpoints=_NOT_IN_TEXT),
    _empty("functions", "array", _NO_TOOLS, CHAT),
    _only("function_call", _NO_TOOLS, "none", "auto", endpoints=_NOT_IN_TEXT),
    _never("stream_options", "nobody watches a batch's answers"),
    _never("audio", "this model reads and writes text only", CHAT),
    _never("prediction", "predicted answers are not used", CHAT),
    _never("web_search_options", "this model does not search", CHAT),
)
TABLE: Mapping[str, Parameter] = {one.name: one for one in PARAMETERS}
# What a prompt has fields of its own for.
_FIELDS = ("max_tokens", "max_completion_tokens", "temperature")


def options_of(body: Mapping[str, Any], table: Mapping[str, Parameter] = TABLE) -> dict[str, object]:
    """What goes on to the backend by OpenAI's name, from a body that fits its schema, which was made of `table`.

    >>> options_of({"top_p": 0, "stop": ["", "."], "user": "ana", "n": 1, "presence_penalty": 0.0})
    {'top_p': 1e-06, 'stop': ['.']}
    """
    found: dict[str, object] = {}
    for name, value in body.items():
        known = table.get(name)
        if known is None or name in _FIELDS or known.is_ignored or value is None or known.asks_nothing(value):
            continue
        if name == "stop" and isinstance(value, list):
            value = [one for one in value if one]
        if value != []:
            found[name] = _translated(name, value)
    return found


def _translated(name: str, value: Any) -> Any:
    """A value that an engine would refuse, in words that it takes and that mean the same."""
    if name == "top_p" and value == 0:
        return LEAST_TOP_P
    if name == "seed":
        return int(value)
    if name == "response_format":
        named = value.get("json_schema") if value["type"] == "json_schema" else None
        # vLLM wants a name, and shows it nobody.
        return {"type": value["type"]} | ({"json_schema": {"name": "answer", **named}} if named else {})
    return value


def limit_of(body: Mapping[str, Any]) -> int | None:
    """The answer's limit: the newer name wins where both are given, as with vLLM and OpenAI."""
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    return int(limit) if limit else None


def not_on_bedrock(options: Mapping[str, object], temperature: float | None) -> str | None:
    """The first of these that Bedrock would have to leave undone, by OpenAI's name.

    >>> not_on_bedrock({"top_p": 0.5}, 1.3), not_on_bedrock({"seed": 7}, None), not_on_bedrock({"seed": 7}, 0)
    ('temperature', 'seed', None)
    """
    given = dict(options) if temperature is None else {**options, "temperature": temperature}
    for name, value in given.items():
        known = TABLE.get(name)
        if value is None or (known and known.asks_nothing(value)) or (name == "seed" and temperature == 0):
            continue
        if known is None or known.on_bedrock(value) is Support.NOT_DONE or not takes(known, value):
            return name
    return None


def takes(known: Parameter, value: Any) -> bool:
    """False for what a batch's line cannot hold: `n: 2`, or `logprobs: 0`, which is not false."""
    empty_only = 0 in (known.schema.get("maxItems"), known.schema.get("maxProperties"))
    alike = [one for one in known.values or () if isinstance(one, bool) is isinstance(value, bool)]
    return not value if empty_only else known.values is None or value in alike
