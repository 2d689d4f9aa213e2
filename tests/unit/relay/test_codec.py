"""What goes into the table and into frames comes out as it was."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.backends.port import Delta, ToolCallPiece
from foreverus.backends.whole import joined_calls, joined_logprobs
from foreverus.errors import BackendUnavailable, EngineBusy, EngineFailed, PromptRejected
from foreverus.relay import codec
from foreverus.relay.records import RequestEnd, RequestFailure

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
PIECES = st.builds(ToolCallPiece, st.integers(0, 3), TEXT, TEXT, TEXT)
LOGPROBS = st.none() | st.fixed_dictionaries({"content": st.lists(st.fixed_dictionaries({"token": TEXT}), max_size=3)})
DELTAS = st.builds(Delta, TEXT, st.lists(PIECES, max_size=3).map(tuple), LOGPROBS)


def framed(deltas: list[Delta], end: RequestEnd | None = None) -> Any:
    data = codec.frame_bytes("req_1", 2, "ses_1", 7, [codec.encoded(one) for one in deltas], end)
    return codec.frame_from_json(json.loads(data))


@given(st.lists(DELTAS, max_size=5))
def test_deltas_come_through_frames_and_the_table(deltas: list[Delta]) -> None:
    frame = framed(deltas)
    assert (frame.deltas, frame.request_id, frame.attempt, frame.session_id, frame.offset) == (
        deltas, "req_1", 2, "ses_1", 7,
    )  # fmt: skip
    assert codec.unpacked_deltas(codec.packed_deltas(deltas) or b"") == deltas


@given(DELTAS, st.integers(1, 40_000))
def test_a_delta_that_is_split_says_the_same(delta: Delta, times: int) -> None:
    large = replace(delta, text=delta.text * (times % 3000))
    pieces = list(codec.split(large))
    assert "".join(one.text for one in pieces) == large.text
    assert joined_calls([call for one in pieces for call in one.tool_calls]) == joined_calls(large.tool_calls)
    assert joined_logprobs([one.logprobs for one in pieces if one.logprobs]) == (large.logprobs or None)
    assert all(len(one.text.encode()) <= codec.MOST_PIECE_BYTES for one in pieces)


def test_what_an_engine_gives_is_not_split() -> None:
    for one in (Delta("a"), Delta(""), Delta("", (ToolCallPiece(0, "c", "f"),)), Delta("a", (), {"content": []})):
        assert list(codec.split(one)) == [one]


@pytest.mark.parametrize(
    "error",
    [
        PromptRejected("no", "context_length_exceeded"),
        EngineBusy("later"),
        EngineFailed("gone"),
        BackendUnavailable("x"),
    ],
)
def test_an_error_is_the_same_error_on_the_other_side(error: PromptRejected | EngineBusy) -> None:
    said = framed([], RequestEnd("", 3, 4, RequestFailure.of(error))).end
    again = said.failure.error()
    assert str(again) == str(error) and (said.prompt_tokens, said.completion_tokens) == (3, 4)
    assert type(again) is (EngineFailed if isinstance(error, BackendUnavailable) else type(error))
    assert getattr(again, "reason", None) == getattr(error, "reason", None)


@pytest.mark.parametrize("end", [RequestEnd("stop", 1, 2), RequestEnd("tool_calls"), RequestEnd(handed_back=True)])
def test_an_end_comes_through(end: RequestEnd) -> None:
    assert framed([], end).end == end


@pytest.mark.parametrize(
    "body", [{}, {"request_id": "x"}, {"request_id": 1, "attempt": "x", "session_id": "", "offset": 0}]
)
def test_what_is_no_frame_is_said_to_be_none(body: dict[str, Any]) -> None:
    with pytest.raises((LookupError, TypeError, ValueError, AttributeError)):
        codec.frame_from_json(body)
