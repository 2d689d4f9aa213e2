"""Lines as clients send them, at the edges of what may be asked: each is taken, and then no engine refuses it, or it is
one error that names the field. The engines' rules are vLLM's, the strictest."""

import json
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionMessage

from foreverus.backends.converse import request, unsupported
from foreverus.backends.openai_http import OpenAiEngine
from foreverus.backends.prompts import prompt_of
from foreverus.batches.input.file_check import Allowed, validate
from foreverus.batches.input.lines import CHAT, COMPLETIONS, read_shard, split
from foreverus.strict_json import read
from local.engine import vllm_rules
from local.engine.orders import tokens_of
from tests.unit.batches.input.test_validation import MODEL, line

CONTEXT = 512
USER = {"role": "user", "content": "Oi"}
ANSWER = ChatCompletion.model_validate(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Olá"}}],
    }
).choices[0]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}

TAKEN: list[dict[str, Any]] = [
    {"n": 1, "stream": False, "user": "ana", "parallel_tool_calls": False, "max_completion_tokens": 8},
    {"n": None, "stream": None, "user": None, "parallel_tool_calls": None, "max_completion_tokens": None},
    {"tools": None, "tool_choice": None, "functions": None, "function_call": None, "logit_bias": None, "audio": None},
    {"prediction": None, "web_search_options": None, "stream_options": None, "logprobs": None, "top_logprobs": None},
    {"response_format": None, "seed": None, "stop": None, "temperature": None, "top_p": None, "max_tokens": None},
    {"logprobs": False, "store": False, "service_tier": "auto", "modalities": ["text"], "metadata": {"a": "b"}},
    {"something_new": None},
    {"top_logprobs": 0},
    {"temperature": 0},
    {"temperature": 2, "top_p": 1, "presence_penalty": -2, "frequency_penalty": 2.0},
    {"top_p": 0},
    {"top_p": 0.0, "temperature": 0.0, "seed": -(2**63)},
    {"seed": 2**63 - 1},
    {"seed": 7.0},
    {"stop": ""},
    {"stop": []},
    {"stop": ["", "\n", "", " "]},
    {"stop": ["a", "b", "c", "d"]},
    {"max_tokens": 1},
    {"max_tokens": 8.0},
    {"max_tokens": CONTEXT},
    {"max_tokens": CONTEXT - 1},
    {"max_tokens": CONTEXT + 1},
    {"max_tokens": 1_000_000},
    {"max_tokens": 5, "max_completion_tokens": 7},
    {"response_format": {"type": "text"}},
    {"response_format": {"type": "text", "json_schema": None}},
    {"response_format": {"type": "json_object"}},
    {"response_format": {"type": "json_object", "json_schema": None}},
    {"response_format": SCHEMA},
    {"response_format": {**SCHEMA, "strict": True}},
    {"response_format": {"type": "json_schema", "json_schema": {"schema": {}, "strict": None, "description": None}}},
    {"messages": [USER, ANSWER.message.model_dump(), USER]},
    {"messages": [USER, ANSWER.message.model_dump(exclude_unset=True), USER]},
    {"messages": [USER, ChatCompletionMessage(role="assistant", content=None).model_dump(), USER]},
    {"messages": [{**USER, "name": "Ana Maria"}, USER]},
    {"messages": [{**USER, "name": ""}]},
    {"messages": [{**USER, "name": None, "tool_call_id": None, "anything": None}]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": ""}]}]},
    {"messages": [{"role": "system", "content": ""}, USER]},
    {"messages": [{"role": "developer", "content": [{"type": "text", "text": "Curto."}]}, USER, USER]},
    {"messages": [USER, {"role": "assistant", "content": "Era uma"}]},
    {"messages": [USER, {"role": "assistant", "content": "Era uma "}]},
    {"messages": [USER, {"role": "assistant", "content": ""}]},
    {"messages": [{"role": "assistant", "content": "Oi"}]},
    {"messages": [{"role": "system", "content": "Conte."}]},
]
TEXTS: list[dict[str, Any]] = [
    {"best_of": 1, "echo": False, "suffix": "", "logprobs": None, "n": 1},
    {"suffix": None, "logit_bias": {}, "stop": ["", ""], "top_p": 0, "user": ""},
    {"max_tokens": CONTEXT, "seed": 3},
    {"prompt": "\n\na "},
]
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"n": 2}, "invalid_field", "body.n"),
    ({"n": True}, "invalid_field", "body.n"),
    ({"stream": True}, "invalid_field", "body.stream"),
    ({"stream": 0}, "invalid_field", "body.stream"),
    ({"temperature": 2.1}, "invalid_field", "body.temperature"),
    ({"temperature": -0.1}, "invalid_field", "body.temperature"),
    ({"temperature": "1"}, "invalid_field", "body.temperature"),
    ({"temperature": True}, "invalid_field", "body.temperature"),
    ({"top_p": 1.01}, "invalid_field", "body.top_p"),
    ({"top_p": -1e-9}, "invalid_field", "body.top_p"),
    ({"presence_penalty": 2.01}, "invalid_field", "body.presence_penalty"),
    ({"frequency_penalty": -2.01}, "invalid_field", "body.frequency_penalty"),
    ({"max_tokens": 0}, "invalid_field", "body.max_tokens"),
    ({"max_completion_tokens": -5}, "invalid_field", "body.max_completion_tokens"),
    ({"max_tokens": 1.5}, "invalid_field", "body.max_tokens"),
    ({"stop": ["a"] * 5}, "invalid_field", "body.stop"),
    ({"stop": [1]}, "invalid_field", "body.stop[0]"),
    ({"stop": {"a": 1}}, "invalid_field", "body.stop"),
    ({"seed": 2**63}, "invalid_field", "body.seed"),
    ({"seed": "7"}, "invalid_field", "body.seed"),
    ({"logprobs": True}, "invalid_field", "body.logprobs"),
    ({"top_logprobs": 20}, "invalid_field", "body.top_logprobs"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "invalid_field", "body.tools"),
    ({"tool_choice": "required"}, "invalid_field", "body.tool_choice"),
    ({"functions": [{}]}, "invalid_field", "body.functions"),
    ({"logit_bias": {"50256": -100}}, "invalid_field", "body.logit_bias"),
    ({"modalities": ["text", "audio"]}, "invalid_field", "body.modalities[1]"),
    ({"audio": {"voice": "x"}}, "unsupported_parameter", "body.audio"),
    ({"web_search_options": {}}, "unsupported_parameter", "body.web_search_options"),
    ({"top_k": 5}, "unknown_parameter", "body.top_k"),
    ({"response_format": {"type": "xml"}}, "invalid_field", "body.response_format.type"),
    ({"response_format": {}}, "missing_field", "body.response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "missing_field", "body.response_format.json_schema"),
    ({"response_format": {**SCHEMA, "json_schema": None}}, "missing_field", "body.response_format.json_schema"),
    ({"response_format": {"type": "json_object", "schema": {}}}, "unknown_parameter", "body.response_format.schema"),
    ({"messages": []}, "invalid_field", "body.messages"),
    ({"messages": None}, "missing_field", "body.messages"),
    ({"messages": [{"role": "user"}]}, "missing_field", "body.messages[0].content"),
    ({"messages": [{"role": "user", "content": None}]}, "missing_field", "body.messages[0].content"),
    ({"messages": [{"role": "user", "content": []}]}, "invalid_field", "body.messages[0].content"),
    ({"messages": [{"role": "user", "content": 5}]}, "invalid_field", "body.messages[0].content"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "invalid_field", "body.messages[0].role"),
    ({"messages": [{**USER, "name": 5}]}, "invalid_field", "body.messages[0].name"),
    ({"messages": [{"role": "user", "content": " \n"}]}, "invalid_field", "body.messages"),
    ({"messages": [{"role": "assistant", "content": None}]}, "invalid_field", "body.messages"),
    ({"messages": [USER, {"role": "assistant", "tool_calls": [{}]}]}, "invalid_field", "body.messages[1].tool_calls"),
]  # fmt: skip


