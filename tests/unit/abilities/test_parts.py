"""A text in parts: nothing is lost, each fits, and it is cut where one would breathe."""

from xml.sax.saxutils import escape

from hypothesis import given
from hypothesis import strategies as st

from foreverus.abilities.text_to_speech.parts import parts
from foreverus.abilities.text_to_speech.port import billed_at_most


@given(st.text(alphabet=st.sampled_from("ab .!?\n&<é🙂"), max_size=200), st.integers(2, 20), st.integers(10, 60))
def test_every_part_fits_and_together_they_say_all(text: str, most: int, most_with_tags: int) -> None:
    found = list(parts(text, most, most_with_tags))
    assert "".join("".join(found).split()) == "".join(text.split())
    for part in found:
        assert part.strip()
        assert billed_at_most(part) <= most
        assert len(escape(part)) <= most_with_tags


def test_it_is_cut_between_sentences_before_it_is_cut_between_words() -> None:
    text = "Uma frase curta. Outra, que é mais longa do que a primeira. Fim."
    assert list(parts(text, most=40)) == ["Uma frase curta.", "Outra, que é mais longa do que a", "primeira. Fim."]


def test_what_openai_allows_is_two_calls() -> None:
    assert len(list(parts("Uma frase de teste. " * 205))) == 2
