"""What is read of an image file's structure. Pure."""

from dataclasses import dataclass


class NotWhole(Exception):
    """Why these bytes are not a whole image of their format, in words that go on after "The image "."""


@dataclass(frozen=True, slots=True)
class Picture:
    """`data`: the file with the picture alone: no place, no camera, no comment, no text, nothing after its end."""

    width: int
    height: int
    data: bytes


MOVES = "moves: send one picture of it, animations are not looked at"
CUT = "ends too early"
NO_PICTURE = "holds no picture"
