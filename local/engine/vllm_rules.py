"""What vLLM refuses of a request, in its own sentences, for an engine that refuses alike. Pure.

Sources: vLLM 0.28, `SamplingParams._verify_args`, the validators of `ChatCompletionRequest` and `CompletionRequest`,
and `renderers/params.py` for what exceeds the context. It is as strict as vLLM, or stricter, in what our port can send;
what it does not know is a grammar for a json_schema.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

MOST_LOGPROBS = 20  # vLLM's --max-logprobs
_BITS = 2**63


class Refused(Exception):
    """`param`: the parameter that vLLM names, if it does."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param

    @property
    def body(self) -> dict[str, Any]:
        error = {"message": str(self), "type": "BadRequestError", "param": self.param, "code": 400}
        return {"error": error}


def check(body: Mapping[str, Any], prompt_tokens: int, context: int) -> None:
    """Raises Refused for the first thing that vLLM would answer with a 400.

    >>> check({"prompt": "a", "top_p": 0}, 1, 100)
    Traceback (most recent call last):
    local.engine.vllm_rules.Refused: top_p must be in (0, 1], got 0.0. (parameter=top_p, value=0.0)
    """
    given = {name: value for name, value in body.items() if value is not None}
    for problem in (*_types(given), *_switches(given), *_sampling(given), *_length(given, prompt_tokens, context)):
        raise problem


def _types(given: Mapping[str, Any]) -> Iterator[Refused]:
    for name, (is_one, kind) in _KINDS.items():
        if name in given and not is_one(given[name]):
            yield Refused(
                f"1 validation error:\n  {{'loc': ('body', '{name}'), 'msg': 'Input should be {kind}'}}", name
            )
    form = given.get("response_format")
    if isinstance(form, dict):
        if form.get("type") not in ("text", "json_object", "json_schema", "structural_tag"):
            yield Refused("1 validation error:\n  {'loc': ('body', 'response_format', 'type')}", "response_format")
        named = form.get("json_schema")
        if form.get("type") == "json_schema" and not isinstance(named, dict):
            yield Refused("When response_format type is 'json_schema', the 'json_schema' field must be provided.")
        elif named is not None and not isinstance(named.get("name"), str):
            yield Refused("1 validation error:\n  {'loc': ('body', 'response_format', 'json_schema', 'name')}")
        elif named is not None and not isinstance(named.get("schema"), dict):
            yield Refused("1 validation error:\n  {'loc': ('body', 'response_format', 'json_schema', 'schema')}")


def _switches(given: Mapping[str, Any]) -> Iterator[Refused]:
    """What is only taken beside something else."""
    if "stream_options" in given and not given.get("stream"):
        yield Refused("Stream options can only be defined when `stream=True`.", "stream_options")
    if "messages" in given and given.get("top_logprobs") and not given.get("logprobs"):
        yield Refused("when using `top_logprobs`, `logprobs` must be set to true.", "top_logprobs")
    if given.get("tools") == []:
        yield Refused("`tools` must not be an empty array. Either provide at least one tool or omit the field.")
    if given.get("tool_choice", "none") != "none" and not given.get("tools"):
        yield Refused("When using `tool_choice`, `tools` must be set.")
    if given.get("continue_final_message") and given.get("add_generation_prompt", True):
        yield Refused("Cannot set both `continue_final_message` and `add_generation_prompt` to True.")
    if given.get("continue_final_message") and given["messages"][-1]["role"] != "assistant":
        yield Refused("continue_final_message is set but the final message is not the assistant's.")


def _sampling(given: Mapping[str, Any]) -> Iterator[Refused]:
    n, temperature = given.get("n", 1), given.get("temperature", 1.0)
    if n < 1:
        yield Refused(f"n must be at least 1, got {n}.")
    for name in ("presence_penalty", "frequency_penalty"):
        if not -2 <= given.get(name, 0) <= 2:
            yield Refused(f"{name} must be in [-2, 2], got {given[name]}.")
    if temperature < 0:
        yield _named("temperature", "must be non-negative", temperature)
    if temperature > 2:
        yield _named("temperature", "must be in [0, 2]", temperature)
    if not 0 < (top_p := given.get("top_p", 1)) <= 1:
        yield _named("top_p", "must be in (0, 1]", float(top_p))
    if (limit := _limit(given)) is not None and limit < 1:
        yield _named("max_tokens", "must be at least 1", limit)
    logprobs = given.get("top_logprobs" if "messages" in given else "logprobs") or 0
    if logprobs > MOST_LOGPROBS:
        said = f"Requested sample logprobs of {logprobs}, which is greater than max allowed: {MOST_LOGPROBS}"
        yield Refused(f"{said} (parameter=logprobs, value={logprobs})", "logprobs")
    stop = given.get("stop", [])
    if "" in ([stop] if isinstance(stop, str) else stop):
        yield Refused("stop cannot contain an empty string.")
    if temperature < 1e-5 and n > 1:
        yield Refused(f"n must be 1 when using greedy sampling, got {n}.")


def _length(given: Mapping[str, Any], prompt_tokens: int, context: int) -> Iterator[Refused]:
    limit = _limit(given)
    if limit is not None and limit > context:
        said = f"max_tokens={limit}cannot be greater than max_model_len=max_total_tokens={context}. Request fewer"
        yield Refused(f"{said} output tokens. (parameter=max_tokens, value={limit})", "max_tokens")
    if prompt_tokens + (limit or 1) > context:
        asked = (
            f"You passed {prompt_tokens} input tokens and requested {limit or 1} output tokens. However, the model's"
        )
        most = (
            f"context length is only {context} tokens, resulting in a maximum input length of {context - (limit or 1)}"
        )
        said = f"{asked} {most} tokens. Please reduce the length of the input prompt or the number of requested output"
        yield Refused(f"{said} tokens. (parameter=input_tokens, value={prompt_tokens})", "input_tokens")


def _limit(given: Mapping[str, Any]) -> int | None:
    found = given.get("max_completion_tokens", given.get("max_tokens"))
    return None if found is None else int(found)


def _named(name: str, rule: str, value: float) -> Refused:
    return Refused(f"{name} {rule}, got {value}. (parameter={name}, value={value})", name)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return _is_number(value) and value == int(value)  # type: ignore[call-overload,no-any-return]


def _is_text_or_texts(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


_NUMBER = (_is_number, "a valid number")
_WHOLE = (_is_whole, "a valid integer")
_SWITCH = (lambda value: isinstance(value, bool), "a valid boolean")
_KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "temperature": _NUMBER,
    "top_p": _NUMBER,
    "presence_penalty": _NUMBER,
    "frequency_penalty": _NUMBER,
    "max_tokens": _WHOLE,
    "max_completion_tokens": _WHOLE,
    "n": _WHOLE,
    "top_logprobs": _WHOLE,
    "seed": (lambda value: _is_whole(value) and -_BITS <= value < _BITS, "an integer of 64 bits"),
    "stop": (_is_text_or_texts, "a valid string or list"),
    "user": (lambda value: isinstance(value, str), "a valid string"),
    "stream": _SWITCH,
    "response_format": (lambda value: isinstance(value, dict), "a valid dictionary"),
    "logit_bias": (lambda value: isinstance(value, dict), "a valid dictionary"),
    "stream_options": (lambda value: isinstance(value, dict), "a valid dictionary"),
}
