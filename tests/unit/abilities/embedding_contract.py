"""What holds of whoever says what a text means: the twin in memory, and Titan's adapter before the laptop's model."""

import pytest

from foreverus.abilities.embed.port import DIMENSIONS, Embed
from foreverus.abilities.embed.titan import MOST_CHARACTERS

TEXTS = (
    "O armazém guarda castanhas.",
    "The warehouse stores nuts.",
    "👩🏽‍🚀 \x00 \ud83d",
    "palavra " * (MOST_CHARACTERS // 7),  # longer than Titan takes
)


def cosine(embed: Embed, one: str, other: str) -> float:
    return sum(a * b for a, b in zip(embed.embed(one).vector, embed.embed(other).vector, strict=True))


def check(embed: Embed) -> None:
    for text in TEXTS:
        found = embed.embed(text)
        assert len(found.vector) == DIMENSIONS
        assert sum(one * one for one in found.vector) == pytest.approx(1.0, abs=1e-3), "a cosine is a product"
        assert found.tokens > 0, "what is billed is counted"
        again = embed.embed(text).vector
        assert again == pytest.approx(found.vector, abs=1e-4), "who answers a question again finds the same"
    question = "Onde ficam as castanhas do armazém?"
    near = cosine(embed, question, "As castanhas do armazém ficam no galpão.")
    assert near > cosine(embed, question, "My neighbour plays trombone on Tuesdays.") + 0.1
