"""The shape of a model, and what follows from it: how many weights it has and how many bytes a token has to read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """A Mistral: RMS norms, rotary positions, grouped-query attention, a gated feed-forward, no shared embeddings."""

    name: str
    vocabulary: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head: int  # dimensions of one head
    feed_forward: int
    rope_base: float
    context: int  # tokens that one request may have

    @property
    def parameters(self) -> int:
        """All weights.

        >>> MISTRAL_7B.parameters  # as the published checkpoint of v0.3 has it
        7248023552
        """
        attention = 2 * self.hidden * self.heads * self.head + 2 * self.hidden * self.kv_heads * self.head
        layer = attention + 3 * self.hidden * self.feed_forward + 2 * self.hidden
        return 2 * self.vocabulary * self.hidden + self.layers * layer + self.hidden

    @property
    def parameters_read(self) -> int:
        """The weights that one step of decoding reads: all but the embeddings, of which it reads a row a token."""
        return self.parameters - self.vocabulary * self.hidden


# mistralai/Mistral-7B-Instruct-v0.3, config.json. The context is the one that we serve (`ContextTokens`).
MISTRAL_7B = Shape("mistral-7b", 32_768, 4096, 32, 32, 8, 128, 14_336, 1e6, 8192)
# The same in small: every proportion that a kernel could trip over (4 heads a KV head, a head narrower than hidden).
TINY = Shape("tiny", 320, 64, 2, 8, 2, 16, 160, 1e6, 512)

SHAPES = {shape.name: shape for shape in (MISTRAL_7B, TINY)}
