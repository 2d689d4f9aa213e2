"""An image in a prompt, as the backends have it. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum

# Amazon publishes of Nova that 900 x 450 pixels are about 800 tokens, 900 x 900 1,300, 1,400 x 900 1,800 and 1,300 x
# 1,300 2,600: 500 to 700 pixels a token. Small ones are made larger first, until a side has more than 896. So a token
# for 400 pixels, and no image smaller than a square of that, is on the high side.
# https://docs.aws.amazon.com/nova/latest/userguide/modalities-image.html
PIXELS_PER_TOKEN = 400
LEAST_PIXELS = 900 * 900


class ImageKind(StrEnum):
    """By its bytes, and by Converse's names."""

    PNG = "png"
    JPEG = "jpeg"
    GIF = "gif"
    WEBP = "webp"


@dataclass(frozen=True, slots=True)
class PromptImage:
    """One that was checked: `data` holds nothing but the picture. `object_key`: where that is still to be read; `url`:
    where a GPU's worker fetches it, within minutes."""

    kind: ImageKind
    width: int
    height: int
    data: bytes = field(repr=False)
    object_key: str = ""
    url: str = field(default="", repr=False)

    @property
    def tokens(self) -> int:
        """What it costs at most, as a part of a prompt."""
        return image_tokens(self.width, self.height)


def stored_image(object_key: str) -> PromptImage:
    """One of which only the place is known: what it is, whoever reads it says."""
    return PromptImage(ImageKind.PNG, 0, 0, b"", object_key)


def image_tokens(width: int, height: int) -> int:
    """
    >>> image_tokens(900, 450), image_tokens(1300, 1300)
    (2025, 4225)
    """
    return -(-max(width * height, LEAST_PIXELS) // PIXELS_PER_TOKEN)
