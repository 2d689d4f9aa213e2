"""Titan's embeddings come from a model.

AWS: InvokeModel of Amazon Titan Text Embeddings V2 takes `inputText` (50,000 characters at most), `dimensions` (1024,
512 or 256) and `normalize`, and answers `embedding`, `embeddingsByType` and `inputTextTokenCount`. It needs the
permission `bedrock:InvokeModel` on the model's ARN. (Amazon Bedrock User Guide, "Amazon Titan Text Embeddings models".)
Emulator: makes numbers up that have nothing to do with the text.

Patch: the same call, answered by multilingual-e5-small (local/embeddings.py). It has 384 dimensions: of 512 and 1024
the rest is nought; 256 is refused. What is IAM's is `bedrock_converse`'s work.
"""

import json
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from local.patches import Options

if TYPE_CHECKING:
    from local.embeddings import Model

TITAN = "amazon.titan-embed-text-v2"
MOST_CHARACTERS = 50_000
DIMENSIONS = (1024, 512)
_loading = threading.Lock()


def apply(options: Options) -> None:
    from ministack.services import bedrock_runtime as runtime

    original = runtime._invoke_model

    def invoke(model_id: str, headers: Any, body: Any) -> Any:
        if TITAN not in model_id:
            return original(model_id, headers, body)
        try:
            answer = answered(json.loads(body or b"{}"))
        except ValueError as err:
            status, kind, said = runtime._error("ValidationException", str(err), 400)
            return status, kind | {"x-amzn-ErrorType": "ValidationException"}, said
        return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()

    runtime._invoke_model = invoke


def answered(asked: Any) -> dict[str, Any]:
    """Raises ValueError, with Bedrock's words."""
    text, dimensions = asked.get("inputText"), asked.get("dimensions", 1024)
    if not isinstance(text, str) or not text:
        raise ValueError("Malformed input request: #: required key [inputText] not found, please reformat your input.")
    if len(text) > MOST_CHARACTERS:
        raise ValueError("400 Bad Request: Too many input characters. Max input characters: 50000.")
    if dimensions not in DIMENSIONS:
        raise ValueError(f"The laptop's model answers {DIMENSIONS} dimensions.")
    vector = model().embed(text, dimensions)
    return {
        "embedding": vector,
        "embeddingsByType": {"float": vector},
        "inputTextTokenCount": model().tokens(text),
    }


def model() -> "Model":
    """Loaded with the first text: most clouds embed none."""
    with _loading:
        return _loaded()


@cache
def _loaded() -> "Model":
    from local.embeddings import Model

    return Model()
