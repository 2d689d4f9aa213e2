"""What an image must be before anybody looks at it."""

import random
from struct import pack

import pytest

from foreverus.abilities.read_image.checking import MOST_BYTES, NotTaken, checked
from foreverus.backends.images import ImageKind
from tests.unit.abilities.images import PLACE, chunk, gif, jpeg, png, png_that_claims, riff, webp, webp_lossless

ALL = {
    ImageKind.PNG: png(),
    ImageKind.JPEG: jpeg(),
    ImageKind.GIF: gif(),
    ImageKind.WEBP: webp(),
}


@pytest.mark.parametrize("kind", ALL)
def test_image_is_what_its_bytes_say_and_comes_without_the_place_where_it_was_taken(kind: ImageKind) -> None:
    assert PLACE in ALL[kind]
    image = checked(ALL[kind])
    assert (image.kind, image.width, image.height) == (kind, 3, 2)
    assert PLACE not in image.data
    assert checked(image.data) == image, "what is left is a whole image, and nothing more is left out of it"


def test_losslessly_packed_webp_says_its_size_in_bits() -> None:
    image = checked(webp_lossless(300, 5000))
    assert (image.width, image.height) == (300, 5000)


def test_turned_picture_stays_turned_and_says_nothing_else() -> None:
    data = checked(jpeg()).data
    assert data.count(b"Exif\0\0") == 1
    assert pack(">HHIHH", 0x0112, 3, 1, 6, 0) in data, "on its side, as the camera said"
    assert b"Exif" not in checked(jpeg(exif=b"MM\0*" + pack(">IH", 8, 0))).data
    assert b"Exif" not in checked(jpeg(exif=b"MM\0*" + pack(">IH", 0xFFFFFF, 9))).data, "a table outside of the file"


def test_two_hundred_megapixels_are_refused_by_the_header_alone() -> None:
    bomb = png_that_claims(20_000, 10_000)
    assert len(bomb) < 1000
    with pytest.raises(NotTaken, match="20,000 x 10,000 pixels"):
        checked(bomb)
    with pytest.raises(NotTaken, match="49 million pixels; the most is 16"):
        checked(png_that_claims(7000, 7000))
    for one in (jpeg(9000, 2), gif(9000, 2), webp(9000, 2), webp_lossless(16_000, 2)):
        with pytest.raises(NotTaken, match="a side has at most 8,000"):
            checked(one)


def test_size_that_only_the_picture_inside_has_counts() -> None:
    canvas = bytes(4) + bytes(6)  # one pixel
    lossy = b"\x10\0\0\x9d\x01\x2a" + pack("<HH", 9000, 9000) + b"\0\0\0"
    with pytest.raises(NotTaken, match="9,000 x 9,000"):
        checked(riff((b"VP8X", canvas), (b"VP8 ", lossy)))
    small = bytearray(gif(3, 2))
    at = small.index(b"\x2c\0\0\0\0")
    small[at + 5 : at + 9] = pack("<HH", 9000, 9000)
    with pytest.raises(NotTaken, match="9,000 x 9,000"):
        checked(bytes(small))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7 and more", "is no image, but a PDF: send a picture of the page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "an SVG drawing: save it as PNG"),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?>\n<svg width='1'/>", "an SVG drawing: save it as PNG"),
        (b"<?xml version='1.0'?><note/>", "is no image: PNG"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF picture: save it as JPEG"),
        (b"\0\0\0\x18ftypisom" + bytes(MOST_BYTES), r"a video \(MP4 or its like\): send a picture of it"),
        (b"\x1a\x45\xdf\xa3" + bytes(40), "a video"),
        (b"RIFF\x10\0\0\0AVI LIST", r"a video \(AVI\)"),
        (b"MM\0*" + bytes(40), "a TIFF picture: save it as JPEG"),
        (b"BM" + bytes(60), "a BMP picture: save it as JPEG"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "is no image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture, as iPhones keep them: save it as JPEG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(MOST_BYTES), "the most is 3,750,000"),
        (gif(pictures=2), "moves"),
        (png(more=chunk(b"acTL", bytes(8))), "moves"),
        (webp(flags=0x02), "moves"),
        (gif(pictures=0), "holds no picture"),
        (riff((b"VP8X", bytes(10))), "holds no picture"),
        (png(0, 2), "no pixels"),
        (png(more=chunk(b"BOMB", b"")), "no PNG's"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "begin as a PNG"),
        (b"\xff\xd8\xff\xd9", "holds no picture"),
    ],
)
def test_what_is_not_looked_at_says_why(data: bytes, why: str) -> None:
    with pytest.raises(NotTaken, match=why):
        checked(data)


@pytest.mark.parametrize("kind", ALL)
def test_image_that_is_cut_anywhere_is_refused_and_breaks_nothing(kind: ImageKind) -> None:
    whole = checked(ALL[kind]).data
    for length in range(len(whole)):
        with pytest.raises(NotTaken):
            checked(whole[:length])


@pytest.mark.parametrize("kind", ALL)
def test_bytes_that_somebody_made_up_are_an_image_or_refused(kind: ImageKind) -> None:
    dice = random.Random(16)
    for _ in range(3000):
        made = bytearray(ALL[kind])
        for _ in range(dice.randint(1, 6)):
            made[dice.randrange(len(made))] = dice.randrange(256)
        try:
            image = checked(bytes(made))
        except NotTaken:
            continue
        assert checked(image.data).data == image.data
