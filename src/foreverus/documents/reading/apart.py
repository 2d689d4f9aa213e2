"""A document that is read by a function without rights: it is told an address, and answers the packed text.

Both sides of that call. The address is good for one object and an hour; what comes back is unpacked within bounds and
taken as text, whatever has become of the one who read it.
"""

import base64
import json
import urllib.request
import zlib
from collections.abc import Callable, Mapping

from foreverus.documents.reading.process import read_apart
from foreverus.documents.reading.records import (
    MOST_BYTES,
    MOST_CHARACTERS,
    MOST_HEADING,
    MOST_PAGES,
    Block,
    DocumentKind,
    ReadDocument,
    Trouble,
    Unreadable,
)
from foreverus.text import whole

FETCH_S = 60.0
MOST_ANSWER_BYTES = 30_000_000  # unpacked: a million characters, each escaped, with their places


def read_at(event: Mapping[str, str]) -> dict[str, str]:
    """The function's side. `event`: `{url, kind}`. `{trouble}`, or `{packed}`."""
    try:
        found = read_apart(fetched(event["url"]), DocumentKind(event["kind"]))
    except Unreadable as err:
        return {"trouble": err.trouble.value}
    blocks = [[one.text, one.page, one.heading] for one in found.blocks]
    packed = zlib.compress(json.dumps({"pages": found.pages, "blocks": blocks}).encode(), 6)
    return {"packed": base64.b64encode(packed).decode()}


def fetched(url: str) -> bytes:
    """Raises Unreadable for more than a document may have."""
    if not url.startswith(("https://", "http://", "data:")):
        raise ValueError("no address of a bucket's")
    with urllib.request.urlopen(url, timeout=FETCH_S) as answer:  # noqa: S310  # looked at above
        data: bytes = answer.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise Unreadable(Trouble.TOO_LARGE)
    return data


def asker(ask: Callable[[Mapping[str, object]], bytes]) -> Callable[[str, DocumentKind], ReadDocument]:
    """The caller's side. `ask`: calls the function and waits. Raises what it raises, and Unreadable."""

    def read(url: str, kind: DocumentKind) -> ReadDocument:
        return unpacked(ask({"url": url, "kind": kind.value}))

    return read


def unpacked(answer: bytes) -> ReadDocument:
    """Raises Unreadable where it is nothing that a reader says."""
    try:
        said = json.loads(answer)
        if "trouble" in said:
            raise Unreadable(Trouble(said["trouble"]))
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(base64.b64decode(said["packed"]), MOST_ANSWER_BYTES)
        if unpacker.unconsumed_tail:
            raise Unreadable(Trouble.TOO_COMPLEX)
        found = json.loads(text)
        blocks = tuple(
            Block(whole(str(one[0])), _page(one[1]), whole(str(one[2]))[:MOST_HEADING]) for one in found["blocks"]
        )
        pages = _page(found["pages"])
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError, zlib.error) as err:
        raise Unreadable(Trouble.BROKEN) from err
    if sum(len(one.text) for one in blocks) > MOST_CHARACTERS:
        raise Unreadable(Trouble.TOO_LONG)
    return ReadDocument(blocks, pages)


def _page(number: object) -> int:
    """Raises ValueError for one that no document has."""
    page = int(str(number))
    if not 0 <= page <= MOST_PAGES:
        raise ValueError(f"{page} is no page")
    return page
