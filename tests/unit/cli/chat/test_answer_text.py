"""Whatever the order in which pieces of an answer arrive, the text is the answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.cli.chat.answer_text import AnswerText, Change

TEXT = st.text(alphabet="ab é😀\n", max_size=12)


@given(TEXT, st.data())
def test_pieces_in_any_order_make_the_whole(whole: str, data: st.DataObject) -> None:
    """Deltas that overlap, come twice or early, and partial texts that lag: what is shown is never taken back."""
    text, shown = AnswerText(), ""
    for _ in range(data.draw(st.integers(0, 8))):
        begin = data.draw(st.integers(0, len(whole)))
        end = data.draw(st.integers(begin, len(whole)))
        change = text.snapshot(whole[:end]) if data.draw(st.booleans()) else text.add(begin, whole[begin:end])
        assert change is not Change.ANEW
        shown += text.fresh()
        assert whole.startswith(shown) and shown == text.whole
    assert text.final(whole) is not Change.ANEW
    assert shown + text.fresh() == whole == text.whole


@given(TEXT, TEXT)
def test_an_answer_that_is_begun_anew_is_the_later_one(first: str, second: str) -> None:
    text = AnswerText()
    text.add(0, first)
    text.fresh()
    change = text.final(second)
    assert text.whole == second
    assert (change is Change.ANEW) is not second.startswith(first)
    if change is Change.ANEW:
        assert text.fresh() == second


def test_a_gap_is_closed_by_what_is_asked_for() -> None:
    text = AnswerText()
    assert text.add(0, "He") is Change.LONGER
    assert text.add(4, "o!") is Change.NONE and text.has_gap
    assert text.snapshot("Hel") is Change.LONGER and text.has_gap
    assert text.add(3, "l") is Change.LONGER and not text.has_gap
    assert (text.whole, text.fresh()) == ("Hello!", "Hello!")


@pytest.mark.parametrize("late", ["Bon", "Bonjour"])
def test_another_worker_that_says_something_else_wins(late: str) -> None:
    text = AnswerText()
    text.add(0, "Hello")
    assert text.add(0, late) is Change.ANEW
    assert text.whole == text.fresh()[-len(late) :] == late
