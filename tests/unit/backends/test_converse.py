"""What Converse is asked, and what its answers and errors mean: rules without AWS."""

import doctest
from typing import Any

import pytest

from foreverus.backends import converse
from foreverus.backends.port import Completion, Message, Prompt, ToolCall
from foreverus.errors import BackendUnavailable, EngineBusy, EngineFailed, ForeverUsError, PromptRejected


def said(*pairs: tuple[str, str]) -> Prompt:
    return Prompt(tuple(Message(role, content) for role, content in pairs))


def turns(prompt: Prompt) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"][0]["text"]) for turn in converse.turns(prompt)]


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(converse) == doctest.TestResults(0, 4)


def test_system_messages_are_folded_into_the_first_turn() -> None:
    assert turns(said(("system", "Be brief."), ("user", "Hi"))) == [("user", "Be brief.\n\nHi")]
    assert turns(said(("developer", "A"), ("system", "B"), ("user", "C"))) == [("user", "A\n\nB\n\nC")]
    later = said(("user", "Hi"), ("assistant", "Hello"), ("system", "Now in French."), ("user", "Bye"))
    assert turns(later) == [("user", "Now in French.\n\nHi"), ("assistant", "Hello"), ("user", "Bye")]
    assert turns(said(("system", "Write a poem."))) == [("user", "Write a poem.")]
    begun = said(("system", "S"), ("assistant", "Hello."), ("user", "Hi"))
    assert turns(begun) == [("user", "S"), ("assistant", "Hello."), ("user", "Hi")]


def test_turns_alternate_whatever_was_sent() -> None:
    many = said(("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", " "), ("assistant", "d"), ("user", "e"))
    assert turns(many) == [("user", "a\n\nb"), ("assistant", "c\n\nd"), ("user", "e")]


def test_text_completion_is_one_turn() -> None:
    assert turns(Prompt((), text="Once upon")) == [("user", "Once upon")]
    assert converse.request(Prompt((), text="Once upon"), 8192)["inferenceConfig"] == {"maxTokens": 16}


@pytest.mark.parametrize(
    "prompt",
    [said(), said(("user", " \n")), said(("assistant", "I"), ("user", "you")), Prompt((), text="")],
    ids=["nothing", "blank", "the assistant first", "an empty text"],
)
def test_without_a_users_turn_to_begin_with_the_line_is_rejected(prompt: Prompt) -> None:
    with pytest.raises(PromptRejected):
        converse.request(prompt, 8192)


def test_beginning_of_an_answer_cannot_be_continued() -> None:
    with pytest.raises(PromptRejected) as rejected:
        converse.request(said(("user", "Name one"), ("assistant", "It is")), 8192)
    assert rejected.value.reason == "unsupported_parameter" and "continue" in str(rejected.value)


def test_sampling_parameters_in_converses_words() -> None:
    options: dict[str, Any] = {"top_p": 0.9, "stop": ["a", ""], "seed": 7, "user": "ana", "presence_penalty": 0}
    options |= {"frequency_penalty": 0.0, "response_format": {"type": "text"}, "n": 1, "stream": False}
    prompt = Prompt((Message("user", "Hi"),), 16, 0.0, None, options)
    assert converse.unsupported(prompt) is None
    assert converse.request(prompt, 8192)["inferenceConfig"] == {
        "maxTokens": 16,
        "temperature": 0.0,
        "topP": 0.9,
        "stopSequences": ["a"],
    }
    one_stop = Prompt((Message("user", "Hi"),), options={"stop": ".", "top_p": None})
    assert converse.request(one_stop, 8192)["inferenceConfig"] == {"maxTokens": 8192, "stopSequences": ["."]}
    assert converse.request(Prompt((Message("user", "Hi"),), 10**6), 8192)["inferenceConfig"]["maxTokens"] == 8192


@pytest.mark.parametrize(
    "name, value",
    [
        ("presence_penalty", 0.1),
        ("frequency_penalty", -1),
        ("response_format", {"type": "json_object"}),
        ("n", 2),
        ("stream", True),
        ("logit_bias", {"1": 2}),
    ],
)
def test_what_would_change_the_answer_unsaid_is_rejected_by_name(name: str, value: Any) -> None:
    with pytest.raises(PromptRejected, match=name) as rejected:
        converse.request(Prompt((Message("user", "Hi"),), options={name: value}), 8192)
    assert rejected.value.reason == "unsupported_parameter"