def report_of(text: str, endpoint: str) -> list[tuple[str, str | None]]:
    report = validate(split([text.encode()]), endpoint, MODEL, Allowed(context_tokens=CONTEXT))
    return [(error.code, error.param) for error in report.errors]


def ask_vllm(text: str) -> None:
    """What the worker asks for this line. Raises Refused where vLLM would, but for a limit that is cut then."""
    engine = OpenAiEngine("http://127.0.0.1:9", MODEL)
    engine.is_vllm = True
    (asked,) = read_shard(text.encode(), 1)
    body, unlimited = engine.body(asked.prompt), engine.unlimited(asked.prompt)
    try:
        vllm_rules.check(body, tokens_of(body), CONTEXT)
    except vllm_rules.Refused as refused:
        if refused.param not in ("max_tokens", "input_tokens") or asked.prompt.limit is None:
            raise
        vllm_rules.check(unlimited, tokens_of(unlimited), CONTEXT)


@pytest.mark.parametrize("body", TAKEN, ids=lambda body: json.dumps(body)[:60])
def test_a_chat_that_asks_for_what_there_is_is_taken_by_us_and_by_the_engine(body: dict[str, Any]) -> None:
    assert report_of(line("a", **body), CHAT) == []
    ask_vllm(line("a", **body))


@pytest.mark.parametrize("body", TEXTS, ids=lambda body: json.dumps(body)[:60])
def test_a_text_likewise(body: dict[str, Any]) -> None:
    assert report_of(line("a", url=COMPLETIONS, **body), COMPLETIONS) == []
    ask_vllm(line("a", url=COMPLETIONS, **body))


