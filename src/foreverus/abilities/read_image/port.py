"""The ports of whoever takes an image in. Their in-memory twins are in `memory.py`; the real ones are `bedrock.py`
and `gpu.py`, which see, and `container.py`, which reads.

Who sees is a backend: an image is a part of a question, and what comes back is the answer. Who reads makes text of it,
which stands in the image's place in a prompt for the backend that there is. Whatever an image says is said by the
prompt, as its text is: nothing in it starts anything.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from foreverus.backends.images import PromptImage
from foreverus.backends.port import Backend
from foreverus.errors import PromptRejected

MOST_CHARACTERS = 4000  # of one image's text: a page of a book has 3,000
READ_TOKENS = 200  # expected of one image's text: between a sign and a page


class Sight(StrEnum):
    """How an image is taken in: people are told. `READ`: by the text in it alone."""

    SEEN = "seen"
    READ = "read"


class ReadImage(Backend, Protocol):
    """`model_id`: who it is, for people and for the price."""

    @property
    def model_id(self) -> str: ...
    @property
    def sight(self) -> Sight: ...


class ReadText(Protocol):
    async def read(self, image: PromptImage) -> str:
        """The lines that stand in it, from top to bottom, at most MOST_CHARACTERS; empty where there are none. Raises
        PromptRejected (it cannot be decoded), ContainerStarting, SpendCapReached, NotAccepted and EngineFailed."""


def unreadable(err: PromptRejected) -> str:
    """The code of what a reader rejects: a picture that cannot be decoded, or one that is gone."""
    return "invalid_image" if err.reason == PromptRejected("").reason else err.reason


async def read_all(reader: ReadText, images: Sequence[PromptImage]) -> list[str]:
    """Beside each other. Where one fails the others end first."""
    import asyncio

    found = await asyncio.gather(*(reader.read(one) for one in images), return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return [one for one in found if isinstance(one, str)]
