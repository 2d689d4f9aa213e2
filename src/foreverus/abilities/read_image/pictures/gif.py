"""GIF (87a and 89a): a screen, and blocks of pictures and of extensions."""

from struct import unpack_from

from foreverus.abilities.read_image.pictures.records import CUT, MOVES, NO_PICTURE, NotWhole, Picture

SIGNATURES = (b"GIF87a", b"GIF89a")
SCREEN, PICTURE = 13, 10  # bytes of the two headers, the signature with the first one
EXTENSION, DESCRIPTOR, END = 0x21, 0x2C, 0x3B
TRANSPARENCY = 0xF9  # the one extension that the picture needs: comments and applications' own are left out


def read(data: bytes) -> Picture:
    """Raises NotWhole."""
    if len(data) < SCREEN:
        raise NotWhole(CUT)
    width, height = unpack_from("<HH", data, 6)
    at = SCREEN + _colours(data[10])
    kept, pictures = [data[:at]], 0
    while (kind := _byte(data, at)) != END:
        begin = at
        if kind == EXTENSION:
            label = _byte(data, at + 1)
            at = _after_blocks(data, at + 2)
            if label == TRANSPARENCY:
                kept.append(data[begin:at])
        elif kind == DESCRIPTOR:
            if at + PICTURE > len(data):
                raise NotWhole(CUT)
            pictures += 1
            if pictures > 1:
                raise NotWhole(MOVES)
            left, top, wide, high = unpack_from("<HHHH", data, at + 1)
            width, height = max(width, left + wide), max(height, top + high)
            at = _after_blocks(data, at + PICTURE + _colours(data[at + 9]) + 1)
            kept.append(data[begin:at])
        else:
            raise NotWhole("is broken between two of its parts")
    if not pictures:
        raise NotWhole(NO_PICTURE)
    return Picture(width, height, b"".join([*kept, bytes((END,))]))


def _colours(flags: int) -> int:
    """Bytes of a table of colours; 0: there is none."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise NotWhole(CUT)
    return data[at]


def _after_blocks(data: bytes, at: int) -> int:
    """Behind blocks that each say how long they are, and the empty one that ends them."""
    while length := _byte(data, at):
        at += 1 + length
    return at + 1
