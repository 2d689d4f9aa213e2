"""Titan's embeddings come from a real model on the laptop: what means the same lies near, in both languages."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from foreverus.abilities.embed.port import DIMENSIONS
from foreverus.abilities.embed.titan import MODEL_ID, TitanEmbedder
from local.emulator import Emulator
from tests.unit.abilities import embedding_contract

pytestmark = pytest.mark.cloud


def test_what_means_the_same_is_near_whatever_its_words_are(emulator: Emulator) -> None:
    embedder = TitanEmbedder(emulator.client("bedrock-runtime"))
    wetland, question, recipe = (
        embedder.embed(text)
        for text in (
            "O Pantanal é a maior planície alagável do mundo.",
            "Which is the largest wetland on Earth?",
            "Bata os ovos com o açúcar e leve ao forno.",
        )
    )
    assert len(wetland.vector) == DIMENSIONS and 5 < wetland.tokens < 40
    assert sum(one * one for one in wetland.vector) == pytest.approx(1.0, abs=1e-3)
    near, far = (sum(a * b for a, b in zip(one.vector, question.vector, strict=True)) for one in (wetland, recipe))
    assert near > far + 0.1


def test_titans_adapter_keeps_the_contract_of_its_twin(emulator: Emulator) -> None:
    embedding_contract.check(TitanEmbedder(emulator.client("bedrock-runtime")))


@pytest.mark.parametrize("asked", [{}, {"inputText": ""}, {"inputText": "x" * 50_001}])
def test_what_titan_does_not_take_is_refused(emulator: Emulator, asked: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        emulator.client("bedrock-runtime").invoke_model(modelId=MODEL_ID, body=json.dumps(asked))


def test_the_emulator_embeds_nothing_by_itself(unpatched: Emulator) -> None:
    asked = json.dumps({"inputText": "Oi", "dimensions": DIMENSIONS})
    try:
        body = unpatched.client("bedrock-runtime").invoke_model(modelId=MODEL_ID, body=asked)["body"].read()
    except ClientError:
        return
    assert len(json.loads(body).get("embedding", ())) != DIMENSIONS