@pytest.mark.parametrize(("body", "code", "param"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_asks_for_more_is_one_error_that_names_the_field(body: dict[str, Any], code: str, param: str) -> None:
    assert report_of(line("a", **body), CHAT) == [(code, param)]


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity"])
@pytest.mark.parametrize("name", ["temperature", "top_p", "max_tokens", "presence_penalty", "seed"])
def test_a_number_that_no_reader_shares_is_no_json(name: str, number: str) -> None:
    text = line("a", **{name: 1}).replace(f'"{name}": 1', f'"{name}": {number}')
    assert number in text and report_of(text, CHAT) == [("invalid_json", None)]


NUMBERS = st.one_of(
    st.sampled_from([None, True, False, -3, -2, -1, -0.1, 0, 0.0, 1e-9, 0.5, 1, 1.0, 1.5, 2, 2.1, 5, CONTEXT, 2**63]),
    st.floats(0, 1),
    st.integers(1, 2 * CONTEXT),
    st.integers(-(2**64), 2**64),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
WORDS = st.sampled_from(["", " ", "a", "b c", "Olá", "\n", "Oi", "palavra " * 40, "x" * 3000, "é\u2028", None])
STOPS = st.one_of(NUMBERS, WORDS, st.lists(st.one_of(WORDS, NUMBERS), max_size=6))
FORMATS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "json_object", "json_schema", "xml", None])},
    optional={
        "json_schema": st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {},
                optional={
                    "name": st.sampled_from(["x", "", "a b", None, 5]),
                    "schema": st.sampled_from([{}, {"type": "object"}, {"type": "strin"}, None, [], True]),
                    "strict": st.sampled_from([True, False, None, "yes"]),
                },
            ),
        ),
        "strict": st.booleans(),
    },
)
PARTS = st.lists(
    st.one_of(
        st.fixed_dictionaries({"type": st.sampled_from(["text", "refusal", "image_url"]), "text": WORDS}),
        st.fixed_dictionaries({"type": st.just("refusal"), "refusal": WORDS}),
    ),
    max_size=3,
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "user", "assistant", "system", "developer", "tool"])},
        optional={
            "content": st.one_of(WORDS, WORDS, PARTS),
            "refusal": WORDS,
            "name": WORDS,
            "tool_calls": st.sampled_from([None, [], [{}]]),
            "function_call": st.none(),
            "audio": st.none(),
            "annotations": st.sampled_from([None, []]),
        },
    ),
    max_size=4,
)
INERT: dict[str, Any] = {
    "n": 1,
    "stream": False,
    "logprobs": False,
    "top_logprobs": 0,
    "tools": [],
    "tool_choice": "auto",
    "logit_bias": {},
    "stream_options": None,
    "store": False,
    "user": "ana",
}
EMPTY = st.sampled_from([None, [], {}, "", "none", "auto", 0, 1, True, False])
FIELDS = {
    **dict.fromkeys(("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed"), NUMBERS),
    **dict.fromkeys(("max_tokens", "max_completion_tokens"), NUMBERS),
    **{name: st.one_of(st.sampled_from([good, None]), EMPTY) for name, good in INERT.items()},
    "stop": STOPS,
    "response_format": st.one_of(st.none(), FORMATS),
    "messages": MESSAGES,
}
# A few fields each: of many at once one is always bad, and a line that is refused shows nothing.
BODIES = st.lists(st.sampled_from(sorted(FIELDS)), max_size=4, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in names})
)


def ask_bedrock(text: str) -> bool:
    """Whether Bedrock may get this line. Raises PromptRejected where its request cannot be made."""
    (asked,) = read_shard(text.encode(), 1)
    if unsupported(asked.prompt):
        return False
    made = request(asked.prompt, 8192)
    config = made["inferenceConfig"]
    assert config["maxTokens"] >= 1 and 0 <= config.get("temperature", 0) <= 1 and 0 <= config.get("topP", 0) <= 1
    assert all(config.get("stopSequences", ["x"])) and made["messages"]
    return True


@pytest.mark.parametrize(
    ("contents", "may"),
    [
        (("user:x", "assistant:a", "user: "), False),
        (("user: ", "assistant:a", "user:x"), False),
        (("system:s", "assistant:a", "user:x"), True),
        (("user:x", "assistant: ", "user:y"), True),
    ],
)
def test_bedrock_gets_only_turns_that_it_can_be_asked(contents: tuple[str, ...], may: bool) -> None:
    messages = [dict(zip(("role", "content"), one.split(":"), strict=True)) for one in contents]
    text = line("a", messages=messages)
    assert report_of(text, CHAT) == [] and ask_bedrock(text) is may


@settings(max_examples=400)
@given(BODIES)
def test_no_line_that_is_taken_is_refused_by_the_strictest_engine(body: dict[str, Any]) -> None:
    text = line("a", **body)
    found = report_of(text, CHAT)
    assert len(found) == len(set(found))
    event("refused" if found else "taken")
    if not found:
        ask_bedrock(text)
        try:
            ask_vllm(text)
        except vllm_rules.Refused as refused:  # its own count of the prompt alone is above the context
            assert refused.param == "input_tokens"
            assert (
                tokens_of(OpenAiEngine("http://x", "m").body(prompt_of(CHAT, read(text.encode())["body"]))) >= CONTEXT
            )
