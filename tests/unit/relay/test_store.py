"""A program's request in the table and in its twin: one contract for both."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from foreverus import ids
from foreverus.aws import keys
from foreverus.backends.port import Delta, Message, Prompt, ToolCall, ToolCallPiece
from foreverus.costs.usage.store import UsageStore
from foreverus.errors import PromptRejected
from foreverus.relay.memory import MemoryRequests
from foreverus.relay.records import KEPT, FailureKind, GpuRequest, RequestEnd, RequestFailure, RequestRef
from foreverus.relay.store import RequestStore
from tests.unit.conftest import NOW, Aws

REF = RequestRef("req_1", "ana", "line_1")
PROMPT = Prompt(
    (
        Message("system", "Be short."),
        Message("user", "Was kostet „das“? \U0001f600"),
        Message("assistant", "", (ToolCall("c1", "price", '{"of":"it"}'),)),
        Message("tool", "4", tool_call_id="c1"),
    ),
    max_tokens=12,
    temperature=0.0,
    options={"top_p": 0.5, "stop": ["x"], "tools": [{"type": "function"}], "logprobs": True, "seed": 7},
)
TEXT = Prompt((), text="Once upon", options={})
DELTAS = [
    Delta("Four"),
    Delta("", (ToolCallPiece(0, "c", "f", '{"a"'),)),
    Delta(".", (), {"content": [{"token": "."}]}),
]
WHOLE = RequestEnd("stop", 21, 3)


class Kept:
    """A store, and what it has counted."""

    def __init__(self, store: Any, aws: Aws | None):
        self.store = store
        self.aws = aws

    @property
    def counted(self) -> tuple[int, int, int, int]:
        """Prompt tokens, completion tokens and answers of the session, and the person's tokens of the day."""
        if self.aws is None:
            rows = [row[2:] for row in self.store.counted]
            sums = [sum(column) for column in zip(*rows, strict=True)] or [0, 0, 0]
            return sums[0], sums[1], sums[2], sums[0] + sums[1]
        session = self.aws.items.get(keys.session_key("ses_1")) or {}
        day = UsageStore(self.aws.items).day("ana", "2026-01-01")
        names = ("prompt_tokens", "completion_tokens", "messages_answered")
        prompt, completion, answers = (session.get(name, 0) for name in names)
        return prompt, completion, answers, day.tokens


@pytest.fixture(params=["table", "memory"])
def kept(request: pytest.FixtureRequest) -> Iterator[Kept]:
    if request.param == "memory":
        yield Kept(MemoryRequests(), None)
        return
    aws: Aws = request.getfixturevalue("aws")
    yield Kept(RequestStore(aws.items, lambda: NOW), aws)


def asked(prompt: Prompt = PROMPT, ref: RequestRef = REF) -> GpuRequest:
    return GpuRequest(ref=ref, prompt=prompt, created_at=ids.timestamp(NOW))


@pytest.mark.parametrize("prompt", [PROMPT, TEXT])
def test_a_worker_gets_what_was_asked_with_every_option(kept: Kept, prompt: Prompt) -> None:
    kept.store.keep(asked(prompt))
    first = kept.store.take(REF, "ses_1")
    assert (first.prompt, first.attempt, first.created_at, first.whole) == (prompt, 1, ids.timestamp(NOW), False)
    kept.store.keep(replace(asked(prompt), whole=True))
    assert kept.store.take(REF, "ses_1").whole
    kept.store.take(REF, "ses_1")
    again = kept.store.take(REF, "ses_2")
    assert (again.prompt, again.attempt) == (prompt, 3)
    assert kept.store.look(REF).session_id == "ses_2"


@pytest.mark.parametrize(
    "end",
    [
        WHOLE,
        RequestEnd("length", 5, 0),
        RequestEnd("", 0, 0, RequestFailure(FailureKind.REJECTED, "Too long.", "context_length_exceeded")),
        RequestEnd("", 0, 2, RequestFailure(FailureKind.FAILED, "The engine failed.")),
    ],
)
def test_an_answer_is_kept_for_who_missed_a_part_of_it_and_its_prompt_is_not(kept: Kept, end: RequestEnd) -> None:
    kept.store.keep(asked())
    kept.store.take(REF, "ses_1")
    kept.store.finish(REF, "ses_1", end, DELTAS)
    look = kept.store.look(REF)
    assert (look.end, list(look.deltas)) == (end, DELTAS)
    assert kept.store.take(REF, "ses_2") is None  # delivered again: nothing is left to be done
    assert kept.counted == (end.prompt_tokens, end.completion_tokens, 1, end.prompt_tokens + end.completion_tokens)


