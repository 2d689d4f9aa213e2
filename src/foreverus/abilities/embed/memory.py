"""An embedder in memory, for tests of what is done with vectors: it knows words and no meaning."""

import math
import zlib
from collections import deque

from foreverus.abilities.embed.port import DIMENSIONS, Embedding


class MemoryEmbedder:
    """Twin of `TitanEmbedder`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._failures: deque[Exception] = deque()

    def fail_next(self, error: Exception) -> None:
        self._failures.append(error)

    def embed(self, text: str) -> Embedding:
        self.asked.append(text)
        if self._failures:
            raise self._failures.popleft()
        words = text.lower().split()
        counts = [0.0] * DIMENSIONS
        for word in words:
            counts[zlib.crc32(word.encode(errors="replace")) % DIMENSIONS] += 1.0
        length = math.sqrt(sum(one * one for one in counts)) or 1.0
        return Embedding(tuple(one / length for one in counts), len(words))
