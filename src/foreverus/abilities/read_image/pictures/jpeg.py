"""JPEG (ITU-T T.81): segments that begin with a marker, and the scans between them.

Of what cameras write beside the picture, only how it is to be turned stays, in an Exif segment of our own: without it a
phone's picture lies on its side.
"""

import re
from struct import pack, unpack_from

from foreverus.abilities.read_image.pictures.records import CUT, NO_PICTURE, NotWhole, Picture

SIGNATURE = b"\xff\xd8\xff"
SOI, EOI, SOS, APP0, APP1, APP14, COM = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xEE, 0xFE
SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the frame's header, whatever its coding
APPS = range(0xE0, 0xF0)
ADOBE = b"Adobe"  # which colours: a picture of four of them is nothing without it
EXIF = b"Exif\0\0"
NEXT = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)  # after a scan: neither a stuffed byte nor a restart
ORIENTATION, SHORT = 0x0112, 3


def read(data: bytes) -> Picture:
    """Raises NotWhole."""
    kept, at, size, turned, has_scan = [b"\xff\xd8"], 2, (0, 0), 1, False
    while True:
        found = NEXT.match(data, at)
        if found is None:
            raise NotWhole(CUT if at >= len(data) - 1 else "is broken between two of its parts")
        marker, at = found.group(1)[0], found.end()
        if marker == EOI:
            break
        segment = _segment(data, at)
        at += len(segment)
        if marker in SIZES:
            if size != (0, 0) or len(segment) < 7:
                raise NotWhole("has more than one picture, or none")
            size = unpack_from(">H", segment, 5)[0], unpack_from(">H", segment, 3)[0]
        if marker == APP1 and segment[2:].startswith(EXIF):
            turned = _orientation(segment[2 + len(EXIF) :])
        if marker not in (*APPS, COM) or (marker == APP14 and segment[2:].startswith(ADOBE)):
            kept.append(bytes((0xFF, marker)) + segment)
        if marker == SOS:
            scan = NEXT.search(data, at)
            if scan is None:
                raise NotWhole(CUT)
            kept.append(data[at : scan.start()])
            at, has_scan = scan.start(), True
    if not has_scan or size == (0, 0):
        raise NotWhole(NO_PICTURE)
    head = [kept[0], _turning(turned)] if turned != 1 else kept[:1]
    return Picture(*size, b"".join([*head, *kept[1:], b"\xff\xd9"]))


def _segment(data: bytes, at: int) -> bytes:
    """With its length's two bytes."""
    if at + 2 > len(data):
        raise NotWhole(CUT)
    (length,) = unpack_from(">H", data, at)
    if length < 2 or at + length > len(data):
        raise NotWhole(CUT)
    return data[at : at + length]


def _orientation(tiff: bytes) -> int:
    """1 to 8; 1 where it is not said, or cannot be read."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return 1
    (at,) = unpack_from(order + "I", tiff, 4)
    if at + 2 > len(tiff):
        return 1
    (count,) = unpack_from(order + "H", tiff, at)
    for entry in range(at + 2, min(at + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, _, value = unpack_from(order + "HHIH", tiff, entry)
        if (tag, kind) == (ORIENTATION, SHORT) and 1 <= value <= 8:
            return int(value)
    return 1


def _turning(orientation: int) -> bytes:
    """An Exif segment that says this and nothing else."""
    tiff = b"MM\0*" + pack(">IHHHIHHI", 8, 1, ORIENTATION, SHORT, 1, orientation, 0, 0)
    return b"\xff\xe1" + pack(">H", 2 + len(EXIF) + len(tiff)) + EXIF + tiff
