"""Text and Markdown: decoded, in paragraphs, each under its heading. Pure."""

import re
from collections.abc import Iterator

from foreverus.documents.reading.records import MOST_HEADING, Block, Trouble, Unreadable
from foreverus.text import whole

_HEADING = re.compile(r"(#{1,6})[ \t]+(.{1,200}?)[ \t]*#*$")
_FENCE = re.compile(r"[ ]{0,3}(```|~~~)")
_ORDER = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # which way what follows is read
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u2028\u2029\ufeff]")


def decoded(data: bytes) -> str:
    """UTF-8, UTF-16 with its mark, else Windows' letters of Western Europe, in which Brazilian files of old are. Raises
    Unreadable for what is no text."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError as err:
                raise Unreadable(Trouble.BROKEN) from err
    if b"\0" in data:
        raise Unreadable(Trouble.KIND)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def tidy(text: str) -> str:
    """Spaces in a row are one, what cannot be seen is gone, lines stay. Half of a character, which a PDF's font may
    have, is U+FFFD.

    >>> tidy("Um  texto\\x00\\n com\\tespaços ")
    'Um texto\\ncom espaços'
    """
    clean = _CONTROLS.sub(" ", whole(text)).replace("\r\n", "\n")
    lines = (" ".join(line.split()) for line in clean.split("\n"))
    return "\n".join(line for line in lines if line)


def place_name(heading: str) -> str:
    """A heading as one line that turns nothing around beside which it is shown, 120 characters of it at most.

    >>> place_name("2.  Método\n\u202e(cont.)")
    '2. Método (cont.)'
    """
    return " ".join(_ORDER.sub("", tidy(heading[: 4 * MOST_HEADING])).split())[:MOST_HEADING]


def paragraphs(text: str) -> Iterator[str]:
    """What stands between blank lines."""
    for part in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        if part.strip():
            yield part


def text_blocks(text: str) -> Iterator[Block]:
    return (Block(one) for one in paragraphs(text))


def markdown_blocks(text: str) -> Iterator[Block]:
    """Headings are blocks too: their words are the document's."""
    heading, lines, fenced = "", list[str](), False
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        found = None if fenced else _HEADING.match(line)
        if found:
            yield from (Block(one, heading=heading) for one in paragraphs("\n".join(lines)))
            heading, lines = found[2], []
            yield Block(found[2], heading=heading)
        else:
            lines.append(line)
    yield from (Block(one, heading=heading) for one in paragraphs("\n".join(lines)))
