"""WebP (RFC 9649): chunks of a RIFF file."""

from collections.abc import Iterator
from struct import pack, unpack_from

from foreverus.abilities.read_image.pictures.records import CUT, MOVES, NO_PICTURE, NotWhole, Picture

HEAD = 12  # `RIFF`, how long the rest is, `WEBP`
KEPT = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH"})  # without ICCP, EXIF and XMP
ALPHA, ANIMATED = 0x10, 0x02  # of VP8X's flags; the others say that there is what is left out
START_CODE = b"\x9d\x01\x2a"


def is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def read(data: bytes) -> Picture:
    """Raises NotWhole."""
    kept, width, height, pictures = list[bytes](), 0, 0, 0
    for name, content in _chunks(data):
        if name in (b"ANIM", b"ANMF") or (name == b"VP8X" and content[:1] and content[0] & ANIMATED):
            raise NotWhole(MOVES)
        if name in (b"VP8X", b"VP8 ", b"VP8L"):
            wide, high = _size(name, content)
            width, height = max(width, wide), max(height, high)
            pictures += name != b"VP8X"
        if name == b"VP8X":
            content = bytes((content[0] & ALPHA,)) + content[1:]
        if name in KEPT:
            kept.append(name + pack("<I", len(content)) + content + b"\0" * (len(content) % 2))
    if pictures != 1:
        raise NotWhole(NO_PICTURE)
    chunks = b"".join(kept)
    return Picture(width, height, b"RIFF" + pack("<I", 4 + len(chunks)) + b"WEBP" + chunks)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    (rest,) = unpack_from("<I", data, 4)
    end, at = 8 + rest, HEAD
    if end > len(data):
        raise NotWhole(CUT)
    while at + 8 <= end:
        (length,) = unpack_from("<I", data, at + 4)
        if at + 8 + length > end:
            raise NotWhole(CUT)
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _size(name: bytes, content: bytes) -> tuple[int, int]:
    if len(content) < 10 and not (name == b"VP8L" and len(content) >= 5):
        raise NotWhole(CUT)
    if name == b"VP8X":
        return 1 + int.from_bytes(content[4:7], "little"), 1 + int.from_bytes(content[7:10], "little")
    if name == b"VP8L":
        (bits,) = unpack_from("<I", content, 1)
        if content[0] != 0x2F:
            raise NotWhole(NO_PICTURE)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if content[3:6] != START_CODE:
        raise NotWhole(NO_PICTURE)
    wide, high = unpack_from("<HH", content, 6)
    return wide & 0x3FFF, high & 0x3FFF
