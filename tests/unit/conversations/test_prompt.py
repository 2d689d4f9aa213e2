"""From a conversation's items to a prompt, and to shorter ones."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.backends.port import Message, Prompt
from foreverus.conversations.history import Exchange, estimate
from foreverus.conversations.prompt import (
    DEFAULT_SYSTEM,
    Thread,
    build_prompt,
    read_thread,
    shorter,
    trimmed_messages,
)
from foreverus.conversations.records import Answer, AnswerOptions, AnswerStatus, Question


def question(number: int, content: str = "q", **options: Any) -> Question:
    named = {"message_id": f"msg_{number}", "conversation_id": "conv_1", "user_id": "ana", "created_at": "then"}
    return Question(**named, content=content, options=AnswerOptions(**options))


def answer(number: int, content: str = "a", status: str = "answered", **more: Any) -> Answer:
    named = {"message_id": f"msg_{number}", "conversation_id": "conv_1"}
    return Answer(**named, content=content, status=AnswerStatus(status), **more)


def test_questions_without_a_good_answer_are_left_out() -> None:
    items = [question(5), answer(4, "", "failed"), question(4), question(3), answer(2, "two"), question(2, "Q2")]
    thread = read_thread([*items, answer(1, "half", "answering"), question(1)], "msg_5", 1000)
    assert thread.earlier == (Exchange("Q2", "two"),) and thread.answer is None


def test_roles_alternate_and_the_last_is_the_question() -> None:
    thread = Thread(question(9, "now?"), None, (Exchange("q1", "a1"), Exchange("q2", "a2")))
    prompt = build_prompt("", thread, 2048)
    roles = [message.role for message in prompt.messages]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert prompt.messages[0].content == DEFAULT_SYSTEM and not prompt.continues
    assert (prompt.max_tokens, prompt.temperature) == (1024, None)


def test_partial_answer_is_the_beginning_of_the_next() -> None:
    thread = Thread(question(1, max_tokens=100, temperature=0), answer(1, "Once", "answering", partial_tokens=30), ())
    prompt = build_prompt("Be brief.", thread, 2048)
    assert prompt.continues and prompt.messages[-1] == Message("assistant", "Once")
    assert (prompt.max_tokens, prompt.temperature) == (70, 0.0)


def test_prompt_without_a_question_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError):
        build_prompt("", Thread(None, None, ()), 2048)


TEXTS = st.text(max_size=200)
EXCHANGES = st.lists(st.builds(Exchange, TEXTS, TEXTS), max_size=30)


@given(EXCHANGES, TEXTS, TEXTS, st.integers(64, 4096), st.one_of(st.none(), st.integers(1, 4096)))
def test_what_is_sent_fits_by_estimate_and_is_the_newest(
    earlier: list[Exchange], asked: str, partial: str, context: int, limit: int | None
) -> None:
    options = {} if limit is None else {"max_tokens": limit}
    begun = answer(1, partial, "answering") if partial else None
    prompt = build_prompt("s", Thread(question(1, asked, **options), begun, tuple(earlier)), context)
    tail = 2 if partial else 1
    turns = prompt.messages[1:-tail]
    newest = [m for e in earlier for m in (Message("user", e.question), Message("assistant", e.answer))]
    assert list(turns) == newest[len(newest) - len(turns) :] and len(turns) % 2 == 0
    if turns:
        assert sum(map(estimate, prompt.messages)) <= context


@given(EXCHANGES, st.booleans(), st.one_of(st.none(), st.integers(1, 4096)))
def test_shorter_ends_and_keeps_the_question(earlier: list[Exchange], continues: bool, limit: int | None) -> None:
    turns = [m for e in earlier for m in (Message("user", e.question), Message("assistant", e.answer))]
    tail = [Message("user", "asked")] + ([Message("assistant", "begun")] if continues else [])
    prompt: Prompt | None = Prompt((Message("system", "s"), *turns, *tail), limit)
    for _ in range(20):
        assert prompt is not None
        assert list(prompt.messages[-len(tail) :]) == tail and prompt.messages[0].role == "system"
        assert (len(prompt.messages) - 1 - len(tail)) % 2 == 0
        before, prompt = prompt, shorter(prompt)
        if prompt is None:
            return
        assert prompt != before and len(prompt.messages) <= len(before.messages)
    raise AssertionError("it never ends")


TWELVE = tuple(Exchange(f"question {n}", f"answer {n}") for n in range(12))


@pytest.mark.parametrize("limit", [None, 1, 64, 1024, 4096, 8192, 32768])
def test_a_limit_on_the_answer_takes_nothing_from_the_history(limit: int | None) -> None:
    thread = Thread(question(13, "What is my name?", max_tokens=limit), None, TWELVE)
    prompt = build_prompt("", thread, 8192)
    assert len(prompt.messages) == 26 and trimmed_messages(thread, prompt) == 0
    assert prompt.max_tokens == (limit or 1024)


@given(EXCHANGES, st.booleans(), st.integers(64, 2048))
def test_every_message_is_sent_or_told_as_trimmed(earlier: list[Exchange], begun: bool, context: int) -> None:
    partial = answer(1, "begun", "answering") if begun else None
    thread = Thread(question(1, "asked"), partial, tuple(earlier))
    prompt: Prompt | None = build_prompt("s", thread, context)
    while prompt is not None:
        sent = len(prompt.messages) - (3 if begun else 2)
        assert sent + trimmed_messages(thread, prompt) == 2 * len(earlier)
        prompt = shorter(prompt)


def test_what_is_too_old_to_be_read_counts_as_trimmed() -> None:
    items = [question(4), answer(3, "a" * 90), question(3), answer(2, "a" * 90), question(2), answer(1), question(1)]
    thread = read_thread(items, "msg_4", 100)
    assert len(thread.earlier) == 1 and thread.unread == 2
    assert trimmed_messages(thread, build_prompt("", thread, 2048)) == 2
    assert read_thread(items, "msg_4", 1000).unread == 0
