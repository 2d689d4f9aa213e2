"""PNG (ISO/IEC 15948): a signature and chunks, each with its length, its name and a checksum."""

from collections.abc import Iterator
from struct import unpack_from

from foreverus.abilities.read_image.pictures.records import CUT, MOVES, NO_PICTURE, NotWhole, Picture

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# All that the picture is made of; tEXt, zTXt, iTXt, eXIf, tIME, iCCP and what nobody knows are left out.
KEPT = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT"})
FRAME = 12  # of a chunk, beside its data


def read(data: bytes) -> Picture:
    """Raises NotWhole."""
    kept, size, has_pixels = [SIGNATURE], (0, 0), False
    for number, (name, chunk) in enumerate(_chunks(data)):
        if (name == b"IHDR") != (number == 0) or (name == b"IHDR" and len(chunk) != FRAME + 13):
            raise NotWhole("does not begin as a PNG does")
        if name == b"IHDR":
            size = unpack_from(">II", chunk, 8)
        if name in (b"acTL", b"fcTL", b"fdAT"):
            raise NotWhole(MOVES)
        has_pixels = has_pixels or name == b"IDAT"
        if name in KEPT:
            kept.append(chunk)
        elif name[0] & 0x20 == 0:  # a capital: nobody can draw it without this chunk
            raise NotWhole("has a part that is no PNG's")
    if not has_pixels:
        raise NotWhole(NO_PICTURE)
    return Picture(*size, b"".join(kept))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and whole chunk, to IEND. What stands behind it is nobody's."""
    at, name = len(SIGNATURE), b""
    while name != b"IEND":
        if at + FRAME > len(data):
            raise NotWhole(CUT)
        (length,) = unpack_from(">I", data, at)
        name, end = data[at + 4 : at + 8], at + FRAME + length
        if end > len(data):
            raise NotWhole(CUT)
        yield name, data[at:end]
        at = end
