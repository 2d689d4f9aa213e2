"""Chunks: where they are cut, and that a place in one is a place in the text."""

from hypothesis import given
from hypothesis import strategies as st

from foreverus.documents.chunks import (
    CHUNK_CHARACTERS,
    MOST_HEADINGS,
    OVERLAP_CHARACTERS,
    Heading,
    chunked,
    cut,
    headings,
    whole_text,
)
from foreverus.documents.reading.records import Block

SENTENCE = "Esta frase tem um número de palavras, e depois acaba. "


def test_a_short_document_is_one_chunk() -> None:
    (only,) = chunked([Block("Um."), Block("Dois.")])
    assert (only.text, only.start, only.end) == ("Um.\n\nDois.", 0, 10)


def test_paragraphs_go_together_until_they_are_too_long() -> None:
    paragraph = SENTENCE * 8
    found = chunked([Block(paragraph.strip())] * 6)
    assert [one.number for one in found] == list(range(len(found)))
    assert all(len(one.text) <= CHUNK_CHARACTERS + OVERLAP_CHARACTERS for one in found)
    assert len(found) == 3


def test_a_chunk_begins_with_the_end_of_the_one_before() -> None:
    first, second, *_ = chunked([Block((SENTENCE * 60).strip())])
    assert second.start < first.end
    assert second.text.startswith("Esta frase")


def test_headings_and_pages_begin_chunks_of_their_own() -> None:
    blocks = [Block("a", 1), Block("b", 1), Block("c", 2), Block("d", 0, "Título"), Block("e", 0, "Título")]
    assert [(one.text, one.page, one.heading) for one in chunked(blocks)] == [
        ("a\n\nb", 1, ""),
        ("c", 2, ""),
        ("d\n\ne", 0, "Título"),
    ]


def test_what_stands_under_which_heading_is_known_by_place() -> None:
    assert headings([Block("a"), Block("b", 3)]) == []
    under_one = [Block("Um", 1, "Um"), Block("b", 2, "Um")]
    blocks = [Block("a"), *under_one, Block("Dois", 2, "Dois"), Block("c"), Block("d", 3, "Um")]
    found = headings(blocks)
    assert found == [Heading(3, "Um"), Heading(10, "Dois"), Heading(16, ""), Heading(19, "Um")]
    text = whole_text(blocks)
    assert [text[one.start :].split("\n")[0] for one in found] == ["Um", "Dois", "c", "d"]


def test_behind_the_thousandth_heading_nothing_is_said_to_stand_under_one() -> None:
    found = headings([Block("a", 0, str(number)) for number in range(MOST_HEADINGS + 5)])
    assert len(found) == MOST_HEADINGS + 1
    assert (found[-2].text, found[-1]) == (str(MOST_HEADINGS - 1), Heading(3 * MOST_HEADINGS, ""))


def test_what_is_embedded_says_under_which_heading_it_stands() -> None:
    (one,) = chunked([Block("Dorme no inverno.", 0, "Ursos")])
    assert one.said == "Ursos\nDorme no inverno."


texts = st.text(st.sampled_from("ab é.!?\n"), min_size=1, max_size=3000)
blocks = st.lists(st.builds(Block, texts.map(str.strip).filter(bool), st.integers(0, 2)), max_size=5)


@given(blocks)
def test_every_chunk_is_where_it_says_and_nothing_is_lost(given_blocks: list[Block]) -> None:
    text, found = whole_text(given_blocks), chunked(given_blocks)
    assert all(text[one.start : one.end] == one.text for one in found)
    covered = set[int]()
    for one in found:
        covered |= set(range(one.start, one.end))
    assert all(not text[at].strip() for at in range(len(text)) if at not in covered)


@given(texts, st.integers(5, 200))
def test_parts_are_no_longer_than_was_asked(text: str, most: int) -> None:
    assert all(0 < end - start <= most for start, end in cut(text, most) if end - start)
