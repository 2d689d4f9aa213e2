"""A PDF's text, page by page, by pypdf (pure Python, BSD): nothing of it is run, drawn or fetched."""

import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from foreverus.documents.reading.outline import outline_of, parted
from foreverus.documents.reading.plain import paragraphs
from foreverus.documents.reading.records import (
    MOST_CHARACTERS,
    MOST_OBJECTS,
    MOST_PAGES,
    MOST_UNPACKED_BYTES,
    Block,
    ReadDocument,
    Trouble,
    Unreadable,
)

if TYPE_CHECKING:
    from pypdf import PdfReader

BEGINNING = 1024  # bytes in which `%PDF` stands: readers forgive what comes before it


def read_pdf(data: bytes) -> ReadDocument:
    """Raises Unreadable. What pypdf raises of a broken file is of many kinds, RecursionError among them."""
    if b"%PDF" not in data[:BEGINNING]:
        raise Unreadable(Trouble.KIND)
    if data.count(b" obj") > MOST_OBJECTS:
        raise Unreadable(Trouble.TOO_COMPLEX)
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it repeats a file's words in its warnings
    from pypdf import apply_configuration
    from pypdf.errors import LimitReachedError

    try:
        with apply_configuration(  # pypdf has bounds of its own on pages, depths and the work of one stream
            zlib_maximum_output_length=MOST_UNPACKED_BYTES,
            lzw_maximum_output_length=MOST_UNPACKED_BYTES,
            run_length_maximum_output_length=MOST_UNPACKED_BYTES,
            brotli_maximum_output_length=MOST_UNPACKED_BYTES,
            array_based_stream_maximum_output_length=MOST_UNPACKED_BYTES,
            jbig2dec_binary=None,
        ):
            return _read(data)
    except (Unreadable, MemoryError):
        raise
    except LimitReachedError as err:
        raise Unreadable(Trouble.TOO_COMPLEX) from err
    except Exception as err:
        raise Unreadable(Trouble.BROKEN) from err


def _read(data: bytes) -> ReadDocument:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data), strict=False)
    if reader.is_encrypted:
        raise Unreadable(Trouble.PROTECTED)
    if sum(len(one) for one in reader.xref.values()) + len(reader.xref_objStm) > MOST_OBJECTS:
        raise Unreadable(Trouble.TOO_COMPLEX)
    pages = len(reader.pages)
    if pages > MOST_PAGES:
        raise Unreadable(Trouble.TOO_LONG)
    return ReadDocument(tuple(_blocks(reader, outline_of(reader))), pages)


def _blocks(reader: "PdfReader", outline: Mapping[int, Sequence[str]]) -> Iterator[Block]:
    size, heading = 0, ""
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text()
        size += len(text)
        if size > MOST_CHARACTERS:
            raise Unreadable(Trouble.TOO_LONG)
        for under, part in parted(text, outline.get(number, ()), heading):
            yield from (Block(one, number, under) for one in paragraphs(part))
            heading = under
