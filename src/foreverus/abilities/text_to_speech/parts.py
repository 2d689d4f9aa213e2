"""A text in parts that one call reads aloud: cut between sentences, else between words. Pure."""

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape

from foreverus.abilities.text_to_speech.port import MOST_CHARACTERS, MOST_WITH_TAGS, billed_at_most

TAGS = 64  # characters that what is written around a text takes at most (polly.py)
_ENDS = (re.compile(r"[.!?…]+[\"'”’)\]]*\s+|\n+"), re.compile(r"\s+"))


def parts(text: str, most: int = MOST_CHARACTERS, most_with_tags: int = MOST_WITH_TAGS - TAGS) -> Iterator[str]:
    """Parts that say all of it, none blank.

    >>> list(parts("Bom dia. Tudo bem?", most=12))
    ['Bom dia.', 'Tudo bem?']
    >>> list(parts("aaaa bbbb", most=6)), list(parts("aaaaaa", most=4))
    (['aaaa', 'bbbb'], ['aaaa', 'aa'])
    """
    left = text.strip()
    while left:
        end = len(left) if _fits(left, most, most_with_tags) else _cut(left, _room(left, most, most_with_tags))
        part, left = left[:end].strip(), left[end:].strip()
        if part:
            yield part


def _fits(text: str, most: int, most_with_tags: int) -> bool:
    return billed_at_most(text) <= most and len(escape(text)) <= most_with_tags


def _room(text: str, most: int, most_with_tags: int) -> int:
    """How many characters of the text fit; one at least."""
    low, high = 1, min(len(text), most)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _fits(text[:middle], most, most_with_tags) else (low, middle - 1)
    return low


def _cut(text: str, room: int) -> int:
    """The last place within the room where a sentence ends, else a word, else all of the room."""
    for end in _ENDS:
        places = [found.end() for found in end.finditer(text, 0, room + 1) if found.start() <= room]
        if places:
            return min(places[-1], room) or room
    return room
