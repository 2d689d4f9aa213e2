"""The models that this deployment serves, as OpenAI's `/v1/models` lists them. Pure."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Catalog:
    """`model_id` is the name under which clients ask for the model; `context_tokens` is prompt and answer together."""

    model_id: str
    context_tokens: int

    def list_models(self) -> dict[str, Any]:
        model = {
            "id": self.model_id,
            "object": "model",
            "created": 0,  # OpenAI's field; nobody publishes when these weights became a model
            "owned_by": "foreverus",
            "context_window": self.context_tokens,
        }
        return {"object": "list", "data": [model]}