def test_a_write_that_came_through_and_is_tried_again_counts_once(kept: Kept) -> None:
    kept.store.keep(asked())
    kept.store.take(REF, "ses_1")
    kept.store.finish(REF, "ses_1", WHOLE, DELTAS)
    kept.store.finish(REF, "ses_1", WHOLE, DELTAS)
    assert kept.counted == (21, 3, 1, 24)


def test_what_was_erased_meanwhile_is_counted_and_not_kept(kept: Kept) -> None:
    kept.store.keep(asked())
    kept.store.take(REF, "ses_1")
    kept.store.erase(REF)
    kept.store.finish(REF, "ses_1", WHOLE, DELTAS)
    assert kept.store.look(REF) is None and list(kept.store.open_requests()) == []
    assert kept.counted == (21, 3, 0, 24)


def test_what_another_worker_has_finished_is_counted_for_who_spent_it(kept: Kept) -> None:
    kept.store.keep(asked())
    kept.store.take(REF, "ses_1")
    kept.store.take(REF, "ses_2")
    kept.store.finish(REF, "ses_2", WHOLE, DELTAS)
    kept.store.finish(REF, "ses_1", RequestEnd("stop", 21, 9), [Delta("else")])
    assert list(kept.store.look(REF).deltas) == DELTAS
    assert kept.counted[0] == (21 if kept.aws else 42) and kept.counted[3] == 24 + 30


def test_one_that_waits_is_withdrawn_for_good(kept: Kept) -> None:
    kept.store.keep(asked())
    assert kept.store.withdraw(REF) == ""
    assert kept.store.take(REF, "ses_1") is None and list(kept.store.open_requests()) == []


def test_who_withdraws_one_in_work_learns_where_it_is_stopped(kept: Kept) -> None:
    kept.store.keep(asked())
    kept.store.take(REF, "ses_1")
    assert kept.store.withdraw(REF) == "ses_1"
    assert kept.store.look(REF) is None and list(kept.store.open_requests()) == []
    assert kept.store.withdraw(REF) == ""  # again


def test_one_that_is_answered_has_nobody_to_stop(kept: Kept) -> None:
    kept.store.keep(asked())
    kept.store.take(REF, "ses_1")
    kept.store.finish(REF, "ses_1", WHOLE, DELTAS)
    assert kept.store.withdraw(REF) == "" and kept.store.look(REF) is None


@pytest.mark.parametrize(
    "prompt", [Prompt((Message("user", "\ud83d"),)), Prompt((), text="x", options={"x": float("nan")})]
)
def test_what_json_cannot_carry_is_refused_and_nothing_is_kept(kept: Kept, prompt: Prompt) -> None:
    with pytest.raises(PromptRejected):
        kept.store.keep(asked(prompt))
    assert list(kept.store.open_requests()) == []


def noise(length: int) -> str:
    """What no packing makes small."""
    state, found = 1, []
    for _ in range(length):
        state = state * 6364136223846793005 + 1442695040888963407 & (2**64 - 1)
        found.append(chr(0x4E00 + (state >> 33) % 20000))
    return "".join(found)


def test_more_than_an_item_holds_is_refused_with_its_reason(kept: Kept) -> None:
    with pytest.raises(PromptRejected, match="too large") as refused:
        kept.store.keep(asked(Prompt((Message("user", noise(250_000)),))))
    assert refused.value.reason == "request_too_large"


def test_an_answer_of_more_than_an_item_holds_has_an_end_and_no_deltas(kept: Kept) -> None:
    kept.store.keep(asked())
    kept.store.take(REF, "ses_1")
    kept.store.finish(REF, "ses_1", WHOLE, [Delta(noise(250_000))])
    look = kept.store.look(REF)
    assert look.end == WHOLE and look.deltas is None


def test_open_requests_are_counted_until_they_are_answered_or_old(aws: Aws) -> None:
    times = itertools.chain([NOW], itertools.repeat(NOW + KEPT))
    store = RequestStore(aws.items, lambda: next(times))
    for name in ("req_1", "req_2", "req_3"):
        store.keep(asked(ref=RequestRef(name, "ana", "line_1")))
    store.take(REF, "ses_1")
    aws.items.update(keys.open_request_key("req_2"), "SET is_over = :yes", {":yes": True})
    assert store.waiting() == 2
    assert store.waiting() == 0  # fifteen minutes later
    assert [one.ref.request_id for one in store.expired(NOW + KEPT)] == ["req_1", "req_2", "req_3"]
    assert store.expired(NOW + KEPT - timedelta(seconds=1)) == []


def test_both_items_go_by_themselves(aws: Aws) -> None:
    RequestStore(aws.items).keep(asked())
    until = int((NOW + KEPT).timestamp())
    for key in (keys.request_key("req_1"), keys.open_request_key("req_1")):
        item = aws.items.get(key)
        assert item and item["expires_at"] == until
    listed = aws.items.get(keys.open_request_key("req_1"))
    assert listed is not None and "prompt" not in listed
