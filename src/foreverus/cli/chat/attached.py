"""Images that go with a question: looked at here, so that nothing is sent where one of them would be refused, and sent
without what a camera writes beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

from foreverus.abilities.read_image.checking import MOST_BYTES, MOST_IMAGES, NotTaken, checked
from foreverus.cli.context import Context, printable
from foreverus.cli.failures import UsageError
from foreverus.cli.streams import readable


@dataclass(frozen=True, slots=True)
class AttachedImage:
    name: str
    data: bytes


def read_images(paths: Sequence[str], context: Context) -> list[AttachedImage]:
    """Raises UsageError that names the file and what is wrong with it."""
    if len(paths) > MOST_IMAGES:
        raise UsageError(f"A question shows {MOST_IMAGES} images at most, not {len(paths)}.")
    return [_read(path, context) for path in paths]


def _read(path: str, context: Context) -> AttachedImage:
    with readable(path, context, MOST_BYTES) as file:
        try:
            image = checked(file.read_bytes())
        except OSError as err:
            raise UsageError(f"{printable(path)} cannot be read: {err.strerror}.") from err
        except NotTaken as err:
            raise UsageError(f"{printable(path)}: {err}") from err
        return AttachedImage(file.name, image.data)
