"""Tool calls and logprobs through the port: in a stream's pieces, in a whole answer, and the one made of the other."""

import json
from typing import Any

import pytest

from foreverus.backends.memory import MemoryEngine
from foreverus.backends.port import Completion, Delta, Finished, Message, Prompt, ToolCall, ToolCallPiece
from foreverus.backends.whole import whole_answer
from foreverus.errors import EngineFailed
from tests.unit.backends.server import HELLO, USAGE, Reply, Script, engine
from tests.unit.backends.test_openai_http import CHAT, asynchronous

ADD = ToolCall("call_1", "add", '{"a": 1, "b": 2}')
SUB = ToolCall("call_2", "sub", "{}")


def event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish, **more}]})


def call(index: int, arguments: str, **named: str) -> dict[str, Any]:
    """As both engines stream it: id and name with the first piece alone."""
    function = {"arguments": arguments} | ({"name": named["name"]} if "name" in named else {})
    return {"index": index, "function": function} | ({"id": named["id"], "type": "function"} if "id" in named else {})


CALLS = [
    event({"role": "assistant", "content": None}),
    event({"tool_calls": [call(0, "", id="call_1", name="add")]}),
    event({"tool_calls": [call(0, '{"a": 1,')]}),
    event({"tool_calls": [call(0, ' "b": 2}'), call(1, "{}", id="call_2", name="sub")]}),
    event({}, "tool_calls"),
    USAGE,
    "[DONE]",
]


async def streamed(events: list[str]) -> tuple[list[Delta], Finished]:
    async with engine(Script({CHAT: [Reply(events=events)]})) as client:
        found = [one async for one in client.stream(HELLO)]
    finished = found.pop()
    assert isinstance(finished, Finished)
    return [one for one in found if isinstance(one, Delta)], finished


@asynchronous
async def test_tool_calls_come_piece_by_piece_and_make_a_whole() -> None:
    deltas, finished = await streamed(CALLS)
    assert [len(one.tool_calls) for one in deltas] == [1, 1, 2] and finished.finish_reason == "tool_calls"
    assert deltas[0].tool_calls == (ToolCallPiece(0, "call_1", "add"),)
    assert whole_answer(deltas, finished) == Completion("", "tool_calls", 7, 2, (ADD, SUB))


@asynchronous
async def test_logprobs_are_handed_on_as_the_engine_wrote_them() -> None:
    """Half a character is a token without text, and has a logprob like any other."""
    parts = [
        {"content": [{"token": one, "logprob": -0.5, "bytes": None, "top_logprobs": []}]} for one in ("Hi", "\ufffd")
    ]
    events = [event({"content": "Hi"}, logprobs=parts[0]), event({"content": ""}, logprobs=parts[1])]
    deltas, finished = await streamed([*events, event({}, "stop"), USAGE, "[DONE]"])
    assert [one.logprobs for one in deltas] == parts
    assert whole_answer(deltas, finished).logprobs == {"content": [*parts[0]["content"], *parts[1]["content"]]}


@asynchronous
async def test_whole_answer_of_the_engine_has_them_too() -> None:
    said = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": one.arguments}}
            for one in (ADD, SUB)
        ],
    }
    usage = {"prompt_tokens": 7, "completion_tokens": 2}
    choice = {"message": said, "finish_reason": "tool_calls", "logprobs": {"content": []}}
    body = json.dumps({"choices": [choice], "usage": usage}).encode()
    async with engine(Script({CHAT: [Reply(200, body)]})) as client:
        assert await client.complete(HELLO) == Completion("", "tool_calls", 7, 2, (ADD, SUB), {"content": []})


@pytest.mark.parametrize("calls", [{}, "x", [1], [None], 7])
@asynchronous
async def test_what_are_no_tool_calls_is_no_answer(calls: Any) -> None:
    with pytest.raises(EngineFailed):
        await streamed([event({"tool_calls": calls}), event({}, "stop"), USAGE, "[DONE]"])


@asynchronous
async def test_results_of_tools_reach_the_engine_with_the_calls_that_they_answer() -> None:
    said = (Message("user", "1 + 2?"), Message("assistant", "", (ADD,)), Message("tool", "3", tool_call_id="call_1"))
    script = Script({CHAT: [Reply(events=[event({"content": "3"}), event({}, "stop"), USAGE, "[DONE]"])]})
    async with engine(script) as client:
        assert [one async for one in client.stream(Prompt(said))]
    function = {"name": "add", "arguments": '{"a": 1, "b": 2}'}
    assert script.requests[0]["messages"] == [
        {"role": "user", "content": "1 + 2?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "content": "3", "tool_call_id": "call_1"},
    ]


def test_turn_that_asks_for_tools_is_no_beginning_of_an_answer() -> None:
    assert not Prompt((Message("user", "a"), Message("assistant", "", (ADD,)))).continues


@asynchronous
async def test_twin_says_what_it_is_told_to() -> None:
    pieces = [Delta("", (ToolCallPiece(0, "call_1", "add", ADD.arguments),)), Delta("", (), {"content": []})]
    assert await MemoryEngine(lambda prompt: pieces).complete(HELLO) == Completion(
        "", "tool_calls", 3, 2, (ADD,), {"content": []}
    )
