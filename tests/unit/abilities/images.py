"""Images for tests, byte by byte: what a camera writes beside the picture is in each of them."""

import zlib
from struct import pack

PLACE = b"-23.5505,-46.6333"  # what no stripped image has in it
TIFF_TURNED = b"II*\0" + pack("<IH", 8, 2) + pack("<HHIHH", 0x0112, 3, 1, 6, 0) + pack("<HHII", 0x8825, 4, 1, 38)


def chunk(name: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + name + content + pack(">I", zlib.crc32(name + content))


def png(width: int = 3, height: int = 2, *, more: bytes = b"", pixels: bytes | None = None) -> bytes:
    """Black. `more`: chunks before the pixels."""
    rows = (b"\0" + b"\0" * width) * height if pixels is None else pixels
    head = chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    text = chunk(b"tEXt", b"Comment\0" + PLACE) + chunk(b"eXIf", TIFF_TURNED + PLACE)
    data = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + head + text + more + data + chunk(b"IEND", b"") + PLACE


def png_that_claims(width: int, height: int) -> bytes:
    """Its header says so; there are no such pixels."""
    return png(width, height, pixels=b"\0")


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + pack(">H", 2 + len(content)) + content


def jpeg(width: int = 3, height: int = 2, *, exif: bytes = TIFF_TURNED) -> bytes:
    """The structure of one; its scan is no picture."""
    head = segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
    beside = (
        segment(0xE1, b"Exif\0\0" + exif + PLACE) + segment(0xFE, PLACE) + segment(0xED, b"Photoshop 3.0\0" + PLACE)
    )
    frame = segment(0xC0, pack(">BHHB", 8, height, width, 1) + b"\x01\x11\0")
    scan = segment(0xDA, b"\x01\x01\0\0\x3f\0") + b"\x12\xff\0\x34\xff\xd0\x56"
    return b"\xff\xd8" + head + beside + segment(0xDB, b"\0" * 65) + frame + scan + b"\xff\xd9" + PLACE


def gif(width: int = 3, height: int = 2, *, pictures: int = 1) -> bytes:
    screen = b"GIF89a" + pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    comment = b"\x21\xfe" + bytes((len(PLACE),)) + PLACE + b"\0"
    control = b"\x21\xf9\x04\0\0\0\0\0"
    one = control + b"\x2c" + pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\0"
    return screen + comment + one * pictures + b"\x3b" + PLACE


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + pack("<I", len(one)) + one + b"\0" * (len(one) % 2) for name, one in chunks)
    return b"RIFF" + pack("<I", 4 + len(body)) + b"WEBP" + body


def webp(width: int = 3, height: int = 2, *, flags: int = 0x0C) -> bytes:
    canvas = bytes((flags, 0, 0, 0)) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    lossy = b"\x10\0\0\x9d\x01\x2a" + pack("<HH", width, height) + b"\0\0\0"
    return riff((b"VP8X", canvas), (b"VP8 ", lossy), (b"EXIF", PLACE), (b"XMP ", PLACE)) + PLACE


def webp_lossless(width: int = 3, height: int = 2) -> bytes:
    return riff((b"VP8L", b"\x2f" + pack("<I", (width - 1) | (height - 1) << 14) + b"\0"))
