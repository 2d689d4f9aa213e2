"""The port of whoever says what a text means. Its in-memory twin is `memory.py`, the real one `titan.py`."""

from dataclasses import dataclass
from typing import Protocol

DIMENSIONS = 512  # of every vector: the table's column has as many (migration 014)


@dataclass(frozen=True, slots=True)
class Embedding:
    """`vector`: of length 1, so that the cosine of two is their product. `tokens`: what is billed for it."""

    vector: tuple[float, ...]
    tokens: int


class Embed(Protocol):
    def embed(self, text: str) -> Embedding:
        """A question and a passage alike. Raises PromptRejected, EngineBusy, BackendUnavailable and EngineFailed."""
