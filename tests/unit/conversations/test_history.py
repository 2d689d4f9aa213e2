"""The tokens of earlier turns, from what their backends have counted."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.backends.port import Message, TokenUsage
from foreverus.conversations.history import Exchange, Held, estimate, turns_tokens
from foreverus.conversations.prompt import Thread, build_prompt, held_by, read_thread, trimmed_messages
from foreverus.conversations.records import Answer, Question
from tests.unit.conversations.test_prompt import answer, question

SYSTEM = 20


@dataclass
class Tokenizer:
    """A backend: it has so many tokens a character, whatever we estimate."""

    a_character: float

    def of(self, text: str) -> int:
        return int(len(text) * self.a_character) + 5

    def turn(self, one: tuple[str, str]) -> int:
        return self.of(one[0]) + self.of(one[1])


def talked(texts: list[tuple[str, str]], held: list[int], tokenizer: Tokenizer, counts: list[bool]) -> list[Exchange]:
    """As a backend has counted them whose prompts held so many turns each; where it has not, nobody knows."""
    made = []
    for place, (one, turns, is_counted) in enumerate(zip(texts, held, counts, strict=False)):
        turns = min(turns, place)
        counted = SYSTEM + sum(map(tokenizer.turn, texts[place - turns : place + 1]))
        known = {"counted": counted, "held": Held(turns, SYSTEM)} if is_counted else {}
        made.append(Exchange(*one, **known))
    return made


TEXTS = st.lists(st.tuples(st.text("ab ", max_size=80), st.text("ab ", max_size=80)), min_size=1, max_size=12)
DENSE = Tokenizer(1.7)  # as of text that has far more tokens than we would estimate


@given(TEXTS)
def test_what_was_always_sent_whole_is_known_exactly(texts: list[tuple[str, str]]) -> None:
    earlier = talked(texts, list(range(len(texts))), DENSE, [True] * len(texts))
    exact = [sum(map(DENSE.turn, texts[len(texts) - newest :])) for newest in range(len(texts) + 1)]
    assert turns_tokens(earlier) == exact


@given(TEXTS, st.lists(st.integers(1, 12), min_size=12, max_size=12))
def test_what_was_trimmed_on_the_way_is_known_exactly_too(texts: list[tuple[str, str]], held: list[int]) -> None:
    earlier = talked(texts, held, DENSE, [True] * len(texts))
    known = turns_tokens(earlier)
    last = min(held[len(texts) - 1], len(texts) - 1)
    assert known[last + 1] == sum(map(DENSE.turn, texts[len(texts) - 1 - last :]))


@given(TEXTS, st.lists(st.booleans(), min_size=12, max_size=12))
def test_where_nobody_counted_we_estimate_and_more_is_never_less(
    texts: list[tuple[str, str]], counts: list[bool]
) -> None:
    earlier = talked(texts, list(range(12)), Tokenizer(0.3), counts)
    known = turns_tokens(earlier)
    assert known[0] == 0 and all(one < other for one, other in pairwise(known))
    if not any(counts[: len(texts)]):
        assert known[1] == max(2, sum(map(estimate, earlier[-1].messages)))
    elif counts[len(texts) - 1]:
        assert known[-1] >= sum(map(Tokenizer(0.3).turn, texts))


def test_an_answer_that_knew_more_than_was_read_is_estimated() -> None:
    one = Exchange("a" * 30, "b" * 30, 5000, Held(7, 20))
    assert turns_tokens([one]) == [0, sum(map(estimate, one.messages))]


@pytest.mark.parametrize(("tokens", "kept"), [(700, 1), (250, 3), (60, 4)])
def test_turns_that_have_more_tokens_than_their_bytes_say_are_left_out_in_time(tokens: int, kept: int) -> None:
    """Four exchanges of a few characters, each of so many tokens: by our estimate all of them would fit."""
    items: list[Question | Answer] = [question(9, "now?")]
    for number in (4, 3, 2, 1):
        usage = TokenUsage(SYSTEM + number * tokens - 10, 10)
        items += [answer(number, "é" * 20, usage=usage, held=Held(number - 1, SYSTEM)), question(number, "?")]
    thread = read_thread(items, "msg_9", 100_000)
    prompt = build_prompt("x" * 33, thread, 2048)
    assert len(prompt.messages) == 2 + 2 * kept and trimmed_messages(thread, prompt) == 8 - 2 * kept
    assert held_by(prompt) == Held(kept, estimate(Message("system", "x" * 33)))


def test_an_answer_that_was_cut_off_or_continued_counts_nothing_exactly() -> None:
    prompt = build_prompt("", Thread(question(1), answer(1, "Once", "answering"), ()), 2048)
    assert prompt.continues and held_by(prompt) is None
    assert answer(1, usage=TokenUsage(900, 100)).counted == 0
