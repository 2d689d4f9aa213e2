"""The port of whoever answers a prompt that has images in it. Its in-memory twin is `memory.py`, the real one
`bedrock.py`.

It is a backend's port: an image is a part of a question, and what comes back is the answer. Whatever an image says is
said by the prompt, as its text is: nothing in it starts anything.
"""

from enum import StrEnum
from typing import Protocol

from foreverus.backends.port import Backend


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
