"""What it costs to say what a text means. Pure.

https://aws.amazon.com/bedrock/pricing/, Amazon Titan Text Embeddings V2, on demand, us-east-1, as quoted in November
2026; another Region may differ, and the budget sees what it takes.
"""

EMBEDDING_USD_PER_MILLION_TOKENS = 0.02
MOST_TOKENS_PER_CHARACTER = 1.0  # what is set aside: no text of ours has more tokens than characters


def embedding_usd(tokens: float) -> float:
    """
    >>> embedding_usd(500_000)
    0.01
    """
    return EMBEDDING_USD_PER_MILLION_TOKENS * tokens / 1e6


def most_embedding_usd(characters: int) -> float:
    """
    >>> most_embedding_usd(1_000_000)
    0.02
    """
    return embedding_usd(characters * MOST_TOKENS_PER_CHARACTER)
