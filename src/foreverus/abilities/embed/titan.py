"""Amazon Titan Text Embeddings V2 behind the port, by Bedrock's InvokeModel (docs/decisions/0059 says why this one)."""

import json
from dataclasses import dataclass
from typing import Any

from foreverus.abilities.aws_errors import translated
from foreverus.abilities.embed.port import DIMENSIONS, Embedding
from foreverus.errors import BackendUnavailable, EngineBusy, EngineError, EngineFailed, PromptRejected

MODEL_ID = "amazon.titan-embed-text-v2:0"
MOST_CHARACTERS = 50_000  # of one text, and 8,192 tokens
# Below it a passage says nothing about a question: Titan's cosines of unrelated texts lie about 0 (measured on the
# laptop's model alone, whose vectors are centred to do the same: docs/decisions/0059).
LEAST_SIMILARITY = 0.25
_BUSY = (
    "ThrottlingException",
    "ModelNotReadyException",
    "ServiceUnavailableException",
    "ServiceQuotaExceededException",
)
_REFUSED = ("AccessDeniedException", "ResourceNotFoundException", "UnrecognizedClientException")


@dataclass(frozen=True, slots=True)
class TitanEmbedder:
    """`Embed` over a bedrock-runtime client."""

    client: Any
    model_id: str = MODEL_ID

    def embed(self, text: str) -> Embedding:
        with translated("Titan", refusal):
            answer = self.client.invoke_model(
                modelId=self.model_id, body=request(text), contentType="application/json", accept="application/json"
            )
            body = answer["body"].read()
        return embedding(body)


def request(text: str) -> bytes:
    """InvokeModel's body. Of a longer text the beginning."""
    return json.dumps({"inputText": text[:MOST_CHARACTERS], "dimensions": DIMENSIONS, "normalize": True}).encode()


def embedding(body: bytes) -> Embedding:
    """Of what Titan answers. Raises EngineFailed where it is no vector of ours."""
    try:
        found = json.loads(body)
        vector = tuple(float(one) for one in found["embedding"])
        tokens = int(found["inputTextTokenCount"])
    except (ValueError, TypeError, LookupError) as err:
        raise EngineFailed("Titan's answer cannot be read.") from err
    if len(vector) != DIMENSIONS:
        raise EngineFailed(f"Titan answered {len(vector)} numbers, not {DIMENSIONS}.")
    return Embedding(vector, tokens)


def refusal(code: str, message: str, status: int) -> EngineError | PromptRejected:
    """What an error of AWS's means for the caller.

    >>> type(refusal("ThrottlingException", "", 429)).__name__, type(refusal("ModelErrorException", "", 424)).__name__
    ('EngineBusy', 'EngineFailed')
    """
    said = f"Titan answered {code}: {message}"[:500]
    if code in _BUSY or status in (429, 503):
        return EngineBusy(said)
    if code in _REFUSED or status in (401, 403, 404):
        return BackendUnavailable(said)
    return PromptRejected(said) if code == "ValidationException" else EngineFailed(said)
