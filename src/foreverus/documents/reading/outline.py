"""A PDF's outline (its bookmarks): under which heading each part of a page stands. Most PDFs have none."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from foreverus.documents.reading.records import MOST_HEADING

if TYPE_CHECKING:
    from pypdf import PdfReader

LEAST_OF_A_LINE = 0.5  # of a heading that goes on in the next line, so much must stand in its first
MOST_OF_A_PAGE = 50  # headings: each is looked for in the page's lines
log = logging.getLogger(__name__)


def outline_of(reader: "PdfReader") -> Mapping[int, Sequence[str]]:
    """The headings of each page (from 1), in order; none where there is no outline, or a broken one: the text is read
    all the same. pypdf bounds depth and entries, and follows no circle."""
    found: dict[int, list[str]] = defaultdict(list)
    try:
        for one in _flat(reader.outline):
            page = reader.get_destination_page_number(one)
            if page is not None and one.title and len(found[page + 1]) < MOST_OF_A_PAGE:
                found[page + 1].append(str(one.title)[: 4 * MOST_HEADING])
    except Exception:  # of many kinds, as everything that pypdf raises of a broken file
        log.warning("a PDF's outline could not be read")
        return {}
    return found


def _flat(entries: Sequence[Any]) -> Iterator[Any]:
    for one in entries:
        if isinstance(one, list):
            yield from _flat(one)
        else:
            yield one


def parted(text: str, headings: Sequence[str], before: str) -> Iterator[tuple[str, str]]:
    """A page's text in parts, each with the heading that it stands under. A heading begins with the line that says it;
    one that no line says begins with the page, or with the heading before it. `before`: the last one of earlier pages.

    >>> list(parted("So it ends.\\n2. Method\\nWe did.", ["Method"], "Aims"))
    [('Aims', 'So it ends.'), ('Method', '2. Method\\nWe did.')]
    """
    lines, start, heading = text.split("\n"), 0, before
    said = [_letters(line) for line in lines] if headings else []
    for one in headings:
        begins = next((n for n in range(start, len(lines)) if _says(said[n], _letters(one))), start)
        if begins > start:
            yield heading, "\n".join(lines[start:begins])
        start, heading = begins, one
    yield heading, "\n".join(lines[start:])


def _says(line: str, heading: str) -> bool:
    return bool(line) and heading.startswith(line) and len(line) >= LEAST_OF_A_LINE * len(heading)


def _letters(text: str) -> str:
    """Without numbers and spaces, which a page and its outline write differently."""
    return "".join(filter(str.isalpha, text)).casefold()
