"""A Word document's text (.docx), by zipfile and defusedxml: python-docx would bring lxml, compiled and ten times as
large, believes an archive's sizes, and has much that writes.

What is read is `word/document.xml` alone: paragraphs, the style that makes one a heading, tabs and breaks (ECMA-376,
17.3). No picture, no macro, no link is followed.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any

from foreverus.documents.reading.records import (
    MOST_PARTS,
    MOST_UNPACKED_BYTES,
    Block,
    ReadDocument,
    Trouble,
    Unreadable,
)

BODY = "word/document.xml"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADINGS = ("heading", "title", "ttulo", "título", "titulo")  # as English and Portuguese Word call their styles
MOST_DEPTH = 200  # of elements within each other


class _Bounded(io.RawIOBase):
    """A part's bytes, as they are unpacked and not as the archive says they are. Raises Unreadable."""

    def __init__(self, part: IO[bytes]) -> None:
        self.part, self.left = part, MOST_UNPACKED_BYTES

    def read(self, size: int = -1) -> bytes:
        found = self.part.read(min(size, 65_536) if size > 0 else 65_536)
        self.left -= len(found)
        if self.left < 0:
            raise Unreadable(Trouble.TOO_COMPLEX)
        return found


def read_docx(data: bytes) -> ReadDocument:
    """Raises Unreadable."""
    from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
    from defusedxml.ElementTree import ParseError  # type: ignore[import-untyped]

    if not data.startswith(b"PK"):
        raise Unreadable(Trouble.KIND)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _look_at(archive)
            with archive.open(BODY) as part:
                return ReadDocument(tuple(_blocks(_Bounded(part))))
    except DefusedXmlException as err:  # entities: a bomb, or a file of the reader's own
        raise Unreadable(Trouble.TOO_COMPLEX) from err
    except (zipfile.BadZipFile, zlib.error, ParseError, EOFError, OSError, ValueError) as err:
        raise Unreadable(Trouble.BROKEN) from err
    except NotImplementedError as err:  # zipfile's word for a compression that it cannot undo, which Word never uses
        raise Unreadable(Trouble.BROKEN) from err


def _look_at(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    if len(parts) > MOST_PARTS or sum(one.file_size for one in parts) > 4 * MOST_UNPACKED_BYTES:
        raise Unreadable(Trouble.TOO_COMPLEX)
    body = next((one for one in parts if one.filename == BODY), None)
    if body is None:
        raise Unreadable(Trouble.KIND)
    if body.flag_bits & 1:
        raise Unreadable(Trouble.PROTECTED)


def _blocks(body: Any) -> Iterator[Block]:
    from defusedxml.ElementTree import iterparse

    heading, texts, style, depth = "", list[str](), "", 0
    for event, element in iterparse(body, events=("start", "end"), forbid_dtd=True):
        name = element.tag
        depth += 1 if event == "start" else -1
        if depth > MOST_DEPTH:
            raise Unreadable(Trouble.TOO_COMPLEX)
        if event == "start":
            if name == f"{_W}p":
                texts, style = [], ""
            continue
        if name == f"{_W}t":
            texts.append(element.text or "")
        elif name in (f"{_W}tab", f"{_W}br", f"{_W}cr"):
            texts.append("\n" if name != f"{_W}tab" else " ")
        elif name == f"{_W}pStyle":
            style = element.get(f"{_W}val", "").lower()
        elif name == f"{_W}p":
            text = "".join(texts)
            if style.startswith(_HEADINGS) and text.strip():
                heading = text
            yield Block(text, heading=heading)
            element.clear()
