"""A document's text in chunks: what is embedded, found, and shown to the model as one numbered source. Pure.

Chunks are cut between paragraphs, else between sentences, else between words; each begins with the end of the one
before, because a sentence's meaning may need it. A place in the text is a character's number in the paragraphs joined
by blank lines, which is what the page opens.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from foreverus.documents.reading.records import Block

CHARACTERS_PER_TOKEN = 3.5  # of Portuguese and English, on the high side in tokens; measured: docs/decisions/0059
CHUNK_TOKENS = 280
OVERLAP_TOKENS = 40
MOST_HEADINGS = 1_000  # of a document: an answer of the API holds them all
CHUNK_CHARACTERS = int(CHUNK_TOKENS * CHARACTERS_PER_TOKEN)
OVERLAP_CHARACTERS = int(OVERLAP_TOKENS * CHARACTERS_PER_TOKEN)
BETWEEN = "\n\n"
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|\n+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """`start`, `end`: its characters in the whole text. `page`, `heading`: of its first own words."""

    number: int
    text: str
    start: int
    end: int
    page: int = 0
    heading: str = ""

    @property
    def said(self) -> str:
        """What is embedded: a paragraph alone may not say what it is about."""
        return under_heading(self.heading, self.text)


@dataclass(frozen=True, slots=True)
class Heading:
    """`start`: the first character in the whole text that stands under it; an empty text: under none."""

    start: int
    text: str


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    block: Block


def under_heading(heading: str, text: str) -> str:
    """The text with the heading that it stands under, unless it says it itself.

    >>> under_heading("Method", "We did."), under_heading("Method", "2. Method: we did.")
    ('Method\\nWe did.', '2. Method: we did.')
    """
    return f"{heading}\n{text}" if heading and heading not in text else text


def whole_text(blocks: Sequence[Block]) -> str:
    return BETWEEN.join(one.text for one in blocks)


def headings(blocks: Sequence[Block]) -> list[Heading]:
    """In order: what stands at a place stands under the last one that begins before it. Behind the thousandth nothing
    is said to stand under any."""
    at, found = 0, list[Heading]()
    for block in blocks:
        if block.heading != (found[-1].text if found else ""):
            if len(found) == MOST_HEADINGS:
                return [*found, Heading(at, "")]
            found.append(Heading(at, block.heading))
        at += len(block.text) + len(BETWEEN)
    return found


def chunked(blocks: Sequence[Block]) -> list[Chunk]:
    """In order. No chunk goes over a heading's or a page's beginning: its place would be two."""
    text, found = whole_text(blocks), list[Chunk]()
    for group in _groups(_pieces(blocks)):
        found += _packed(text, group, len(found))
    return found


def _pieces(blocks: Sequence[Block]) -> Iterator[_Piece]:
    """Paragraphs, cut where one alone is too long."""
    at = 0
    for block in blocks:
        for start, end in cut(block.text, CHUNK_CHARACTERS):
            yield _Piece(at + start, at + end, block)
        at += len(block.text) + len(BETWEEN)


def _groups(pieces: Iterator[_Piece]) -> Iterator[list[_Piece]]:
    group = list[_Piece]()
    for piece in pieces:
        if group and (group[0].block.page, group[0].block.heading) != (piece.block.page, piece.block.heading):
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


def _packed(text: str, group: Sequence[_Piece], first: int) -> Iterator[Chunk]:
    number, begin = first, 0
    while begin < len(group):
        own, end = group[begin], begin + 1
        start = own.start if begin == 0 else _overlap(text, group[0].start, own.start)
        while end < len(group) and group[end].end - start <= CHUNK_CHARACTERS:
            end += 1
        stop = group[end - 1].end
        yield Chunk(number, text[start:stop], start, stop, own.block.page, own.block.heading)
        number, begin = number + 1, end


def _overlap(text: str, least: int, start: int) -> int:
    """Where a chunk begins whose own words begin at `start`: with a sentence, else a word, of what comes before."""
    earliest = max(least, start - OVERLAP_CHARACTERS)
    before = text[earliest:start]
    ends = [one.end() for one in _SENTENCE_END.finditer(before) if one.end() < len(before.rstrip())]
    if ends:
        return earliest + ends[0]
    space = before.find(" ")
    return earliest + space + 1 if 0 <= space < len(before.rstrip()) else start


def cut(text: str, most: int) -> Iterator[tuple[int, int]]:
    """Where a text's parts begin and end, none of them longer than `most`: between sentences, else between words.

    >>> [("Um dois. Três quatro."[a:b]) for a, b in cut("Um dois. Três quatro.", 14)]
    ['Um dois.', 'Três quatro.']
    """
    start = 0
    while len(text) - start > most:
        window = text[start : start + most + 1]
        ends = [one.end() for one in _SENTENCE_END.finditer(window) if one.end() <= most]
        end = ends[-1] if ends and ends[-1] > most // 3 else window.rfind(" ", most // 3) + 1
        end = end if end > 0 else most
        yield start, start + len(window[:end].rstrip())
        start += end
    if text[start:].strip():
        yield start, len(text)
