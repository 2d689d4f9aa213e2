"""RapidOCR: reads the text in a picture on a processor, Portuguese and English, with the models that its wheel brings.

`python -m foreverus.abilities.read_image.rapid_engine KIND`: a picture of that kind on stdin, its lines as a JSON list
on stdout. Status 3 where it cannot be decoded.

Here strangers' pictures are decoded for the first time. So: one format, the one that it was taken for; its size by the
header before anything is decoded; and no more memory and processor than a picture of that size takes.
"""

import io
import json
import resource
import sys
from typing import TYPE_CHECKING, Any

from foreverus.abilities.read_image.checking import MOST_PIXELS, MOST_SIDE
from foreverus.abilities.task.programs import CANNOT

if TYPE_CHECKING:
    from collections.abc import Sequence

MEMORY = 4 * 2**30  # bytes of addresses: 1.2 GB are reserved for any picture; in use were 0.9 GB at most
PROCESSOR_S = 80  # the longest that was seen is 7, of 16 million pixels full of text
SIDE = 2500  # pixels: letters of a photo of a page are read at this size, and more takes longer alone


class NotDecoded(Exception):
    """Why, in words for people."""


def bounded() -> None:
    """For this process: what a picture makes it take ends it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def decoded(data: bytes, kind: str) -> Any:
    """Its pixels, upright, blue before green before red, as RapidOCR wants them. Raises NotDecoded."""
    import numpy
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data), formats=[kind.upper()]) as picture:
            width, height = picture.size
            if max(width, height) > MOST_SIDE or width * height > MOST_PIXELS:
                raise Image.DecompressionBombError
            picture.draft("RGB", (SIDE, SIDE))  # a JPEG is decoded at the size that is needed
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((SIDE, SIDE))
            pixels = upright.convert("RGBA")
    except Image.DecompressionBombError as err:  # Pillow's own bound is 179 million
        raise NotDecoded(f"The image has more than {MOST_PIXELS:,} pixels. Make it smaller.") from err
    except (OSError, SyntaxError, ValueError, ArithmeticError, LookupError) as err:
        raise NotDecoded(f"The image is broken: it cannot be decoded ({type(err).__name__}).") from err
    paper = Image.new("RGBA", pixels.size, "white")  # what is transparent
    paper.alpha_composite(pixels)
    return numpy.asarray(paper.convert("RGB"))[:, :, ::-1]


def lines_in(pixels: Any) -> "Sequence[str]":
    from rapidocr import RapidOCR  # seconds, with what it runs on

    found = RapidOCR(params={"Global.log_level": "error"})(pixels)
    return [str(line) for line in found.txts or ()]


def main() -> None:
    (kind,) = sys.argv[1:]
    bounded()
    try:
        pixels = decoded(sys.stdin.buffer.read(), kind)
    except NotDecoded as err:
        sys.stderr.write(str(err))
        sys.exit(CANNOT)
    json.dump(lines_in(pixels), sys.stdout)


if __name__ == "__main__":
    main()