CALLS = (ToolCall("c1", "add", "{}"),)


@pytest.mark.parametrize(
    "history",
    [
        (Message("assistant", "", CALLS), Message("tool", "3", (), "c1")),
        (Message("assistant", "Well.", CALLS), Message("user", "And?")),
        (Message("assistant", "Well."), Message("tool", "3", (), "c1")),
    ],
    ids=["a call and its result", "a call", "a result"],
)
def test_calls_of_tools_and_their_results_are_not_left_out_unsaid(history: tuple[Message, ...]) -> None:
    prompt = Prompt((Message("user", "1 + 2?"), *history))
    assert converse.unsupported(prompt) == "tools"
    with pytest.raises(PromptRejected, match="tools"):
        converse.request(prompt, 8192)


def test_hotter_than_converse_goes_is_rejected() -> None:
    with pytest.raises(PromptRejected, match=r"temperature of at most 1, not 1\.5") as rejected:
        converse.request(Prompt((Message("user", "Hi"),), temperature=1.5), 8192)
    assert rejected.value.reason == "unsupported_parameter"


def response(stopped: str = "end_turn", *blocks: dict[str, Any]) -> dict[str, Any]:
    content = list(blocks) or [{"text": "Hi"}]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stopped,
        "usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7},
    }


@pytest.mark.parametrize(
    "stopped, reason",
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
    ],
)
def test_stop_reasons_in_openais_words(stopped: str, reason: str) -> None:
    assert converse.completion(response(stopped)) == Completion("Hi", reason, 5, 2)


def test_only_text_is_the_answer() -> None:
    blocks = ({"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"text": "Hi"}, {"text": " there"})
    assert converse.completion(response("end_turn", *blocks)).text == "Hi there"


@pytest.mark.parametrize("stopped", ["content_filtered", "guardrail_intervened"])
def test_filtered_answer_is_the_prompts_end(stopped: str) -> None:
    with pytest.raises(PromptRejected) as rejected:
        converse.completion(response(stopped))
    assert rejected.value.reason == "content_filter"


@pytest.mark.parametrize(
    "body",
    [
        response("malformed_model_output"),
        response("tool_use"),
        {},
        {**response(), "output": None},
        {**response(), "usage": {"inputTokens": 1}},
    ],
)
def test_what_is_not_a_whole_answer_is_a_failure(body: dict[str, Any]) -> None:
    with pytest.raises(EngineFailed):
        converse.completion(body)


@pytest.mark.parametrize(
    "code, status, message, kind",
    [
        ("ThrottlingException", 429, "Too many requests, please wait", EngineBusy),
        ("ServiceQuotaExceededException", 400, "", EngineBusy),
        ("ModelNotReadyException", 429, "", EngineBusy),
        ("ServiceUnavailableException", 503, "", EngineBusy),
        ("SomethingNew", 429, "", EngineBusy),
        ("AccessDeniedException", 403, "You don't have access to the model", BackendUnavailable),
        ("ResourceNotFoundException", 404, "Model use case details", BackendUnavailable),
        ("ExpiredTokenException", 403, "", BackendUnavailable),
        ("SomethingNew", 403, "", BackendUnavailable),
        ("ValidationException", 400, "The provided model identifier is invalid.", BackendUnavailable),
        (
            "ValidationException",
            400,
            "Invocation of model ID x with on-demand throughput isn’t supported.",
            BackendUnavailable,
        ),
        ("ValidationException", 400, "This model doesn't support the stopSequences field", PromptRejected),
        ("SerializationException", 400, "", PromptRejected),
        ("ModelErrorException", 424, "", EngineFailed),
        ("ModelTimeoutException", 408, "", EngineFailed),
        ("InternalServerException", 500, "", EngineFailed),
        ("", 0, "", EngineFailed),
    ],
)
def test_errors_say_what_to_do_next(code: str, status: int, message: str, kind: type[ForeverUsError]) -> None:
    refused = converse.refusal(code, status, message)
    assert type(refused) is kind and code in str(refused)


@pytest.mark.parametrize(
    "message",
    [
        "Input is too long for requested model.",
        "This model's maximum context length is 32768 tokens.",
        "The maximum tokens you requested exceeds the model limit of 8192.",
    ],
)
def test_prompt_longer_than_the_context_is_rejected_with_a_reason(message: str) -> None:
    rejected = converse.refusal("ValidationException", 400, message)
    assert isinstance(rejected, PromptRejected) and rejected.reason == "context_length_exceeded"
