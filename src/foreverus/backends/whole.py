"""A whole answer made of a stream's pieces."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from foreverus.backends.port import Completion, Delta, Finished, Logprobs, ToolCall, ToolCallPiece


def whole_answer(deltas: Sequence[Delta], finished: Finished) -> Completion:
    """What the stream said, as `complete` would have said it."""
    return Completion(
        "".join(one.text for one in deltas),
        finished.finish_reason,
        finished.prompt_tokens,
        finished.completion_tokens,
        joined_calls([piece for one in deltas for piece in one.tool_calls]),
        joined_logprobs([one.logprobs for one in deltas if one.logprobs is not None]),
    )


async def completed(stream: AsyncGenerator[Delta | Finished, None], deltas: list[Delta] | None = None) -> Completion:
    """Reads it to its end, and closes it. `deltas`: where its pieces are put; a stream that begins anew empties it."""
    deltas = [] if deltas is None else deltas
    async with aclosing(stream) as events:
        async for event in events:
            if isinstance(event, Finished):
                return whole_answer(deltas, event)
            deltas.append(event)
    raise AssertionError("a stream without an end raises")


def joined_calls(pieces: Sequence[ToolCallPiece]) -> tuple[ToolCall, ...]:
    """
    >>> joined_calls([ToolCallPiece(0, "c", "add", '{"a":'), ToolCallPiece(0, arguments="1}")])
    (ToolCall(id='c', name='add', arguments='{"a":1}'),)
    """
    calls: dict[int, ToolCall] = {}
    for one in pieces:
        begun = calls.get(one.index, ToolCall("", "", ""))
        calls[one.index] = ToolCall(begun.id or one.id, begun.name or one.name, begun.arguments + one.arguments)
    return tuple(calls[index] for index in sorted(calls))


def joined_logprobs(parts: Sequence[Logprobs]) -> Logprobs | None:
    """The lists of each name, one behind the other. None of none."""
    joined: dict[str, object] = {}
    for part in parts:
        for name, value in part.items():
            before = joined.get(name)
            joined[name] = [*before, *value] if isinstance(before, list) and isinstance(value, list) else value
    return joined or None


def pieces_of(calls: object) -> tuple[ToolCallPiece, ...]:
    """`tool_calls` as OpenAI's API has them, of a stream or a whole answer. Raises what reading of anything else does:
    AttributeError, LookupError, TypeError, ValueError."""
    if calls is None:
        return ()
    if not isinstance(calls, list):
        raise TypeError("tool_calls is no list")
    return tuple(_piece(one, number) for number, one in enumerate(calls))


def _piece(call: Mapping[str, object], number: int) -> ToolCallPiece:
    function = call.get("function")
    named: Mapping[str, object] = function if isinstance(function, Mapping) else {}
    index = call.get("index", number)
    return ToolCallPiece(
        index if isinstance(index, int) else number,
        str(call.get("id") or ""),
        str(named.get("name") or ""),
        str(named.get("arguments") or ""),
    )
