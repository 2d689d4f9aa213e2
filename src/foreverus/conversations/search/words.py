"""Which texts have the words that somebody looks for, and where: case and accents forgiven. Pure.

Titles are searched here, as the page does it while somebody types (frontend/src/logic/search.ts). Texts are searched in
PostgreSQL (migration 011), which also says by which stems; here they are only marked.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST_SHOWN = 160  # characters of a text around what was found
BEFORE = 60  # of them before it
LEAST_STEM = 3  # characters: a shorter one is marked where it is the whole word

_PLURALS = re.compile(r"(?:oes|aes)$")
_LIQUID = re.compile(r"(?<=\w\w[aeou])is$")
_WORD = re.compile(r"\w+")
_MARKS = re.compile("[\u0300-\u036f]+")  # as the page and migration 011 have it


@dataclass(frozen=True, slots=True)
class TextPart:
    """A piece of a text; `marked`: it is one of the words that were looked for."""

    text: str
    marked: bool = False


def folded(text: str) -> str:
    """
    >>> folded("Fotossíntese AÇÃO")
    'fotossintese acao'
    """
    if text.isascii():
        return text.lower()
    return _MARKS.sub("", unicodedata.normalize("NFD", text)).lower()


def singular(word: str) -> str:
    """As the migration's function of that name.

    >>> [singular(one) for one in ("acoes", "homens", "animais", "mais", "casas")]
    ['acao', 'homem', 'animal', 'mais', 'casas']
    """
    word = _PLURALS.sub("ao", word)
    if word.endswith("ns"):
        return word[:-2] + "m"
    return _LIQUID.sub("l", word)


def is_found(title: str, words: str) -> bool:
    """Every word stands somewhere in it.

    >>> is_found("Minha Árvore genealógica", "arvore GENEA"), is_found("Árvore", "gato")
    (True, False)
    """
    text = folded(title)
    return all(word in text for word in folded(words).split())


@dataclass(frozen=True)
class Marker:
    """What is marked of a text. `stems`: what PostgreSQL looked for, where it did."""

    words: str
    stems: Sequence[str] = ()

    def in_title(self, title: str) -> list[TextPart]:
        """The title with each place in which a word stands marked: also within a word, as it is found."""
        plain, places = _places(title)
        marks: list[tuple[int, int]] = []
        for word in set(folded(self.words).split()):
            at = plain.find(word)
            while at >= 0:
                marks.append((places[at], places[at + len(word)]))
                at = plain.find(word, at + len(word))
        return list(_parts(title, marks))

    def in_text(self, text: str) -> list[TextPart]:
        """A piece of the text around the first of the words, with each of them marked; its beginning where none can be
        shown. `…` stands where something is left out."""
        beginnings = self._beginnings()
        first = next(self._marks(text, beginnings), (0, 0))
        begin = max(0, first[0] - BEFORE)
        if begin:
            begin = text.find(" ", begin, first[0]) + 1 or begin
        end = min(len(text), begin + MOST_SHOWN)
        if end < len(text):
            last = text.rfind(" ", max(first[1], begin + 1), end)
            end = last if last > 0 else end
        piece = text[begin:end]
        shown = list(_parts(piece, list(self._marks(piece, beginnings))))
        return [*([TextPart("… ")] if begin else []), *shown, *([TextPart(" …")] if end < len(text) else [])]

    def _beginnings(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """Whole words that are marked, and beginnings of words that are."""
        wanted = {*self.stems, *(one for word in _WORD.findall(folded(self.words)) for one in (word, singular(word)))}
        long = {one[:-1] if one.endswith("i") and len(one) > LEAST_STEM else one for one in wanted}
        return frozenset(wanted), tuple(one for one in long if len(one) >= LEAST_STEM)

    def _marks(self, text: str, wanted: tuple[frozenset[str], tuple[str, ...]]) -> Iterator[tuple[int, int]]:
        words, beginnings = wanted
        for found in _WORD.finditer(text):
            plain = folded(found[0])
            one = singular(plain)
            if plain in words or one in words or plain.startswith(beginnings) or one.startswith(beginnings):
                yield found.span()


def _places(text: str) -> tuple[str, list[int]]:
    """The folded text, and for each of its characters (and its end) where that stands in the text itself."""
    plain, places = [], []
    for at, character in enumerate(text):
        for one in folded(character):
            plain.append(one)
            places.append(at)
    return "".join(plain), [*places, len(text)]


def _parts(text: str, marks: list[tuple[int, int]]) -> Iterator[TextPart]:
    """Overlapping marks are one."""
    at = 0
    for begin, end in _joined(marks):
        if begin > at:
            yield TextPart(text[at:begin])
        yield TextPart(text[begin:end], marked=True)
        at = end
    if at < len(text):
        yield TextPart(text[at:])


def _joined(marks: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    last: tuple[int, int] | None = None
    for begin, end in sorted(marks):
        if last and begin <= last[1]:
            last = (last[0], max(last[1], end))
            continue
        if last:
            yield last
        last = (begin, end)
    if last:
        yield last
