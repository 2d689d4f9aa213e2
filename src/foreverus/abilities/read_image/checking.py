"""Whether bytes are an image that may be looked at. Pure.

By its bytes, whatever its name and its type say; its size by its own header, before anybody decodes anything; and what
stands in it beside the picture, such as the place where it was taken, is left out. That is done on the file's structure
(`pictures/`): Pillow would have to decode and write anew, which is megabytes of compiled code for strangers' bytes, and
a picture of two hundred megapixels is a bomb for whoever decodes it first.
"""

from foreverus.abilities.read_image.pictures import gif, jpeg, png, webp
from foreverus.abilities.read_image.pictures.others import refusal_of
from foreverus.abilities.read_image.pictures.records import NotWhole, Picture
from foreverus.backends.images import ImageKind, PromptImage
from foreverus.errors import InvalidRequest

MOST_IMAGES = 4  # of one message
# Bedrock's own limits of one image are 3.75 MB and 8,000 pixels a side.
MOST_BYTES = 3_750_000
MOST_SIDE = 8_000
MOST_PIXELS = 16_000_000  # a phone's picture has 12 million; each costs a token for 400
NAMES = {ImageKind.PNG: "PNG", ImageKind.JPEG: "JPEG", ImageKind.GIF: "GIF", ImageKind.WEBP: "WebP"}
READERS = {
    ImageKind.PNG: png.read,
    ImageKind.JPEG: jpeg.read,
    ImageKind.GIF: gif.read,
    ImageKind.WEBP: webp.read,
}


class NotTaken(Exception):
    """Why these bytes are not looked at: a whole sentence for people."""


def checked(data: bytes) -> PromptImage:
    """The image, with nothing in it but the picture. Raises NotTaken.

    >>> checked(b"%PDF-1.7")
    Traceback (most recent call last):
    foreverus.abilities.read_image.checking.NotTaken: The file is no image, but a PDF: send a picture of the page.
    """
    if not data:
        raise NotTaken("The image is empty.")
    kind = kind_of(data)
    if kind is None:
        raise NotTaken(refusal_of(data))
    if len(data) > MOST_BYTES:
        raise NotTaken(f"The image has {len(data):,} bytes; the most is {MOST_BYTES:,}. Make it smaller.")
    try:
        picture = READERS[kind](data)
    except NotWhole as err:
        raise NotTaken(f"The image ({NAMES[kind]}) {err}.") from err
    _check_size(picture)
    return PromptImage(kind, picture.width, picture.height, picture.data)


def accepted(data: bytes, param: str = "file") -> PromptImage:
    """The same for a request. Raises InvalidRequest."""
    try:
        return checked(data)
    except NotTaken as err:
        raise InvalidRequest(str(err), param=param, code="invalid_image") from err


def kind_of(data: bytes) -> ImageKind | None:
    """By its first bytes.

    >>> kind_of(b"GIF89a").value
    'gif'
    """
    if data.startswith(png.SIGNATURE):
        return ImageKind.PNG
    if data.startswith(jpeg.SIGNATURE):
        return ImageKind.JPEG
    if data.startswith(gif.SIGNATURES):
        return ImageKind.GIF
    return ImageKind.WEBP if webp.is_webp(data) else None


def _check_size(picture: Picture) -> None:
    width, height = picture.width, picture.height
    if not width or not height:
        raise NotTaken("The image has no pixels.")
    if max(width, height) > MOST_SIDE:
        raise NotTaken(
            f"The image is {width:,} x {height:,} pixels; a side has at most {MOST_SIDE:,}. Make it smaller."
        )
    if width * height > MOST_PIXELS:
        millions = f"{width * height / 1e6:.0f} million pixels"
        raise NotTaken(f"The image has {millions}; the most is {MOST_PIXELS // 10**6}. Make it smaller.")
