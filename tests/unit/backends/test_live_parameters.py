"""What a client that waits may ask beside a batch's line: taken, passed on, and known to be the GPU's alone."""

from typing import Any

import pytest

from foreverus.api import schemas
from foreverus.backends.live_parameters import live_options
from foreverus.backends.messages import without_nulls
from foreverus.backends.parameters import CHAT, COMPLETIONS, not_on_bedrock
from foreverus.backends.port import Message, ToolCall
from foreverus.backends.prompts import prompt_of
from foreverus.backends.request_schema import REQUEST_FILES, request_schema
from foreverus.errors import InvalidRequest

ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
NAMED = {"type": "function", "function": {"name": "add"}}
NAMES = {endpoint: name for name, endpoint in REQUEST_FILES.items()}


def body(endpoint: str = CHAT, **more: Any) -> dict[str, Any]:
    asked = {"messages": [{"role": "user", "content": "Hi"}]} if endpoint == CHAT else {"prompt": "Hi"}
    return {"model": "m", **asked, **more}


@pytest.mark.parametrize("name", REQUEST_FILES)
def test_schema_files_are_the_table_written_down(name: str) -> None:
    """To write one anew: json.dumps(request_schema(REQUEST_FILES[name]), indent=2)."""
    assert schemas.schema(name) == request_schema(REQUEST_FILES[name])


DONE: list[tuple[str, dict[str, Any]]] = [
    (CHAT, {"logprobs": True}),
    (CHAT, {"logprobs": True, "top_logprobs": 20}),
    (CHAT, {"tools": [ADD]}),
    (CHAT, {"tools": [ADD], "tool_choice": "required"}),
    (CHAT, {"tools": [ADD], "tool_choice": NAMED, "parallel_tool_calls": False}),
    (CHAT, {"logit_bias": {"12": -100}}),
    (CHAT, {"response_format": {"type": "json_object"}}),
    (COMPLETIONS, {"logprobs": 3}),
    (COMPLETIONS, {"logprobs": 0}),
    (COMPLETIONS, {"logit_bias": {"0": 1.5}}),
]


@pytest.mark.parametrize(("endpoint", "asked"), DONE, ids=str)
def test_what_the_gpu_does_is_passed_on_and_bedrock_cannot_do_it(endpoint: str, asked: dict[str, Any]) -> None:
    schemas.check(NAMES[endpoint], body(endpoint, **asked))
    options = live_options(endpoint, body(endpoint, **asked))
    assert options == asked
    assert not_on_bedrock(options, None) in asked


NOTHING: list[tuple[str, dict[str, Any]]] = [
    (CHAT, {"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}}),
    (CHAT, {"logprobs": False, "top_logprobs": 5, "tools": [], "tool_choice": "auto", "parallel_tool_calls": True}),
    (CHAT, {"logit_bias": {}, "user": "ana", "metadata": {"a": "b"}, "n": 1, "store": False}),
    (CHAT, {"logprobs": None, "tools": None, "tool_choice": None, "stream": None, "stream_options": None}),
    (COMPLETIONS, {"stream": False, "echo": False, "best_of": 1, "suffix": "", "logprobs": None}),
]


@pytest.mark.parametrize(("endpoint", "asked"), NOTHING, ids=str)
def test_what_asks_the_backend_for_nothing_is_not_passed_on(endpoint: str, asked: dict[str, Any]) -> None:
    meant = without_nulls(body(endpoint, **asked))
    schemas.check(NAMES[endpoint], meant)
    assert live_options(endpoint, meant) == {}


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (CHAT, {"top_logprobs": 21}, "top_logprobs"),
    (CHAT, {"logprobs": 1}, "logprobs"),
    (CHAT, {"tools": [{"type": "web_search"}]}, "tools[0]"),
    (CHAT, {"tool_choice": "sometimes"}, "tool_choice"),
    (CHAT, {"tool_choice": "auto\n"}, "tool_choice"),
    (CHAT, {"tool_choice": {"type": "function"}}, "tool_choice.function"),
    (CHAT, {"logit_bias": {"hello": 1}}, "logit_bias"),
    (CHAT, {"logit_bias": {"1": 101}}, "logit_bias.1"),
    (CHAT, {"logit_bias": {"1\n": 1}}, "logit_bias"),
    (CHAT, {"n": 2}, "n"),
    (CHAT, {"stream": "yes"}, "stream"),
    (CHAT, {"functions": [{"name": "add"}]}, "functions"),
    (CHAT, {"prompt": "x"}, "prompt"),
    (COMPLETIONS, {"logprobs": True}, "logprobs"),
    (COMPLETIONS, {"logprobs": 6}, "logprobs"),
    (COMPLETIONS, {"prompt": ["a", "b"]}, "prompt"),
    (COMPLETIONS, {"prompt": [1]}, "prompt[0]"),
    (COMPLETIONS, {"echo": True}, "echo"),
    (COMPLETIONS, {"tools": [ADD]}, "tools"),
]


@pytest.mark.parametrize(("endpoint", "asked", "param"), REFUSED, ids=str)
def test_what_nobody_does_is_refused_by_name(endpoint: str, asked: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        schemas.check(NAMES[endpoint], body(endpoint, **asked))
    assert (caught.value.param or "").startswith(param) and param.split("[")[0].split(".")[0] in caught.value.message


def test_a_tools_result_is_read_with_the_call_that_it_answers() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    said = [
        {"role": "user", "content": "1 + 2?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "3"}]},
    ]
    meant = without_nulls({"model": "m", "messages": said})
    schemas.check("chat_completion", meant)
    assert prompt_of(CHAT, meant).messages == (
        Message("user", "1 + 2?"),
        Message("assistant", "", (ToolCall("c1", "add", "{}"),)),
        Message("tool", "3", tool_call_id="c1"),
    )


def test_a_list_of_one_prompt_is_that_prompt() -> None:
    schemas.check("text_completion", body(COMPLETIONS, prompt=["Once"]))
    assert prompt_of(COMPLETIONS, {"model": "m", "prompt": ["Once"]}).text == "Once"
