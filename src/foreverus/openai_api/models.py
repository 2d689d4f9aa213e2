"""The names under which clients ask for the model: without a backend, and with each. What each costs, and its state."""

from collections.abc import Callable
from dataclasses import dataclass

from foreverus.api.responses import Body
from foreverus.backends.port import BackendName
from foreverus.backends.tokens import BEDROCK_CONTEXT_TOKENS
from foreverus.choice.request_records import GpuStatus
from foreverus.costs.prices import TokenPrice
from foreverus.errors import NotFound
from foreverus.openai_api.requests import Served

GPU_PRICE = "a GPU is paid by the hour: GET /usage says what a session costs"
STATES = {
    GpuStatus.NONE: "off",
    GpuStatus.BOOTING: "booting",
    GpuStatus.HEALTHY: "ready",
    GpuStatus.FULL: "full",
}


@dataclass(frozen=True, kw_only=True)
class ModelList:
    """`bedrock`: its price, None where the stack has none. `gpu`: how the GPUs are just now; it reads the table."""

    served: Served
    context_tokens: int
    bedrock: TokenPrice | None
    gpu: Callable[[], GpuStatus]

    def list_models(self) -> Body:
        backends = self._backends()
        named = [self._model(self.served.named(BackendName(str(one["backend"]))), [one]) for one in backends]
        return {"object": "list", "data": [self._model(self.served.model_id, backends), *named]}

    def get(self, model: str) -> Body:
        """Raises NotFound."""
        backend = self.served.backend_of(model)
        backends = [one for one in self._backends() if backend is BackendName.AUTO or one["backend"] == backend.value]
        if not backends:
            raise self.served.unknown(model)
        return self._model(model, backends)

    def no_embeddings(self) -> Body:
        """Raises NotFound: clients ask for it by the same address as for chats."""
        message = (
            "There are no embeddings here: this deployment serves one model, which writes text. Take another provider "
            "for embeddings and leave its base_url as it is; chats and texts are at /chat/completions and /completions."
        )
        raise NotFound(message, code="no_embeddings")

    def _model(self, name: str, backends: list[Body]) -> Body:
        return {
            "id": name,
            "object": "model",
            "created": 0,  # OpenAI's field; nobody publishes when these weights became a model
            "owned_by": "foreverus",
            "context_window": min(self._context_of(one) for one in backends),
            "backends": backends,
        }

    def _context_of(self, backend: Body) -> int:
        return self.context_tokens if backend["backend"] == BackendName.GPU.value else BEDROCK_CONTEXT_TOKENS

    def _backends(self) -> list[Body]:
        gpu = _backend(BackendName.GPU, STATES[self.gpu()], TokenPrice(None, None, GPU_PRICE))
        return [gpu] if self.bedrock is None else [gpu, _backend(BackendName.BEDROCK, "ready", self.bedrock)]


def _backend(backend: BackendName, state: str, price: TokenPrice) -> Body:
    return {
        "backend": backend.value,
        "state": state,
        "usd_per_million_prompt_tokens": price.prompt,
        "usd_per_million_completion_tokens": price.completion,
        "price_source": price.source,
    }
