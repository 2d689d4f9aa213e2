"""Which words are found in a title, and what is marked of it and of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreverus.conversations.search.words import MOST_SHOWN, Marker, TextPart, folded, is_found


def marked(parts: list[TextPart]) -> list[str]:
    return [one.text for one in parts if one.marked]


def whole(parts: list[TextPart]) -> str:
    return "".join(one.text for one in parts)


@pytest.mark.parametrize(
    ("title", "words", "found"),
    [
        ("Fotossíntese das algas", "FOTOSSINTESE", ["Fotossíntese"]),
        ("A árvore e a Árvore", "arvore", ["árvore", "Árvore"]),
        ("Cac\u0327a\u0303o", "cação", ["Cac\u0327a\u0303o"]),  # each mark a character of its own
        ("quicksort", "sort qu", ["qu", "sort"]),
        ("aaaa", "aa", ["aaaa"]),
        ("İstanbul", "stan", ["stan"]),
        ("日本語の本", "本", ["本", "本"]),
        ("<b>bold</b>", "<b>", ["<b>"]),
    ],
)
def test_a_title_is_marked_where_the_words_stand(title: str, words: str, found: list[str]) -> None:
    assert is_found(title, words)
    parts = Marker(words).in_title(title)
    assert whole(parts) == title
    assert marked(parts) == found


@pytest.mark.parametrize(
    ("text", "words", "stems", "found"),
    [
        ("Três operações e uma operação.", "operação", ["operaca", "operacao"], ["operações", "operação"]),
        ("She was happy and happier", "happiness", ["happi"], ["happy", "happier"]),
        ("a ação, as ações", "acao", ["aca", "acao"], ["ação", "ações"]),
        ("to be or not", "be", ["be"], ["be"]),
        ("bees are not to be", "be", ["be"], ["be"]),
        ("Os animais", "animal", ["animal"], ["animais"]),
    ],
)
def test_a_text_is_marked_by_the_stems_that_were_looked_for(
    text: str, words: str, stems: list[str], found: list[str]
) -> None:
    assert marked(Marker(words, stems).in_text(text)) == found


def test_a_long_text_is_shown_around_the_first_of_the_words() -> None:
    text = "antes " * 1000 + "a fotossíntese acontece " + "depois " * 1000
    parts = Marker("fotossintese").in_text(text)
    assert marked(parts) == ["fotossíntese"]
    assert (parts[0].text, parts[-1].text) == ("… ", " …")
    assert len(whole(parts)) <= MOST_SHOWN + 4
    assert not any(
        word not in ("antes", "a", "fotossíntese", "acontece", "depois", "…") for word in whole(parts).split()
    )


def test_where_nothing_can_be_marked_the_beginning_is_shown() -> None:
    parts = Marker("xyz").in_text("palavra " * 100)
    assert marked(parts) == []
    assert whole(parts).startswith("palavra palavra")
    assert Marker("xyz").in_text("") == []


@given(st.text(), st.text(min_size=1, max_size=50))
def test_parts_of_any_title_are_the_title(title: str, words: str) -> None:
    parts = Marker(words).in_title(title)
    assert whole(parts) == title
    assert all(one.text for one in parts)
    if is_found(title, words):
        for word in folded(words).split():
            assert any(word in folded(one) for one in marked(parts)) or word in folded(title)


@given(
    st.text(st.sampled_from("ab çãoõ ens\n1_🙂\u0301"), max_size=600), st.text(st.sampled_from("abço ens"), max_size=12)
)
def test_a_piece_of_any_text_stands_in_it(text: str, words: str) -> None:
    parts = Marker(words, ["ab"]).in_text(text)
    shown = whole(parts).removeprefix("… ").removesuffix(" …")
    assert shown in text
    assert len(shown) <= MOST_SHOWN or any(one.marked and len(one.text) > 60 for one in parts)
