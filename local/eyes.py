"""The laptop's eyes: RapidOCR reads the text in a picture, with the models that its wheel brings. Run by the laptop's
cloud under its own interpreter, a process for each picture.

`python -m local.eyes`: a picture on stdin; on stdout a JSON list of the lines that stand in it, from top to bottom.
Ends with status 3 where it is no picture.
"""

import io
import json
import sys

NOT_A_PICTURE = 3


def lines_in(picture: bytes) -> list[str]:
    """Raises OSError where it is no picture."""
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as whole:
        whole.load()
    from rapidocr import RapidOCR  # seconds, with what it runs on

    found = RapidOCR(params={"Global.log_level": "error"})(picture)
    return [str(line) for line in found.txts or ()]


def main() -> None:
    try:
        lines = lines_in(sys.stdin.buffer.read())
    except (OSError, SyntaxError, ValueError) as err:  # of Pillow's: a broken one
        print(err, file=sys.stderr)
        sys.exit(NOT_A_PICTURE)
    json.dump(lines, sys.stdout)


if __name__ == "__main__":
    main()
