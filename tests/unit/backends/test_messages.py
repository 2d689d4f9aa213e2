"""What our own answers hold may be sent back; null is as if absent."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openai.types.chat import ChatCompletionMessage

from foreverus.backends.messages import read_messages, without_nulls
from foreverus.backends.parameters import CHAT
from foreverus.backends.port import Message
from foreverus.backends.request_schema import body_schema

USER = {"role": "user", "content": "Oi"}
DUMPED = ChatCompletionMessage(role="assistant", content="Olá").model_dump()


def body(*messages: Any) -> dict[str, Any]:
    return without_nulls({"model": "m", "messages": list(messages)})


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (DUMPED, "Olá"),
        ({"role": "assistant", "content": "Olá", "refusal": None}, "Olá"),
        ({"role": "assistant", "content": "Olá", "tool_calls": [], "annotations": []}, "Olá"),
        ({"role": "assistant", "content": None, "refusal": "Não posso."}, "Não posso."),
        ({"role": "assistant", "content": None, "tool_calls": None}, ""),
        ({"role": "assistant", "reasoning_content": None}, ""),
        ({"role": "assistant", "content": [{"type": "refusal", "refusal": "Não."}]}, "Não."),
        ({"role": "user", "content": "Olá", "name": "ana"}, "Olá"),
        ({"role": "user", "content": [{"type": "text", "text": "O"}, {"type": "text", "text": "lá"}]}, "O\nlá"),
    ],
)
def test_history_as_it_was_given_is_taken(message: dict[str, Any], text: str) -> None:
    asked = body(USER, message, USER)
    assert Draft202012Validator(body_schema(CHAT)).is_valid(asked)
    assert [one.content for one in read_messages(asked["messages"])] == ["Oi", text, "Oi"]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": None},
        {"role": "system"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "x"}]},
        {"role": "assistant", "content": "a", "function_call": {"name": "f", "arguments": ""}},
        {"role": "assistant", "content": "a", "audio": {"id": "x"}},
        {"role": "tool", "content": "x", "tool_call_id": "y"},
        {"role": "user", "content": [{"type": "refusal", "refusal": "x", "text": "y"}]},
        {"role": "user", "content": "x", "mood": "fine"},
        "Oi",
    ],
)
def test_what_asks_for_more_is_refused(message: Any) -> None:
    assert not Draft202012Validator(body_schema(CHAT)).is_valid(body(USER, message))


def test_a_beginning_without_text_begins_no_answer() -> None:
    asked = body(USER, {"role": "assistant", "content": None}, {"role": "assistant", "content": " "})
    assert read_messages(asked["messages"]) == (Message("user", "Oi"),)
    alone = body({"role": "assistant", "content": ""})
    assert len(read_messages(alone["messages"])) == 1


@pytest.mark.parametrize("messages", [None, 5, "x", [], [None], [[]], [{"content": [None, 5]}], [{"role": None}]])
def test_anything_is_looked_at_without_failing(messages: Any) -> None:
    without_nulls({"messages": messages})
